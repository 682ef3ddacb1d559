"""Every format knows its own files, and no other's; and none falls over a hostile cell."""

import csv
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.detect import look
from springtide.domain.imports.ports import Head
from springtide.kit.errors import Refusal
from tests.contracts.test_order_files import _FORMATS as SAMPLES
from tests.kit.bench import Bench

#: A made-up row or two of each format in CSV, as its platform writes them.
ROWS: dict[str, str] = {
    "generic": "customer_id,order_date,revenue\nc1,2025-01-02,10.50\nc2,2025-01-03,3\n",
    "completejourney": (
        "household_id,age,income,home_ownership,marital_status\n1,25-34,50K,Owner,Single\n"
    ),
    "taobao_orders": (
        "订单编号,买家会员名,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,收货地址 ,"
        "订单创建时间,订单付款时间 ,宝贝标题 ,宝贝总数量,退款金额\n"
        '"=""193000001""",tb1,10.00,5.00,15.00,15.00,交易成功,,2025-06-01 10:00:00,'
        "2025-06-01 10:01:00,茶,2,0.00\n"
    ),
    "taobao_suborders": (
        "子订单编号,主订单编号,商品标题,商品价格,购买数量,外部系统编号,订单状态,商家编码,买家应付货款,"
        "买家实付金额,退款状态,退款金额,订单创建时间,订单付款时间,商品ID\n"
        "1930000011,1930000010,茶,10.00,2,A1,交易成功,A,20.00,20.00,没有申请退款,无退款申请,"
        "2025-06-01 10:00:00,2025-06-01 10:01:00,77\n"
    ),
    "jd": (
        "订单号,商品ID,商品名称,订购数量,下单时间,京东价,订单金额,应付金额,订单状态,下单帐号,运费金额,"
        "付款确认时间\n3694,100,茶,1,2025-06-01 10:00:00,10.00,10.00,10.00,完成,jd_a,0.00,"
        "2025-06-01 10:01:00\n"
    ),
    "alibaba_1688": (
        "订单编号,买家会员名,货品总价(元),运费(元),涨价或折扣(元),实付款(元),订单状态,订单创建时间,"
        "订单付款时间,货品标题,单价(元),数量,Offer ID\n"
        "4601,b1,10.00,0,0,10.00,交易成功,2025/6/1 8:05,2025/6/1 8:06,茶,5.00,1,77\n"
        ",,,,,,,,,杯,5.00,1,78\n"
    ),
    "pinduoduo": (
        "商品,订单号,订单状态,商品总价(元),邮费(元),店铺优惠折扣(元),用户实付金额(元),商品数量(件),"
        "支付时间,商品id,订单成交时间\n"
        '茶,250601-1,已收货,"10.00\t",0.00,0.00,10.00,1,2025/6/1 13:41,77,2025/6/1 13:40\n'
    ),
    "douyin": (
        "主订单编号,子订单编号,选购商品,商品数量,商品ID,商品单价,订单应付金额,运费,商家优惠,订单提交时间,"
        "支付完成时间,订单状态,售后状态\n"
        '"\t46310","\t46311",茶,1,"\t77",10.00,10.00,0.00,0.00,2025-06-01 10:00:00,'
        "2025-06-01 10:01:00,已完成,-\n"
    ),
    "douyin_refunds": (
        "售后单号,订单号,商品单号,商品名称,商品ID,应付金额（元）,售后类型,退商品金额（元）,退运费金额（元）,"
        "售后状态,售后申请时间\n"
        '"\t1460","\t46310","\t46311",茶,"\t77",10.00,退货退款,4.00,0.00,退款成功,'
        "2025-06-03 09:00:00\n"
    ),
    "youzan": (
        "订单号,买家付款时间,收货人手机号/提货人手机号,全部商品名称,商品种类数,订单实付金额,订单状态\n"
        "E1,2025-06-01 10:00:00,138****0000,茶;杯,2,15.00,已发货\n"
    ),
    "shopify_orders": (
        "Name,Email,Financial Status,Paid at,Currency,Subtotal,Shipping,Total,Discount Amount,"
        "Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku,Refunded Amount\n"
        "#1001,A@example.com,paid,2026-05-01 10:00:00 +0200,CNY,15.00,5.00,20.00,0.00,"
        "2026-05-01 09:59:00 +0200,1,Tea,10.00,T1,0.00\n"
        "#1001,A@example.com,,,,,,,,,1,Cup,5.00,C1,\n"
    ),
    "shopify_customers": (
        "First Name,Last Name,Email,Total Spent,Total Orders,Tags\nA,B,a@example.com,10.00,1,vip\n"
    ),
    "shopify_products": (
        "Handle,Title,Vendor,Type,Option1 Value,Variant SKU,Variant Price\n"
        "tea,Tea,V,T,50g,T1,10.00\n"
    ),
    "woocommerce_orders": (
        "Order Number,Order Status,Order Date,Item Name,Quantity,Item Cost,Order Total Amount,"
        "Email (Billing)\n7272,wc-completed,2026-05-01 10:00:00,Tea,1,10.00,10.00,a@example.com\n"
    ),
    "sycm_products": (
        "统计日期,商品ID,商品名称,商品访客数,商品浏览量,支付金额\n"
        "2026-06-18,77,茶,84,266,\"1,777.66\"\n"
    ),
    "sycm_traffic": (
        "统计日期,来源,来源明细,访客数,支付金额\n2026-06-18,付费流量,直通车,10,5.00\n"
    ),
    "sycm_trade": "日期,终端,支付金额,支付买家数,客单价\n2026-06-18,所有终端,100.00,5,20.00\n",
    "sycm_peers": (
        "日期,对象,支付金额,访客数\n2026-06-18,本店,100.00,5\n2026-06-18,同行同层平均,90.00,-\n"
    ),
    "sycm_campaign": "预热加购人数,预热访客数,统计日期,活动id\n50,842,2026-06-08,11110618\n",
    "new_buyer_discount": (
        "统计日期,商品名称,商品id,新客拉新费率,新客支付金额\n2026-06-18,茶,77,3.00%,12.00\n"
    ),
    "campaign_entries": (
        "活动名称,活动时间,商品名称,商品id,一口价,活动价格,报名时间,活动状态\n"
        "618,2026-06-18 00:00:00至2026-06-21 23:59:59,茶,77,128.00,108.80,2026-05-28 00:00,"
        "报名成功\n"
    ),
    "wanxiangtai": "日期,消耗,曝光量,点击量,roi\n2026-06-18,278.16,12125,456,6.36\n",
    "behaviour_log": "1,2268318,2520377,pv,1511544070\n1,2333346,2520771,buy,1511561733\n",
    "online_retail": (
        "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        "536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850,UK\n"
        "C536379,22556,TINS,-1,12/1/2010 9:41,1.65,14527,UK\n"
    ),
    "email_test": (
        "recency,history_segment,history,mens,womens,zip_code,newbie,channel,segment,visit,"
        "conversion,spend\n10,2) $100 - $200,142.44,1,0,Urban,0,Phone,Womens E-Mail,1,1,12.50\n"
    ),
    "merchant_feed": (
        "id\ttitle\tlink\tprice\tavailability\n"
        "T1\tTea\thttps://example.com/t\t25.00 USD\tin_stock\n"
    ),
    "price_watch": (
        "update_time,id,title,price,sale_count,comment_count,店名\n2016/11/14,A1,水,139,267,27,悦诗\n"
    ),
}  # fmt: skip
#: Formats that are JSON, or that cannot stand alone: others test them.
ELSEWHERE = {"shopify_json", "taobao_items"}


