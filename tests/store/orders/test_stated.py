"""What a caller says of a buyer: points, holdings; believed only from whom it may come from."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.model import PointsKeeper
from springtide.domain.access.operations import keep_points
from springtide.domain.access.queries import shop_by_slug
from springtide.domain.orders.model import Order
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.rule import Conditions
from springtide.domain.rewards.grants import points_account
from springtide.domain.rewards.points import adjust_points
from springtide.domain.rewards.redemption import HoldingGone
from springtide.flows.checkout import place as checkout
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.place import Placing
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from tests.kit.shops import ACTOR
from tests.kit.till import ISSUED, Till

POT = Wanted((CartLine("pot", 1),), customer_key="c1")


@pytest.fixture
def till(database: Database, now: datetime) -> Till:
    opened = Till(database, now)
    opened.rule("points", {"points": 100, "worth_minor": 100}, Conditions())
    return opened


def keep(till: Till, keeper: PointsKeeper) -> None:
    with till.db.write() as tx:
        keep_points(Act(tx, till.shop, ACTOR, till.now, till.now), keeper=keeper)
    with till.db.read() as tx:
        till.shop = shop_by_slug(tx, slug=till.shop.slug)


def give(till: Till, amount: int, customer: str = "c1") -> None:
    with till.db.write() as tx:
        adjust_points(
            Act.of(tx, till.shop, ACTOR, till.now),
            customer_key=customer,
            amount=amount,
            reason="test",
        )


def total(till: Till, wanted: Wanted) -> int:
    with till.db.read() as tx:
        prepared = checkout.prepare(tx, shop=till.shop, wanted=wanted, now=till.now)
    assert prepared.explain().decision.total_minor == prepared.price().total_minor
    return prepared.price().total_minor


def place(till: Till, key: str, wanted: Wanted) -> Order:
    with till.db.write() as tx:
        return checkout.place(
            Act.of(tx, till.shop, ACTOR, till.now), wanted=wanted, placing=Placing(key)
        )


def problems(attempt: Callable[[], Any]) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        attempt()
    return {field: wrong.code for field, wrong in refused.value.fields.items()}


@pytest.mark.parametrize("customer", ["c1", None])
def test_points_that_nobody_has_pay_nothing(till: Till, customer: str | None) -> None:
    wanted = replace(POT, customer_key=customer)
    plain = total(till, wanted)
    wishing = replace(wanted, points=3_900)
    assert total(till, wishing) == plain
    assert place(till, "A", wishing).total_minor == plain


def test_the_ledgers_balance_counts_and_no_other(till: Till) -> None:
    plain = total(till, POT)
    give(till, 300)
    assert total(till, replace(POT, points=3_900)) == plain - 300
    stated = replace(POT, points=3_900, points_balance=3_900)
    assert problems(lambda: total(till, stated)) == {"points_balance": "points_not_yours"}
    assert problems(lambda: place(till, "A", stated)) == {"points_balance": "points_not_yours"}
    order = place(till, "B", replace(POT, points=3_900))
    assert order.total_minor == plain - 300
    assert till.standing()[points_account("c1")][1] == 300
    assert place(till, "C", replace(POT, points=3_900)).total_minor == plain


def test_a_shops_own_site_vouches_for_its_balances(till: Till) -> None:
    plain = total(till, POT)
    give(till, 300)
    keep(till, PointsKeeper.SITE)
    assert total(till, replace(POT, points=900)) == plain
    assert total(till, replace(POT, points=900, points_balance=500)) == plain - 500
    assert total(till, replace(POT, points=200, points_balance=500)) == plain - 200
    order = place(till, "A", replace(POT, points=900, points_balance=500))
    assert order.total_minor == plain - 500
    # The ledger's own points, from a game, are not touched.
    assert till.standing()[points_account("c1")] == (300, 0, 0)


def test_a_shop_without_points_takes_none(till: Till) -> None:
    plain = total(till, POT)
    give(till, 300)
    keep(till, PointsKeeper.NOBODY)
    assert total(till, replace(POT, points=900)) == plain
    stated = replace(POT, points=900, points_balance=900)
    assert problems(lambda: total(till, stated)) == {"points_balance": "points_not_yours"}


def test_who_keeps_points_stands_in_the_audit_log_once(till: Till) -> None:
    keep(till, PointsKeeper.SITE)
    keep(till, PointsKeeper.SITE)
    with till.db.read() as tx:
        entries = audit_page(tx, shop_id=till.shop.id, limit=50)
    found = [each for each in entries if each.action == "shop.points"]
    assert [(each.before, each.after) for each in found] == [
        ({"kept_by": "ledger"}, {"kept_by": "site"})
    ]


def test_two_orders_at_once_do_not_spend_the_same_points(till: Till) -> None:
    plain = total(till, POT)
    give(till, 500)
    totals: list[int] = []
    begin = threading.Barrier(4)

    def buy(number: int) -> None:
        begin.wait()
        for _ in range(20):
            try:
                order = place(till, f"T{number}", replace(POT, points=400))
            except HoldingGone:
                continue
            totals.append(order.total_minor)
            return

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(plain - each for each in totals) == [0, 0, 100, 400]
    assert till.standing()[points_account("c1")][:2] == (500, 500)


def test_what_rewards_give_out_is_not_stated(till: Till) -> None:
    own = till.rule("coupon", {"discount_minor": 500}, ISSUED)
    given = till.rule("coupon", {"discount_minor": 700}, ISSUED)
    won = till.rule("red_packet", {"amount_minor": 0}, ISSUED)
    coupon = till.reward("coupon", {"rule": given}, quantity=9)
    prize = {"name": "5", "what": "packet", "rule": won, "amount": 500, "stock": 9}
    till.reward("draw", {"prizes": [prize | {"odds_ppm": 1_000_000}]}, quantity=9)
    plain = total(till, POT)
    # The shop's site gives this one out: its server says who holds it.
    assert total(till, replace(POT, holds=((own, 0),))) == plain - 500
    stated = replace(POT, holds=((own, 0), (given, 0), (won, 9_000)))
    wrong = {"holds.1.rule_id": "held_here", "holds.2.rule_id": "held_here"}
    assert problems(lambda: total(till, stated)) == wrong
    assert problems(lambda: place(till, "A", stated)) == wrong
    till.claim(coupon)
    assert total(till, POT) == plain - 700
