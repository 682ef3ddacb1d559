"""Every metric keeps its definition, over generated days and by hand."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from springtide.domain.access.model import Shop
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import DayPlan, Unit
from springtide.domain.board.queries import (
    Snapshots,
    day_window,
    definition_sql,
    facts_behind,
    values,
)
from springtide.domain.board.queries.live import day_curves
from springtide.domain.facts.model import Fact
from springtide.kit.i18n import chinese
from springtide.kit.ids import uuid7
from springtide.kit.time import Window
from tests.kit.factrows import MemoryFacts

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2018, 1, 13)
SHOP = Shop(
    uuid7(datetime(2018, 1, 1, tzinfo=UTC)), "demo", "Demo", "USD", "America/New_York", None, True
)


def generated(seed: int, first: date, days: int) -> list[Fact]:
    """Facts of several days: people who view, favourite, fill carts, order, pay, get refunds."""
    rng = random.Random(seed)
    start = day_window(first, NEW_YORK).starts_at
    facts = []
    for number in range(150 * days):
        at = start + timedelta(seconds=rng.randrange(86_400 * days))
        person = str(rng.randrange(40))
        kind = rng.choice(
            ["view", "view", "favourite", "cart", "order", "payment", "refund", "deposit"]
        )
        sold = kind in ("order", "payment", "refund", "deposit")
        known = sold or rng.random() < 0.5
        facts.append(
            Fact(
                shop=rng.choice(["demo", "demo", "demo", "other"]),
                kind=kind,
                occurred_at=at,
                source=rng.choice(["api", "simulated"]) if kind == "view" else "api",
                external_id=str(number),
                visitor_key=f"v{person}",
                customer_key=f"c{person}" if known else None,
                product_key=f"p{rng.randrange(15)}",
                order_key=f"o{number // 3}" if sold else None,
                quantity=rng.randrange(1, 5) if sold else 0,
                amount_minor=rng.randrange(1, 9_999) if sold else 0,
            )
        )
    return facts


def person(fact: Fact) -> str | None:
    """Who a fact belongs to, said again in Python."""
    return fact.customer_key or fact.visitor_key


def rounded(over: int, under: int) -> int | None:
    """Half up, said again with exact arithmetic."""
    return (2 * over + under) // (2 * under) if under else None


def by_hand(facts: Sequence[Fact], window: Window) -> dict[str, int | None]:
    """Every metric, counted in Python row by row."""
    mine = [fact for fact in facts if fact.shop == "demo"]
    here = [fact for fact in mine if fact.occurred_at in window]
    look_back = Window(window.starts_at - timedelta(days=365), window.starts_at)
    known = {person(f) for f in mine if f.kind == "payment" and f.occurred_at in look_back}

    def of(kind: str) -> list[Fact]:
        return [fact for fact in here if fact.kind == kind]

    def distinct(kind: str, key: Callable[[Fact], str | None]) -> int:
        return len({key(fact) for fact in of(kind)})

    paid = sum(fact.amount_minor for fact in of("payment"))
    payers = {person(fact) for fact in of("payment")}
    visitors = distinct("view", person)
    paid_orders = distinct("payment", lambda fact: fact.order_key)
    units = sum(fact.quantity for fact in of("payment"))
    return {
        "visitors": visitors,
        "page_views": len(of("view")),
        "favourites": distinct("favourite", person),
        "carts": distinct("cart", person),
        "orders": distinct("order", lambda fact: fact.order_key),
        "ordered_money": sum(fact.amount_minor for fact in of("order")),
        "paid_orders": paid_orders,
        "paid_money": paid,
        "paying_buyers": len(payers),
        "units": units,
        "deposit_buyers": distinct("deposit", person),
        "deposit_money": sum(fact.amount_minor for fact in of("deposit")),
        "refunds": sum(fact.amount_minor for fact in of("refund")),
        "paid_per_buyer": rounded(paid, len(payers)),
        "items_per_order": rounded(units * 10_000, paid_orders),
        "conversion": rounded(len(payers) * 10_000, visitors),
        "visitor_value": rounded(paid, visitors),
        "new_buyers": len(payers - known),
        "returning_buyers": len(payers & known),
    }


@pytest.mark.parametrize("seed", range(6))
def test_every_metric_equals_the_count_by_hand(seed: int) -> None:
    facts = generated(seed, DAY - timedelta(days=3), 5)
    window = day_window(DAY, NEW_YORK)
    found = values(MemoryFacts(facts), shop="demo", window=window)
    assert {kind: value.amount for kind, value in found.items()} == by_hand(facts, window)


def test_one_scan_answers_everything_but_new_and_returning_buyers() -> None:
    reader = MemoryFacts(generated(1, DAY, 1))
    values(reader, shop="demo", window=day_window(DAY, NEW_YORK))
    assert len(reader.asked) == 2


@pytest.mark.parametrize("kind", list(METRICS))
class TestEveryMetric:
    """What each metric, whoever adds it, must keep."""

    def test_it_says_what_it_is_in_both_languages(self, kind: str) -> None:
        member = METRICS[kind]
        assert isinstance(member.unit, Unit)
        assert chinese().get(member.label), f"{member.label} has no Chinese"
        assert chinese().get(member.definition), f"{kind}'s definition has no Chinese"

    def test_its_printed_query_gives_the_same_number(self, kind: str) -> None:
        window = day_window(DAY, NEW_YORK)
        reader = MemoryFacts(generated(3, DAY - timedelta(days=2), 4))
        printed = reader.rows(definition_sql(shop="demo", kind=kind, window=window))[0][0]
        assert printed == values(reader, shop="demo", window=window, kinds=[kind])[kind].amount

    def test_it_is_nought_or_nothing_without_facts(self, kind: str) -> None:
        window = day_window(DAY, NEW_YORK)
        value = values(MemoryFacts(), shop="demo", window=window, kinds=[kind])[kind]
        assert not value.amount
        assert not value.is_simulated

    def test_a_fact_on_the_window_s_end_stays_out(self, kind: str) -> None:
        window = day_window(DAY, NEW_YORK)
        late = [
            Fact("demo", k, window.ends_at, "api", k, 1, "v", "c", "p", None, "o", 1, 100)
            for k in ("view", "favourite", "cart", "order", "payment", "refund")
        ]
        value = values(MemoryFacts(late), shop="demo", window=window, kinds=[kind])[kind]
        assert not value.amount

    def test_the_facts_behind_it_are_listed_to_the_last(self, kind: str) -> None:
        facts = generated(5, DAY, 1)
        window = day_window(DAY, NEW_YORK)
        reader = MemoryFacts(facts)
        total, page = facts_behind(reader, shop="demo", kind=kind, window=window, limit=1000)
        assert total == len(page) > 0
        again: list[str] = []
        for skip in range(0, total, 40):
            rows = facts_behind(reader, shop="demo", kind=kind, window=window, skip=skip, limit=40)[
                1
            ]
            again += [row.external_id for row in rows]
        assert again == [row.external_id for row in page]


def test_daily_visitors_do_not_add_up() -> None:
    days = [day_window(DAY + timedelta(days=number), NEW_YORK) for number in range(2)]
    views = [
        Fact("demo", "view", day.starts_at, "api", f"{who}{number}", visitor_key=who)
        for number, day in enumerate(days)
        for who in ("ann", "bo")
    ]
    reader = MemoryFacts(views)

    def visitors(window: Window) -> int | None:
        return values(reader, shop="demo", window=window, kinds=["visitors"])["visitors"].amount

    assert [visitors(day) for day in days] == [2, 2]
    assert visitors(Window(days[0].starts_at, days[1].ends_at)) == 2


def test_one_person_on_two_devices_is_one_visitor() -> None:
    window = day_window(DAY, NEW_YORK)
    views = [
        Fact("demo", "view", window.starts_at, "api", v, visitor_key=v, customer_key="c")
        for v in ("phone", "laptop")
    ]
    found = values(MemoryFacts(views), shop="demo", window=window)
    assert found["visitors"].amount == 1
    assert found["page_views"].amount == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_past_day_read_by_minutes_ends_at_the_day_s_own_numbers(seed: int) -> None:
    reader = MemoryFacts(generated(seed, DAY - timedelta(days=2), 4))
    curves = day_curves(reader, shop=SHOP, day=DAY).curves
    whole = values(reader, shop="demo", window=day_window(DAY, NEW_YORK), kinds=list(curves))
    assert {kind: curve[-1] for kind, curve in curves.items()} == {
        kind: value.amount for kind, value in whole.items()
    }


@pytest.mark.parametrize("minute", [0, 1, 77, 720, 1439])
def test_a_past_day_at_a_minute_equals_the_window_up_to_it(minute: int) -> None:
    reader = MemoryFacts(generated(9, DAY - timedelta(days=1), 2))
    curves = day_curves(reader, shop=SHOP, day=DAY)
    start = curves.window.starts_at
    window = Window(start, start + timedelta(minutes=minute))
    part = values(reader, shop="demo", window=window, kinds=list(curves.curves))
    assert part.keys() == curves.curves.keys()
    for kind, value in part.items():
        assert curves.at(kind, minute) == value.amount, kind


@pytest.mark.parametrize(("day", "minutes"), [(date(2017, 3, 12), 1380), (date(2017, 11, 5), 1500)])
def test_days_on_which_clocks_change_have_their_own_length(day: date, minutes: int) -> None:
    curves = day_curves(MemoryFacts(generated(2, day, 1)), shop=SHOP, day=day)
    assert len(curves.curves["orders"]) == minutes


def test_live_equals_replay_equals_review() -> None:
    """A board fed fact by fact ends where one look at the finished day does."""
    facts = sorted(generated(4, DAY, 1), key=lambda fact: fact.occurred_at)
    plan = DayPlan(DAY, DAY - timedelta(days=6), {"paid_money": 10_000})
    window = day_window(DAY, NEW_YORK)
    live = MemoryFacts()
    board = Snapshots(live)
    for start in range(0, len(facts), 20):
        live.add(facts[start : start + 20])
        board.take(shop=SHOP, plan=plan, now=facts[start].occurred_at)
    ended = board.take(shop=SHOP, plan=plan, now=window.ends_at)
    review = values(MemoryFacts(facts), shop="demo", window=window)
    assert {k: v.amount for k, v in ended.values.items()} == {
        k: v.amount for k, v in review.items()
    }
    assert ended.is_over
    assert sum(hour.values.get("paid_money", 0) for hour in ended.hours) == (
        ended.values["paid_money"].amount
    )


def test_the_board_compares_with_the_same_time_of_the_last_four_same_weekdays() -> None:
    facts = []
    for week in range(1, 7):
        start = day_window(DAY - timedelta(days=7 * week), NEW_YORK).starts_at
        if week == 1:
            continue  # a Saturday without any order is no measure
        for hour in (10, 20):
            for kind in ("order", "payment"):
                facts.append(
                    Fact(
                        "demo", kind, start + timedelta(hours=hour), "api", f"{kind}{week}{hour}",
                        customer_key=f"c{week}", order_key=f"o{week}{hour}", product_key="p",
                        quantity=1, amount_minor=1000 * week,
                    )
                )  # fmt: skip
    start = day_window(DAY, NEW_YORK).starts_at
    facts.append(
        Fact(
            "demo", "payment", start + timedelta(hours=9), "api", "now", customer_key="c",
            order_key="o", product_key="p", quantity=1, amount_minor=7000,
        )
    )  # fmt: skip
    plan = DayPlan(DAY, DAY - timedelta(days=6), {"paid_money": 14_000})
    taken = Snapshots(MemoryFacts(facts)).take(
        shop=SHOP, plan=plan, now=start + timedelta(hours=12)
    )
    assert taken.comparable_days == tuple(DAY - timedelta(days=7 * week) for week in (2, 3, 4, 5))
    paid = taken.values["paid_money"]
    assert (paid.amount, paid.compared, paid.change_bps) == (7000, 3500, 10_000)
    assert taken.goals[0].reached_bps == 5000
    assert taken.goals[0].projection is not None
    assert taken.goals[0].projection.finish == 14_000
    assert taken.hours[9].paid_so_far_minor == 7000
    assert taken.hours[13].paid_so_far_minor is None
    assert taken.hours[23].usual_so_far_minor == 7000


def test_a_shop_without_comparable_days_is_compared_with_nothing() -> None:
    plan = DayPlan(DAY, DAY, {"paid_money": 100})
    taken = Snapshots(MemoryFacts()).take(
        shop=SHOP, plan=plan, now=day_window(DAY, NEW_YORK).ends_at
    )
    assert taken.comparable_days == ()
    assert taken.values["paid_money"].compared is None
    assert taken.goals[0].projection is None


def test_simulated_views_mark_what_rests_on_them_and_nothing_else() -> None:
    window = day_window(DAY, NEW_YORK)
    at = window.starts_at
    facts = [
        Fact("demo", "view", at, "simulated", "a", visitor_key="v", props={"simulated": True}),
        Fact("demo", "cart", at, "api", "b", visitor_key="v", props={"simulated": True}),
        Fact("demo", "payment", at, "api", "c", customer_key="c", order_key="o", amount_minor=5),
    ]
    found = values(MemoryFacts(facts), shop="demo", window=window)
    marked = {kind for kind, value in found.items() if value.is_simulated}
    assert marked == {"visitors", "page_views", "carts", "conversion", "visitor_value"}
