"""What customers hold, spent by orders: reserved, paid, closed, returned; on both databases."""

from datetime import datetime, timedelta

import pytest

from springtide.domain.facts.store import rows_after
from springtide.domain.ledger.operations import expire_due
from springtide.domain.orders.model import OrderClosed
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.rule import Conditions, ProductSet
from springtide.domain.rewards import redemption
from springtide.domain.rewards.grants import packet_account, points_account
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.redemption import FlashTooFew, HeldForOther, HoldingGone
from springtide.domain.rewards.states import ClaimState
from springtide.flows.checkout import place
from springtide.flows.checkout.buyer import Wanted
from springtide.kit.db import Database
from tests.kit.till import ISSUED, Till


@pytest.fixture
def till(database: Database, now: datetime) -> Till:
    return Till(database, now)


@pytest.fixture
def coupon(till: Till) -> Reward:
    rule = till.rule("coupon", {"discount_minor": 700}, ISSUED)
    return till.reward("coupon", {"rule": rule}, quantity=10, per_customer=1)


def test_a_coupon_is_spent_once(till: Till, coupon: Reward) -> None:
    before = till.discount(till.place("o0"))
    assert till.claim(coupon) == "coupon"
    assert till.discount(till.place("o1")) == before + 700
    assert till.state(coupon) == [ClaimState.RESERVED]
    # It is reserved, so the next order is priced without it.
    assert till.discount(till.place("o2")) == before
    till.pay("o1")
    till.pay("o1")
    assert till.state(coupon) == [ClaimState.USED]
    assert till.discount(till.place("o3")) == before
    till.standing()


def test_another_customers_coupon_is_nobodys(till: Till, coupon: Reward) -> None:
    till.claim(coupon, "c1")
    assert till.discount(till.place("o1", customer="c2")) == till.discount(
        till.place("o2", customer="c3")
    )
    assert till.state(coupon) == [ClaimState.HELD]


def test_what_two_carts_saw_only_one_order_takes(till: Till, coupon: Reward) -> None:
    till.claim(coupon)
    wanted = Wanted((CartLine("pot", 1),), customer_key="c1")
    with till.db.read() as tx:
        seen = place.prepare(tx, shop=till.shop, wanted=wanted, now=till.now)
    till.place("o1")
    spending = place._spending("o2", till.shop, "c1", seen, seen.price())
    with till.db.write() as tx, pytest.raises(HoldingGone):
        redemption.reserve(tx, shop=till.shop, held=seen.held, spending=spending, now=till.now)


@pytest.mark.parametrize("end", ["closed", "returned"])
def test_all_of_an_order_comes_back_together(till: Till, end: str) -> None:
    coupon_rule = till.rule("coupon", {"discount_minor": 500}, ISSUED)
    packet_rule = till.rule("red_packet", {"amount_minor": 0}, ISSUED)
    till.rule("points", {"points": 100, "worth_minor": 100}, Conditions())
    coupon = till.reward("coupon", {"rule": coupon_rule}, quantity=10)
    packet = till.reward(
        "packet", {"rule": packet_rule, "total_minor": 1_000}, quantity=5, use_days=9
    )
    daily = till.reward("check_in", {"points": [300]}, quantity=9, use_days=30)
    for reward in (coupon, packet, daily):
        till.claim(reward)
    before = till.standing()
    assert before[packet_account(packet_rule, "c1")] == (200, 0, 0)
    assert before[points_account("c1")] == (300, 0, 0)

    order = till.place("o1", points=1_000)
    during = till.standing()
    assert during[packet_account(packet_rule, "c1")] == (200, 200, 0)
    assert during[points_account("c1")][1] == 300
    assert till.discount(order) >= 500 + 200 + 300
    if end == "closed":
        till.close("o1")
        till.close("o1")
    else:
        till.pay("o1")
        assert till.standing()[points_account("c1")] == (0, 0, 0)
        till.take_back("o1", 1)
        till.take_back("o1", 1)
    after = till.standing()
    assert {key: after[key] for key in before} == before
    assert till.state(coupon) == [ClaimState.HELD]
    again = till.place("o2", points=1_000)
    assert again.total_minor == order.total_minor


