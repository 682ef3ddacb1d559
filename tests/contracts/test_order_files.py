"""Files of orders as the platforms write them: what a right reader gets out of each."""

import json
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from springtide.domain.catalog.store import products
from springtide.domain.customers.store import customers
from springtide.domain.imports import records
from springtide.domain.imports.normalise import ROUNDED
from springtide.domain.imports.queries import imports
from springtide.flows.files.imports import Imported, import_file
from springtide.flows.files.table_load import Cancelled
from tests.kit.bench import ACTOR, Bench

_FORMATS = Path(__file__).resolve().parents[3] / "shared" / "data" / "formats"

samples = pytest.mark.skipif(not _FORMATS.is_dir(), reason="the sample files are not here")


def expected(pattern: str) -> dict[str, Any]:
    """Return what a right reader gets from a sample file."""
    document: dict[str, dict[str, Any]] = json.loads((_FORMATS / "EXPECTED.json").read_text())
    return document[pattern]


def bring(bench: Bench, pattern: str) -> Imported:
    """Import a sample file."""
    (path,) = _FORMATS.glob(pattern)
    return import_file(bench.target, path, shop=bench.shop, actor=ACTOR)


def _minor(text: str) -> int:
    return round(float(text) * 100)


def _found(bench: Bench) -> dict[str, Any]:
    freight = "ends_with(external_id, ':shipping')"
    ((orders, lines, pieces, due, discount, shipping, buyers),) = bench.reader.rows(
        f"select count(distinct order_key), count(*) filter (not {freight}), sum(quantity), "
        f"coalesce(sum(amount_minor) filter (not {freight}), 0), sum(discount_minor), "
        f"coalesce(sum(amount_minor) filter ({freight}), 0), count(distinct customer_key) "
        "from facts where kind = 'order'"
    )
    sums: dict[str, int] = dict(
        bench.reader.rows("select kind, cast(sum(amount_minor) as bigint) from facts group by 1")
    )
    paid: dict[str, int] = dict(
        bench.reader.rows("select kind, count(distinct order_key) from facts group by 1")
    )
    return {
        "orders": orders,
        "lines": lines,
        "units": pieces,
        "goods_after_discount": due,
        "discount": discount,
        "gross_before_discount": due + discount,
        "freight": shipping,
        "paid_total": sums.get("payment", 0),
        "refund_total": sums.get("refund", 0),
        "orders_with_pay_time": paid.get("payment", 0),
        "unpaid_orders": orders - paid.get("payment", 0),
        "orders_with_refund": paid.get("refund", 0),
        "closed_never_paid": paid.get("order_closed", 0),
        "buyers": buyers or None,
    }


_MONEY = (
    "goods_after_discount", "discount", "gross_before_discount", "freight", "paid_total",
    "refund_total",
)  # fmt: skip


def right(pattern: str) -> dict[str, Any]:
    """Return the part of what is expected that facts tell, money in minor units."""
    wanted = expected(pattern)
    return {
        name: _minor(value) if name in _MONEY else value
        for name, value in wanted.items()
        if name in (*_MONEY, "orders", "lines", "units", "orders_with_pay_time", "unpaid_orders",
                    "orders_with_refund", "closed_never_paid", "buyers")
    }  # fmt: skip


_COUPONS = {"discount": 2860, "goods_after_discount": 312860}
#: What a file does not tell of its orders, with what it tells in its place.
_UNTOLD: dict[str, dict[str, Any]] = {
    # The platform's coupons stand among the discounts.
    "1688/*.xlsx": {"discount": 21980, "goods_after_discount": 316700},
    # A refund in part is not in the file.
    "pdd/orders_export*.csv": {"refund_total": 7100, "orders_with_refund": 1},
    # Buyers are told by e-mail; the platform's coupons stand among the discounts.
    "shopify/orders_export_1.csv": _COUPONS | {"buyers": 13},
    "shopify/rest_orders.json": _COUPONS,
}