def _surest(head: Head) -> list[tuple[int, str]]:
    return sorted(((FORMATS[kind].recognise(head), kind) for kind in FORMATS), reverse=True)


def _delimiter(kind: str) -> str:
    return "\t" if "\t" in ROWS[kind].splitlines()[0] else ","


def test_every_format_has_rows_here() -> None:
    assert set(ROWS) | ELSEWHERE == set(FORMATS)


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_a_formats_rows_are_recognised_and_come_in_once(bench: Bench, kind: str) -> None:
    path = bench.write(ROWS[kind], "file.csv")
    (head,) = look(path)
    (sure, best), (next_sure, _), *_ = _surest(head)
    assert best == kind
    assert sure > next_sure
    done = bench.bring(ROWS[kind], "file.csv")
    assert (done.format, done.rows.rejected) == (kind, 0)
    facts = bench.reader.rows("select count(*), sum(amount_minor) from facts")
    again = bench.bring(ROWS[kind], "file.csv")
    assert (again.rows.new, again.rows.changed, again.rows.rejected) == (0, 0, 0)
    assert bench.reader.rows("select count(*), sum(amount_minor) from facts") == facts


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_columns_may_stand_in_any_order_beside_unknown_ones_in_any_encoding(
    bench: Bench, kind: str
) -> None:
    if kind == "behaviour_log":
        return  # without a header the order is the meaning
    rows = list(csv.reader(io.StringIO(ROWS[kind]), delimiter=_delimiter(kind)))
    turned = [[*reversed(row), "x"] for row in rows]
    turned[0][-1] = "又一列"
    text = io.StringIO()
    csv.writer(text, delimiter="\t").writerows(turned)
    done = bench.bring(text.getvalue().encode("utf-16"), "file.xls")
    assert (done.format, done.rows.rejected) == (kind, 0)
    assert "又一列" in [*done.report["unused"], *done.report["used"]]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample files are not here")
