"""Files of numbers that the platforms worked out: each cell a measure, sums as they say."""

from typing import Any

import pytest

from springtide.connectors.tabular.measures import NoPeriod
from tests.contracts.test_order_files import bring, expected, samples
from tests.kit.bench import Bench
from tests.kit.workbooks import workbook


def _sum(bench: Bench, name: str, column: str = "quantity", where: str = "true") -> int:
    ((total,),) = bench.reader.rows(
        f"select cast(sum({column}) as bigint) from facts "
        f"where kind = 'measure' and reference = $name and {where}",
        {"name": name},
    )
    return int(total)


def _minor(text: str) -> int:
    return round(float(text) * 100)


@samples
def test_the_product_ranking_of_sycm(bench: Bench) -> None:
    pattern = "sycm/【生意参谋平台】商品_全部_*.xls"
    done, wanted = bring(bench, pattern), expected(pattern)
    assert (done.format, done.rows.rejected, done.rows.new) == ("sycm_products", 0, 4)
    for name in ("商品访客数", "商品浏览量", "商品收藏人数", "商品加购人数", "支付买家数"):
        assert _sum(bench, name) == wanted[f"{name}_sum"]
    assert _sum(bench, "支付金额", "amount_minor") == _minor(wanted["支付金额_sum"])
    # Cells that say "-" are no facts, rates are basis points.
    assert bench.rows("reference", "measure").count(("聚划算支付金额",)) == 0
    rates = bench.reader.rows(
        "select quantity, props->>'$.unit' from facts where reference = '商品支付转化率' "
        "and product_key = '70310088801'"
    )
    assert rates == [(476, "rate")]
    again = bring(bench, pattern)
    assert (again.rows.new, again.rows.changed, again.rows.unchanged) == (0, 0, 4)


@samples
def test_the_traffic_sources_of_sycm(bench: Bench) -> None:
    pattern = "sycm/【生意参谋平台】无线店铺流量来源_*.xls"
    done, wanted = bring(bench, pattern), expected(pattern)
    assert (done.format, done.rows.rejected) == ("sycm_traffic", 0)
    assert _sum(bench, "访客数") == wanted["访客数_sum"]
    assert _sum(bench, "支付买家数") == wanted["支付买家数_sum"]
    assert _sum(bench, "加购人数") == wanted["加购人数_sum"]
    assert _sum(bench, "支付金额", "amount_minor") == _minor(wanted["支付金额_sum"])
    paid = _sum(bench, "访客数", where="split_part(source_path, '/', 1) = '付费流量'")
    assert round(paid / wanted["访客数_sum"], 4) == wanted["share_of_paid_traffic"]
    # The day stands in the title rows, and changes in percent are no facts.
    (at,) = {at for (at,) in bench.rows("cast(occurred_at as varchar)", "measure")}
    assert at == "2025-06-17 16:00:00+00"
    assert not [name for (name,) in bench.rows("reference", "measure") if "变化" in name]


@samples
def test_a_campaigns_report_is_a_table_a_sheet(bench: Bench) -> None:
    pattern = "tmall_activity/活动分析_*.xlsx"
    done, wanted = bring(bench, pattern), expected(pattern)
    assert [table.format for table in done.tables] == ["sycm_campaign"] * wanted["sheets"]
    warm = "props->>'$.section' = 'warm-up'"
    for name in ("预热访客数", "预热加购人数", "预热收藏人数"):
        assert _sum(bench, name, where=warm) == wanted[f"{name}_sum"]
    burst = "props->>'$.section' = 'burst'"
    paid = _sum(bench, "支付金额", "amount_minor", burst)
    assert paid == _minor(wanted["formal_支付金额_sum"])
    ((buyers,),) = bench.reader.rows(
        f"select quantity from facts where reference = '支付买家数' and {burst} "
        "order by occurred_at limit 1"
    )
    assert buyers == wanted["formal_支付买家数_day1"]


@samples
def test_entries_for_a_campaign(bench: Bench) -> None:
    pattern = "tmall_activity/营销活动_聚划算_现货.xlsx"
    done, wanted = bring(bench, pattern), expected(pattern)
    assert (done.format, done.rows.new) == ("campaign_entries", wanted["items"])
    states: dict[str, int] = {}
    for (state,) in bench.rows("reference", "entry"):
        states[state] = states.get(state, 0) + 1
    assert states == wanted["by_活动状态"]
    (first,) = [row for row in bench.rows("product_key, amount_minor, discount_minor, quantity",
                                          "entry") if row[0] == "70310088801"]  # fmt: skip
    assert first == ("70310088801", 10880, 1920, 200)