@samples
@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("jd/*.csv", "jd"),
        ("1688/*.xlsx", "alibaba_1688"),
        ("pdd/orders_export*.csv", "pinduoduo"),
        ("douyin/*_orders.csv", "douyin"),
        ("shopify/orders_export_1.csv", "shopify_orders"),
        ("shopify/rest_orders.json", "shopify_json"),
        ("woocommerce/orders.json", "woocommerce_orders"),
    ],
)
def test_an_order_file_gives_the_sums_that_the_platform_says(
    bench: Bench, pattern: str, kind: str
) -> None:
    done = bring(bench, pattern)
    assert (done.format, done.rows.rejected) == (kind, 0)
    wanted = right(pattern) | _UNTOLD.get(pattern, {})
    assert _found(bench) == wanted
    again = bring(bench, pattern)
    assert (again.rows.new, again.rows.changed) == (0, 0)
    assert _found(bench) == wanted
    told = {row["state"]: row["orders"] for row in done.report["states"]}
    assert told == expected(pattern).get("by_raw_status", told)


_ORDERS, _ITEMS, _SUBS = (
    "taobao/ExportOrderList*.csv", "taobao/ExportOrderDetailList*.csv",
    "taobao/ExportItemList*.xlsx",
)  # fmt: skip


@samples
def test_taobaos_order_report_tells_money_and_buyers_but_no_lines(bench: Bench) -> None:
    done = bring(bench, _ORDERS)
    assert (done.format, done.rows.rejected) == ("taobao_orders", 0)
    wanted = right(_ORDERS) | {"lines": 60, "discount": 0, "gross_before_discount": 880870}
    assert _found(bench) == wanted
    states = {row["state"]: row["orders"] for row in done.report["states"]}
    assert states == expected(_ORDERS)["by_raw_status"]


@samples
@pytest.mark.parametrize(
    "files",
    [
        (_ORDERS, _ITEMS),
        (_ORDERS, _ITEMS, _ORDERS, _ITEMS),
        (_ORDERS, _SUBS),
        (_SUBS, _ORDERS),
        (_ORDERS, _ITEMS, _SUBS),
        (_ORDERS, _SUBS, _ITEMS, _ORDERS, _SUBS),
    ],
)
def test_taobaos_reports_count_an_order_once_whatever_comes_first(
    bench: Bench, files: tuple[str, ...]
) -> None:
    for pattern in files:
        assert bring(bench, pattern).rows.rejected == 0
    assert _found(bench) == right(_ORDERS)
    before = bench.rows("*")
    for pattern in files:
        bring(bench, pattern)
    assert bench.rows("*") == before


@samples
def test_a_presales_deposit_counts_once_it_is_paid(bench: Bench) -> None:
    bring(bench, _ORDERS)
    assert bench.rows("order_key, amount_minor", "deposit") == [
        ("4630000469497201852", 495),
        ("4618000468766281911", 2545),
    ]
    # The balance of the first is not paid: no money counts as paid yet.
    assert "4630000469497201852" not in {key for (key,) in bench.rows("order_key", "payment")}


@samples
def test_shopifys_files_of_one_shop_count_an_order_once(bench: Bench) -> None:
    bring(bench, "shopify/orders_export_1.csv")
    done = bring(bench, "shopify/rest_orders.json")
    assert done.rows.rejected == 0
    assert _found(bench) == right("shopify/rest_orders.json") | _COUPONS
    back = bring(bench, "shopify/orders_export_1.csv")
    assert (back.rows.new, back.rows.rejected) == (0, 0)
    found = _found(bench)
    assert (found["orders"], found["paid_total"], found["lines"]) == (24, 214430, 31)


@samples
def test_shopifys_customers_and_products(bench: Bench) -> None:
    wanted = expected("shopify/customers_export.csv")
    done = bring(bench, "shopify/customers_export.csv")
    assert (done.format, done.rows.new, done.rows.rejected) == (
        "shopify_customers", wanted["customers"], 0,
    )  # fmt: skip
    with bench.target.database.read() as tx:
        found = list(tx.execute(select(customers)).mappings())
    assert (
        sum(row["attributes"]["accepts_email_marketing"] == "yes" for row in found)
        == (wanted["accepts_email_marketing"])
    )
    assert sum(row["email"] is None for row in found) == wanted["without_email"]
    spent = sum(Decimal(row["attributes"]["total_spent"]) for row in found)
    assert spent == Decimal(wanted["total_spent_sum"])
    wanted = expected("shopify/products_export_1.csv")
    done = bring(bench, "shopify/products_export_1.csv")
    assert (done.format, done.rows.rejected) == ("shopify_products", 0)
    with bench.target.database.read() as tx:
        goods = list(tx.execute(select(products)).mappings())
    assert len(goods) == wanted["variants"]
    assert len({row["attributes"]["handle"] for row in goods}) == wanted["products"]
    stock = [int(row["attributes"]["stock"]) for row in goods]
    assert sum(stock) == wanted["inventory_sum"]
    assert stock.count(0) == wanted["out_of_stock_variants"]
    assert all(row["name"].startswith("Longjing") for row in goods if "XM-LJ" in row["key"])


