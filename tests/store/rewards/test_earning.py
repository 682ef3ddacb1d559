"""What orders earn: promised when paid, given on receipt, cut by returns; on both databases."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from springtide.domain.access.act import Act
from springtide.domain.orders.queries import order as read_order
from springtide.domain.rewards.grants import points_account
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.operations import stop_reward
from springtide.domain.rewards.refunds import refunds_page
from springtide.domain.rewards.states import ClaimState
from springtide.flows.checkout.earned import RECEIPT_AFTER
from springtide.kit.db import Database
from tests.kit.shops import ACTOR
from tests.kit.till import Till

POINTS = points_account("c1")


@pytest.fixture
def till(database: Database, now: datetime) -> Till:
    return Till(database, now)


def points_for_buying(till: Till, **changes: Any) -> Reward:
    params = {"what": "points", "amount": 1, "per_minor": 100, "budget": 100_000, **changes}
    return till.reward("buy_to_get", params, quantity=100, per_customer=None, use_days=90)


def buy(till: Till, key: str, pieces: int = 2) -> int:
    """Place and pay an order; return the points that its money is worth."""
    till.place(key, pieces=pieces)
    order = till.pay(key)
    till.look_after()
    return sum(line.payable_minor for line in order.lines) // 100


def test_points_are_promised_when_paid_and_given_on_receipt(till: Till) -> None:
    points_for_buying(till)
    earned = buy(till, "o1")
    assert till.standing()[POINTS] == (0, 0, earned)
    till.look_after()
    till.receive("o1")
    till.receive("o1")
    till.look_after()
    assert till.standing()[POINTS] == (earned, 0, 0)


def test_an_order_counts_as_received_after_ten_days(till: Till) -> None:
    points_for_buying(till)
    earned = buy(till, "o1")
    till.now += RECEIPT_AFTER
    till.look_after()
    assert till.standing()[POINTS] == (0, 0, earned)
    till.now += timedelta(seconds=1)
    till.look_after()
    assert till.standing()[POINTS] == (earned, 0, 0)


def test_a_return_before_receipt_promises_less(till: Till) -> None:
    reward = points_for_buying(till)
    earned = buy(till, "o1")
    till.take_back("o1", 1, "r1")
    half = till.standing()[POINTS][2]
    assert half == earned // 2
    till.take_back("o1", 1, "r2")
    till.take_back("o1", 1, "r2")
    assert till.standing()[POINTS] == (0, 0, 0)
    till.receive("o1")
    assert till.standing()[POINTS] == (0, 0, 0)
    assert till.standing()[reward.account("budget")] == (100_000, 0, 0)


def test_a_return_after_receipt_takes_back_what_is_there(till: Till) -> None:
    till.rule("points", {"points": 100, "worth_minor": 100}, till.anybody)
    points_for_buying(till)
    earned = buy(till, "o1")
    till.receive("o1")
    till.take_back("o1", 1, "r1")
    assert till.standing()[POINTS] == (earned // 2, 0, 0)
    # The other half is spent before the rest comes back: the shop bears what is gone.
    till.place("o2", points=earned)
    till.pay("o2")
    till.take_back("o1", 1, "r2")
    left = till.standing()[POINTS]
    assert left[0] >= 0
    assert left[1] == 0


def test_thresholds_products_limits_and_windows(till: Till) -> None:
    once = till.reward(
        "buy_to_get",
        {"what": "points", "amount": 50, "budget": 1_000, "threshold_minor": 1_000_000},
        quantity=10,
    )
    other = till.reward(
        "buy_to_get",
        {"what": "points", "amount": 7, "budget": 1_000, "products": ["tea"]},
        quantity=10,
    )
    first = till.reward(
        "buy_to_get", {"what": "points", "amount": 5, "budget": 1_000}, quantity=10, per_customer=1
    )
    buy(till, "o1")
    buy(till, "o2")
    assert till.standing()[POINTS] == (0, 0, 5)
    for reward, given in ((once, 0), (other, 0), (first, 1)):
        assert till.standing()[reward.left][0] == 10 - given
    # Placed in time and paid after the end still counts; placed after it does not.
    late = till.place("o3", customer="c2")
    till.now += timedelta(hours=24)
    till.pay(late.key)
    till.place("o4", customer="c3")
    till.pay("o4")
    till.look_after()
    assert till.standing()[points_account("c2")] == (0, 0, 5)
    assert points_account("c3") not in till.standing()


def test_nobody_claims_what_has_to_be_earned(till: Till) -> None:
    reward = points_for_buying(till)
    assert till.claim(reward) == "reward_not_claimable"


def test_who_brings_a_friend_has_their_gift_when_the_friend_buys(till: Till) -> None:
    share = till.reward(
        "share",
        {"what": "points", "sharer_amount": 9, "budget": 90, "when": "order"},
        quantity=10,
    )
    for friend in ("mei", "wei"):
        assert till.claim(share, friend, shared_by="c1") == "points"
    assert till.standing()[POINTS] == (0, 0, 18)
    till.place("o1", customer="mei")
    till.pay("o1")
    till.look_after()
    till.place("o2", customer="mei")
    till.pay("o2")
    till.look_after()
    assert till.standing()[POINTS] == (9, 0, 9)
    # The other friend never buys.
    till.now += timedelta(days=15)
    till.look_after()
    assert till.standing()[POINTS] == (9, 0, 0)


def test_a_return_counts_when_the_reward_is_over_too(till: Till) -> None:
    reward = points_for_buying(till)
    earned = buy(till, "o1")
    with till.db.write() as tx:
        stop_reward(Act.of(tx, till.shop, ACTOR, till.now), reward_id=reward.id)
    till.take_back("o1", 1, "r1")
    assert till.standing()[POINTS] == (0, 0, earned // 2)


def test_a_free_order_is_paid_back_when_it_is_received(till: Till) -> None:
    points_for_buying(till)
    prizes = [{"name": "free", "what": "free_order", "stock": 1, "odds_ppm": 1_000_000}]
    draw = till.reward("draw", {"prizes": prizes}, quantity=5)
    earned = buy(till, "before")
    till.now += timedelta(minutes=1)
    assert till.claim(draw) == "free_order"
    more = buy(till, "o1")
    assert till.standing()[POINTS] == (0, 0, earned + more)
    till.receive("before")
    for _ in range(2):
        till.receive("o1")
        # What was free earns nothing, and is paid back once.
        assert till.standing()[POINTS] == (earned, 0, 0)
        with till.db.read() as tx:
            (refund,) = refunds_page(tx, shop_id=till.shop.id)
            order = read_order(tx, shop_id=till.shop.id, key="o1")
        assert (refund.about, refund.amount_minor) == ("o1", order.total_minor)
        assert order.refunded_minor == order.total_minor
    assert till.state(draw) == [ClaimState.USED]
    till.take_back("o1", 2)
    with till.db.read() as tx:
        after = read_order(tx, shop_id=till.shop.id, key="o1")
    assert after.refunded_minor == order.total_minor


def test_a_free_order_is_worth_so_much_at_most(till: Till) -> None:
    points_for_buying(till)
    prize = {"name": "free", "what": "free_order", "stock": 1, "odds_ppm": 1_000_000}
    draw = till.reward("draw", {"prizes": [{**prize, "amount": 10_000}]}, quantity=5)
    assert till.claim(draw) == "free_order"
    earned = buy(till, "o1")
    till.receive("o1")
    assert till.standing()[POINTS] == (earned - 100, 0, 0)
    till.take_back("o1", 1)
    with till.db.read() as tx:
        order = read_order(tx, shop_id=till.shop.id, key="o1")
    assert order.refunded_minor == 10_000 + order.total_minor // 2 - 5_000