@samples
def test_what_was_spent_on_traffic(bench: Bench) -> None:
    pattern = "ads/万相台_账户_*.csv"
    done, wanted = bring(bench, pattern), expected(pattern)
    assert (done.format, done.rows.new, done.rows.rejected) == ("wanxiangtai", wanted["days"], 0)
    spent, sold = _sum(bench, "消耗", "amount_minor"), _sum(bench, "总成交金额", "amount_minor")
    assert spent == _minor(wanted["消耗_sum"])
    assert sold == _minor(wanted["总成交金额_sum"])
    assert round(sold / spent, 4) == wanted["roi"]
    assert _sum(bench, "曝光量") == wanted["曝光量_sum"]
    assert _sum(bench, "点击量") == wanted["点击量_sum"]


def test_the_last_row_of_totals_is_left_out_and_keywords_stand_apart(bench: Bench) -> None:
    text = (
        "日期,计划ID,关键词,展现量,点击量,花费,平均点击花费,投入产出比\n"
        '2026-06-18,c1,春茶,"1,200",30,15.50,0.52,3.21\n'
        "2026-06-18,c1,绿茶,800,10,4.5元,0.45,-\n"
        "总计,,,2000,40,20.00,0.50,2.5\n"
    )
    done = bench.bring(text.encode("gb18030"), "报表.csv")
    assert (done.format, done.rows.read, done.rows.new) == ("wanxiangtai", 2, 2)
    assert done.report["left_out"] == 1
    assert (_sum(bench, "花费", "amount_minor"), _sum(bench, "展现量")) == (2000, 2000)
    assert _sum(bench, "投入产出比") == 32100  # ten-thousandths


@pytest.mark.parametrize(
    "rows",
    [
        [("日期", "对象", "支付金额", "访客数"), ("2026-06-18", "本店", "1,000.00", "50"),
         ("2026-06-18", "同行同层平均", "800.5", "-"), ("2026-06-18", "同行同层优秀", "", "120")],
    ],
)  # fmt: skip
def test_peers_values_that_are_not_shown_stay_missing(bench: Bench, rows: list[Any]) -> None:
    done = bench.bring(workbook(rows), "peers.xlsx")
    assert (done.format, done.rows.new, done.rows.rejected) == ("sycm_peers", 3, 0)
    found = bench.reader.rows(
        "select props->>'$.of', reference, amount_minor + quantity from facts "
        "where kind = 'measure' order by 1, 2"
    )
    assert found == [
        ("own", "支付金额", 100_000), ("own", "访客数", 50),
        ("peer excellent", "访客数", 120), ("peer mean", "支付金额", 80_050),
    ]  # fmt: skip


def test_a_re_export_changes_only_what_changed_and_numbers_without_a_day_are_refused(
    bench: Bench,
) -> None:
    rows = [
        ("统计周期：2026-06-01 ~ 2026-06-07",),
        ("一级来源", "二级来源", "三级来源", "访客数", "支付金额", "支付金额变化"),
        ("平台流量", "手淘搜索", "-", "10", "5.00", "+3%"),
        ("广告流量", "关键词推广", "自然", "20", "6.00", "-"),
    ]
    first = bench.bring(workbook(rows), "traffic.xlsx")
    assert (first.format, first.rows.new) == ("sycm_traffic", 2)
    rows[2] = ("平台流量", "手淘搜索", "-", "11", "5.00", "+3%")
    second = bench.bring(workbook(rows), "traffic.xlsx")
    assert (second.rows.new, second.rows.changed, second.rows.unchanged) == (0, 1, 1)
    paths = {path for (path,) in bench.rows("source_path", "measure")}
    assert paths == {"平台流量/手淘搜索", "广告流量/关键词推广/自然"}
    (period,) = {props for (props,) in bench.rows("props->>'$.period'", "measure")}
    assert period == "7"
    with pytest.raises(NoPeriod):
        bench.bring(workbook(rows[1:]), "traffic.xlsx")


def test_a_delisted_product_has_no_id_and_is_left_out(bench: Bench) -> None:
    rows = [
        ("统计日期", "商品ID", "商品名称", "商品访客数", "商品浏览量", "支付金额"),
        ("2026-06-18", "p1", "茶", "5", "7", "-"),
        ("2026-06-18", "-", "旧茶", "0", "0", "0.00"),
    ]
    done = bench.bring(workbook(rows), "rank.xlsx")
    assert (done.rows.new, done.report["left_out"]) == (1, 1)