_MENDED = (
    "订单编号,买家会员名,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,订单创建时间,"
    "订单付款时间,宝贝总数量,退款金额\n"
    '"=""4628000443885124223""",tb1,10.00,0.00,10.00,10.00,交易成功,2025-06-01 10:00:00,'
    "2025-06-01 10:01:00,1,0.00\n"
    '"=""4628000443885124224""",=cmd(),oops,0.00,20.00,20.00,交易成功,2025-06-01 11:00:00,'
    "2025-06-01 11:01:00,1,0.00\n"
    "1.37359E+18,tb3,10.00,0.00,10.00,10.00,交易成功,2025-06-01 10:00:00,2025-06-01 10:01:00,1,0\n"
)


def test_the_file_of_rejected_rows_is_mended_and_brought_again(bench: Bench) -> None:
    done = bench.bring(_MENDED.encode("gb18030"), "ExportOrderList202506210930.csv")
    assert bench.rejects(done) == [
        (3, "买家应付货款", "is not an amount"), (4, "订单编号", ROUNDED),
    ]  # fmt: skip
    assert done.rejects_file is not None
    text = done.rejects_file.read_text("utf-8-sig")
    # A spreadsheet keeps the order's number whole, and runs nothing.
    assert '"=""4628000443885124224"""' in text
    assert "'=cmd()" in text
    again = bench.bring(text.replace("oops", "20.00"), "rejects.csv")
    assert (again.format, again.rows.new, again.rows.rejected) == ("taobao_orders", 1, 1)
    assert bench.rows("order_key, customer_key, amount_minor") == [
        ("4628000443885124223", "tb1", 1000),
        ("4628000443885124224", "=cmd()", 2000),
    ]


def test_of_two_exports_the_later_counts_whichever_comes_first(bench: Bench) -> None:
    early = (
        "订单编号,买家会员名,买家应付货款,买家应付邮费,总金额,买家实际支付金额,订单状态,订单创建时间,"
        "订单付款时间,宝贝总数量,退款金额\n"
        "4628,tb1,10.00,0.00,10.00,0.00,等待买家付款,2025-06-01 10:00:00,,1,0.00\n"
        "4629,tb2,15.00,0.00,15.00,15.00,交易成功,2025-06-01 11:00:00,2025-06-01 11:01:00,1,0.00\n"
    )
    late = early.replace(
        "0.00,等待买家付款,2025-06-01 10:00:00,",
        "10.00,交易成功,2025-06-01 10:00:00,2025-06-01 10:05:00",
    )
    names = "ExportOrderList202506021000.csv", "ExportOrderList202506030900.csv"
    for order in (names, names[::-1]):
        for name in order:
            done = bench.bring(late if name == names[1] else early, name)
        assert _found(bench)["paid_total"] == 2500
    assert (done.rows.changed, done.rows.unchanged, done.report["older"]) == (0, 2, 1)


def test_a_line_that_an_order_no_longer_has_is_taken_back(bench: Bench) -> None:
    header = (
        "订单号,商品ID,商品名称,订购数量,下单时间,京东价,订单金额,应付金额,订单状态,下单帐号,运费金额,"
        "付款确认时间\n"
    )
    line = (
        "3694,{item},茶,1,2025-06-01 10:00:00,10.00,{due},{due},完成,jd_a,0.00,"
        "2025-06-01 10:01:00\n"
    )
    two = header + line.format(item=1, due="20.00") + line.format(item=2, due="20.00")
    bench.bring(two, "jd_202506021000.csv")
    assert _found(bench)["lines"] == 2
    bench.bring(header + line.format(item=1, due="10.00"), "jd_202506031000.csv")
    found = _found(bench)
    assert (found["lines"], found["goods_after_discount"], found["paid_total"]) == (1, 1000, 1000)
    # An order of which a row is rejected is not whole: nothing of it is taken back.
    bench.bring(two, "jd_202506041000.csv")
    bench.bring(
        header + line.format(item=1, due="20.00") + line.format(item=2, due="oops"),
        "jd_202506051000.csv",
    )
    assert _found(bench)["lines"] == 2