def test_one_format_is_surest_of_every_sample() -> None:
    seen = set()
    for path in sorted(SAMPLES.glob("*/*")):
        for head in look(path):
            (sure, best), (next_sure, _), *_ = _surest(head)
            assert sure > next_sure, (path.name, head.sheet)
            assert sure >= 80, (path.name, head.sheet)
            seen.add(best)
    assert len(seen) >= 14


_NUMBERS = (
    "1.37359E+14",
    "-5",
    "1e400",
    "0/0",
    "9" * 40,
    "nan",
    "inf",
    "%",
    "１２．５元",
    "1,23,4",
)
_TIMES = ("2025-13-45", "0000-00-00", "2025/6/1 25:61", "24:00")
_TEXTS = (
    "",
    "-",
    "NULL",
    "=1+1",
    "\t",
    "''",
    '="',
    "张**",
    "##密文",
    "无退款申请",
    "x" * 300,
    "#REF!",
)
_HOSTILE = st.one_of(st.sampled_from([*_NUMBERS, *_TIMES, *_TEXTS, "\ufeff"]), st.text(max_size=12))


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_a_hostile_cell_costs_its_row_at_most(tmp_path: Path, kind: str, bench: Bench) -> None:
    rows = list(
        csv.reader(io.StringIO(ROWS[kind]), delimiter="\t" if kind == "merchant_feed" else ",")
    )

    @settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(data=st.data())
    def law(data: Any) -> None:
        cells = [list(row) for row in rows]
        for _ in range(data.draw(st.integers(1, 3))):
            row = data.draw(st.integers(0 if kind == "behaviour_log" else 1, len(cells) - 1))
            cells[row][data.draw(st.integers(0, len(cells[row]) - 1))] = data.draw(_HOSTILE)
        text = io.StringIO()
        csv.writer(text).writerows(cells)
        content = text.getvalue().encode("utf-8", "replace")
        try:
            done = bench.bring(content, "hostile.csv", kind=kind)
        except Refusal:
            return
        counts = done.rows
        parts = (counts.new, counts.changed, counts.unchanged, counts.rejected)
        assert sum(parts) == counts.read
        assert min(parts) >= 0

    law()
