"""A plan tried on past orders: the report's sums are those of orders priced one by one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.model import PriceFacts
from springtide.domain.pricing.rule import Conditions, Guard, ProductSet
from springtide.flows.trials.what_if import BadPeriod, PlanFile, PlannedRule, Report, what_if
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from springtide.kit.time import Window
from tests.kit.bench import Bench
from tests.kit.shops import new_shop

DAY = datetime(2025, 10, 1, tzinfo=UTC)
FILE = """order_id,customer_id,product_id,order_date,quantity,amount
1,c1,tea,2025-10-01 10:00,2,20.00
1,c1,cup,2025-10-01 10:00,1,5.00
2,c2,tea,2025-10-02 10:00,1,10.00
3,c3,ghost,2025-10-03 10:00,3,9.00
4,c4,tea,2025-11-03 10:00,9,90.00
"""
BOOK = {
    "tea": PriceFacts(1_000, floor_minor=700, cost_minor=650),
    "cup": PriceFacts(500, cost_minor=450),
}


@pytest.fixture
def bench(database: Database, tmp_path: Path, now: datetime) -> Bench:
    made = Bench(database, tmp_path, new_shop(database, now=now))
    assert made.bring(FILE).rows.new == 5
    return made


def tried(bench: Bench, plan: PlanFile, days: int = 31) -> Report:
    """Try a plan on October's orders."""
    return what_if(
        bench.reader,
        shop=bench.shop,
        plan=plan.compiled("UTC"),
        names=plan.names(),
        prices=plan.prices,
        book=BOOK,
        window=Window(DAY - timedelta(days=1), DAY + timedelta(days=days)),
    )


def test_the_sums_are_those_of_the_orders_priced_one_by_one(bench: Bench) -> None:
    ladder = PlannedRule(
        "threshold_ladder",
        {"steps": [{"threshold_minor": 2_000, "discount_minor": 300}]},
        Terms("满20减3"),
    )
    cups = PlannedRule(
        "percent_off",
        {"percent_bps": 2_000},
        Terms(conditions=Conditions(products=ProductSet(keys=("cup",)))),
    )
    report = tried(bench, PlanFile(prices={"tea": 900}, rules=(ladder, cups)))
    # 1: 2 x 9.00 + 4.00 = 22.00, less 3.00; 2: 9.00; 3: 9.00 as it was sold.
    assert (report.orders, report.lines, report.touched) == (3, 4, 2)
    assert report.sold_minor == 4_400
    assert report.before_minor == 2_500 + 1_000 + 900
    assert report.after_minor == 1_900 + 900 + 900
    assert report.price_cut_minor == 200 + 100
    assert report.rules_minor == 100 + 300
    assert report.before_minor - report.after_minor == report.price_cut_minor + report.rules_minor
    assert [(each.name, each.orders, each.amount_minor) for each in report.rules] == [
        ("满20减3", 1, 300),
        ("Percentage off", 1, 100),
    ]
    assert report.uncosted_lines == 1
    costs = 3 * 650 + 450
    assert report.margin_before_minor == 3_500 - costs
    assert report.margin_after_minor == 2_800 - costs
    assert report.below_cost_lines == 1
    assert [each.product_key for each in report.losers] == ["tea", "cup"]
    assert [(each.day, each.orders) for each in report.days] == [
        ("2025-10-01", 1),
        ("2025-10-02", 1),
        ("2025-10-03", 1),
    ]


def test_a_price_under_the_floor_is_named_and_raised_to_it(bench: Bench) -> None:
    report = tried(bench, PlanFile(prices={"tea": 500}))
    assert report.under_floor == ["tea"]
    assert report.after_minor == 2 * 700 + 500 + 700 + 900


def test_a_guard_keeps_the_margin(bench: Bench) -> None:
    half = PlannedRule("percent_off", {"percent_bps": 5_000})
    without = tried(bench, PlanFile(rules=(half,)))
    guarded = tried(bench, PlanFile(rules=(half,), guard=Guard("refuse", 2_000)))
    # A tea at its floor of 7.00 leaves 7%: only the cup of the first order may still be halved.
    assert without.after_minor == 3 * 700 + 250 + 450
    assert guarded.after_minor == (2_000 + 250) + 1_000 + 450
    assert guarded.margin_after_minor == 2_000 + 250 + 1_000 - (3 * 650 + 450)


def test_a_wrong_plan_is_refused_by_rule_and_field() -> None:
    wrong = PlanFile(rules=(PlannedRule("percent_off", {"percent_bps": 10_001}),))
    with pytest.raises(Invalid) as refused:
        wrong.compiled("UTC")
    assert set(refused.value.fields) == {"rules.0.percent_bps"}


def test_a_time_without_orders_is_an_empty_report_and_one_that_ends_before_is_refused(
    bench: Bench,
) -> None:
    window = Window(DAY - timedelta(days=90), DAY - timedelta(days=60))
    empty = what_if(
        bench.reader,
        shop=bench.shop,
        plan=PlanFile().compiled("UTC"),
        names={},
        prices={},
        book=BOOK,
        window=window,
    )
    assert (empty.orders, empty.days) == (0, [])
    with pytest.raises(BadPeriod):
        tried(bench, PlanFile(), days=-2)