def test_an_import_that_is_stopped_leaves_nothing(bench: Bench) -> None:
    def stop(stage: str) -> None:
        if stage == "checking":
            with bench.target.database.write() as tx:
                (running,) = records.running_imports(tx)
                records.request_cancel(
                    tx, shop_id=bench.shop.id, import_id=running, now=bench.target.clock()
                )
            time.sleep(1.2)  # longer than it takes to be heard

    with pytest.raises(Cancelled):
        bench.bring(_MENDED, "ExportOrderList202506210930.csv", progress=stop)
    with bench.target.database.read() as tx:
        (record,) = imports(tx, shop_id=bench.shop.id)
        assert list(tx.execute(select(customers))) == []
    assert (record.state, record.rows.read) == ("cancelled", 0)
    assert bench.rows("*") == []
    assert bench.bring(_MENDED, "ExportOrderList202506210930.csv").rows.new == 1


_GRAPH: Any = {
    "data": {"orders": {"edges": [{"node": {
        "name": "#1", "email": "A@example.com", "createdAt": "2026-05-01T08:00:00Z",
        "processedAt": "2026-05-01T08:01:00Z", "displayFinancialStatus": "PARTIALLY_REFUNDED",
        "currencyCode": "CNY",
        "subtotalPriceSet": {"shopMoney": {"amount": "25.0", "currencyCode": "CNY"}},
        "totalShippingPriceSet": {"shopMoney": {"amount": "5.0"}},
        "totalPriceSet": {"shopMoney": {"amount": "32.5", "currencyCode": "CNY"}},
        "totalRefundedSet": {"shopMoney": {"amount": "2.5"}},
        "lineItems": {"nodes": [
            {"sku": "T1", "title": "Tea", "quantity": 2,
             "originalUnitPriceSet": {"shopMoney": {"amount": "10.0"}}},
            {"sku": "C1", "title": "Cup", "quantity": 1,
             "originalUnitPriceSet": {"shopMoney": {"amount": "10.0"}}},
        ]},
    }}]}}
}  # fmt: skip


def test_shopifys_graphql_answers_and_bulk_lines_are_read(bench: Bench) -> None:
    done = bench.bring(json.dumps(_GRAPH), "orders.json")
    assert (done.format, done.rows.new, done.rows.rejected) == ("shopify_json", 2, 0)
    found = _found(bench)
    # Goods for 30.00 less 5.00; freight 5.00 and taxes of 2.50 on top.
    assert (found["gross_before_discount"], found["discount"], found["freight"]) == (3000, 500, 750)
    assert (found["paid_total"], found["refund_total"]) == (3250, 250)
    node = dict(_GRAPH["data"]["orders"]["edges"][0]["node"])
    lines = [
        {**line, "id": f"l{number}", "__parentId": "gid://shopify/Order/1"}
        for number, line in enumerate(node.pop("lineItems")["nodes"])
    ]
    bulk = [{"id": "gid://shopify/Order/1", **node}, *lines]
    text = "".join(json.dumps(record) + "\n" for record in bulk)
    again = bench.bring(text, "bulk.jsonl")
    assert (again.format, again.rows.unchanged, again.rows.rejected) == ("shopify_json", 2, 0)


@pytest.mark.parametrize(
    "record",
    [
        {"name": "#1", "financial_status": "paid", "line_items": "none"},
        {"name": {"a": 1}, "financial_status": [], "line_items": [1, None]},
        {"name": "#1", "financial_status": "paid", "line_items": [{"price": {"x": []}}],
         "customer": "Ann", "refunds": [{"transactions": [{"kind": "refund", "status": "success",
                                                            "amount": "?"}]}]},
        {"number": "1", "status": None, "date_created": 5, "line_items": [[]], "billing": []},
        {"number": "1", "status": "x", "date_created": "", "line_items": [{}], "refunds": [{}]},
    ],
)  # fmt: skip
def test_a_record_of_another_shape_is_rejected_by_its_number(
    bench: Bench, record: dict[str, Any]
) -> None:
    done = bench.bring(json.dumps([record]), "orders.json")
    assert (done.rows.new, done.rows.rejected) == (0, done.rows.read)
    assert done.rows.read >= 1