@pytest.fixture
def flash(till: Till) -> Reward:
    rule = till.rule(
        "fixed_price",
        {"price_minor": 100},
        Conditions(products=ProductSet(keys=("pot",)), is_issued=True),
    )
    return till.reward(
        "flash",
        {"product_key": "pot", "rule": rule, "pay_minutes": 10},
        quantity=5,
        per_customer=3,
    )


def test_flash_stock_is_paid_in_time(till: Till, flash: Reward) -> None:
    assert till.claim(flash, quantity=2) == "flash"
    with pytest.raises(FlashTooFew):
        till.place("o1", pieces=3)
    order = till.place("o1", pieces=2)
    # The rule says 1 yuan; the floor is 150.
    assert order.lines[0].payable_minor == 2 * 15_000
    till.now += timedelta(minutes=9, seconds=59)
    till.pay("o1")
    assert till.state(flash) == [ClaimState.USED]
    till.now += timedelta(minutes=1)
    with till.db.write() as tx:
        assert expire_due(tx, shop=till.shop, now=till.now) == 0
    assert till.standing()[flash.left][0] == 3


def test_late_payment_has_one_end(till: Till, flash: Reward) -> None:
    till.claim(flash, quantity=2)
    till.place("o1", pieces=2)
    till.now += timedelta(minutes=10)
    with pytest.raises(HeldForOther):
        till.pay("o1")
    assert till.look_after() > 0
    with pytest.raises(OrderClosed):
        till.pay("o1")
    assert till.standing()[flash.left] == (5, 0, 0)
    assert till.state(flash) == [ClaimState.OVER]
    assert till.look_after() == 0


def test_reserved_stock_without_an_order_comes_back(till: Till, flash: Reward) -> None:
    till.claim(flash, quantity=3)
    till.now += timedelta(minutes=10)
    assert till.look_after() > 0
    assert till.standing()[flash.left] == (5, 0, 0)
    assert till.state(flash) == [ClaimState.OVER]
    assert till.claim(flash, quantity=3, visitor_key="v") == "flash"


def test_returned_flash_stock_goes_back_to_the_stock(till: Till, flash: Reward) -> None:
    till.claim(flash, quantity=2)
    till.place("o1", pieces=2)
    till.pay("o1")
    till.take_back("o1", 1, "r1")
    assert till.standing()[flash.left] == (3, 0, 0)
    till.take_back("o1", 1, "r2")
    assert till.standing()[flash.left] == (5, 0, 0)


def test_points_of_a_customer_who_has_some_here_are_those(till: Till) -> None:
    till.rule("points", {"points": 100, "worth_minor": 100}, Conditions())
    daily = till.reward("check_in", {"points": [50]}, quantity=9)
    before = till.discount(till.place("o0", points=0))
    # Who has no account here has no points, whatever the cart wishes.
    assert till.discount(till.place("o1", points=70)) == before
    till.claim(daily)
    assert till.discount(till.place("o2", points=70)) == before + 50
    assert till.discount(till.place("o3", points=70)) == before


def test_a_redemption_is_a_fact_when_it_takes_place(till: Till, coupon: Reward) -> None:
    till.claim(coupon)

    def kinds() -> list[str]:
        with till.db.read() as tx:
            return [str(row["kind"]) for row in rows_after(tx, 0) if "use:" in row["external_id"]]

    till.place("o1")
    assert kinds() == ["transfer"]
    till.close("o1")
    assert kinds() == ["transfer", "transfer"]
    till.place("o2")
    till.pay("o2")
    assert kinds() == ["transfer", "transfer", "transfer", "redemption"]
