"""Group buys: joined <= size, each order settles once, short groups are paid back whole."""

from datetime import datetime, timedelta

import pytest

from springtide.domain.access.act import Act
from springtide.domain.ledger.queries import imbalances
from springtide.domain.orders.model import OrderState
from springtide.domain.orders.queries import order as read_order
from springtide.domain.rewards.groups import groups_of
from springtide.domain.rewards.model import Claim, Group, Reward
from springtide.domain.rewards.queries import claims_of_reward
from springtide.domain.rewards.redemption import GroupAlone
from springtide.domain.rewards.refunds import RefundRepaid, refunds_page, repay
from springtide.domain.rewards.states import ClaimState
from springtide.kit.db import Database
from springtide.kit.errors import NotFound
from tests.kit.rewards import attempt, claimed, codes
from tests.kit.shops import ACTOR
from tests.kit.till import ISSUED, Till

FLOOR = 15_000
FIRST, SECOND, THIRD = 16_800, 16_000, 15_500


@pytest.fixture
def till(database: Database, now: datetime) -> Till:
    return Till(database, now)


@pytest.fixture
def reward(till: Till) -> Reward:
    rule = till.rule("fixed_price", {"price_minor": FIRST}, ISSUED)
    tiers = [
        {"people": 2, "unit_minor": FIRST},
        {"people": 3, "unit_minor": SECOND},
        {"people": 4, "unit_minor": THIRD},
    ]
    params = {"rule": rule, "product_key": "pot", "tiers": tiers, "hours": 2}
    return till.reward("group_buy", params, quantity=100, per_customer=None)


def group(till: Till, reward: Reward) -> Group:
    with till.db.read() as tx:
        (found,) = groups_of(tx, reward_id=reward.id)
    return found


def take(till: Till, reward: Reward, customer: str, group_key: str | None = None) -> str:
    tried = attempt(reward.id, customer, f"{customer}:{group_key}", group=group_key)
    return codes(claimed(till.db, till.shop, tried, now=till.now))[0]


def buy(till: Till, reward: Reward, *customers: str) -> str:
    """Let customers open a group, join and pay; return its key."""
    key: str | None = None
    for customer in customers:
        assert take(till, reward, customer, key) == "group"
        key = key or group(till, reward).key
        order = till.place(f"o-{customer}", customer=customer)
        assert order.total_minor == FIRST
        till.pay(f"o-{customer}")
    assert key is not None
    return key


def refunded(till: Till, *customers: str) -> list[int]:
    with till.db.read() as tx:
        return [
            read_order(tx, shop_id=till.shop.id, key=f"o-{each}").refunded_minor
            for each in customers
        ]


def owed(till: Till) -> dict[str, int]:
    with till.db.read() as tx:
        assert imbalances(tx, shop_id=till.shop.id) == []
        found = refunds_page(tx, shop_id=till.shop.id)
    return {each.about: each.amount_minor for each in found}


def test_a_full_group_is_done_at_once_at_the_best_price(till: Till, reward: Reward) -> None:
    everybody = ("c1", "c2", "c3", "c4")
    key = buy(till, reward, *everybody)
    assert take(till, reward, "c5", key) == "group_over"
    till.look_after()
    assert (group(till, reward).state, group(till, reward).reached) == ("done", 4)
    assert refunded(till, *everybody) == [FIRST - THIRD] * 4
    assert owed(till) == {f"o-{each}": FIRST - THIRD for each in everybody}
    till.now += timedelta(hours=3)
    till.look_after()
    assert refunded(till, *everybody) == [FIRST - THIRD] * 4
    tried = attempt(reward.id, "c5", "later", group=key)
    assert codes(claimed(till.db, till.shop, tried, now=till.now)) == ["group_over"]


def test_no_group_goes_below_the_floor(till: Till, reward: Reward) -> None:
    tiers = [{"people": 2, "unit_minor": FIRST}, {"people": 3, "unit_minor": FLOOR - 9_000}]
    low = till.reward("group_buy", {**reward.params, "tiers": tiers}, quantity=9, per_customer=None)
    buy(till, low, "c1", "c2", "c3")
    till.look_after()
    assert refunded(till, "c1", "c2", "c3") == [FIRST - FLOOR] * 3


def test_the_price_follows_the_size(till: Till, reward: Reward) -> None:
    buy(till, reward, "c1", "c2", "c3")
    till.now += timedelta(hours=2)
    till.look_after()
    assert group(till, reward).reached == 3
    assert refunded(till, "c1", "c2", "c3") == [FIRST - SECOND] * 3


def test_the_least_size_pays_the_first_price(till: Till, reward: Reward) -> None:
    buy(till, reward, "c1", "c2")
    till.now += timedelta(hours=2)
    till.look_after()
    assert group(till, reward).state == "done"
    assert refunded(till, "c1", "c2") == [0, 0]
    assert owed(till) == {}


def test_a_short_group_is_paid_back_whole(till: Till, reward: Reward) -> None:
    before = till.standing()
    buy(till, reward, "c1")
    # One who joined and never paid does not count.
    assert take(till, reward, "c2", group(till, reward).key) == "group"
    till.now += timedelta(hours=2)
    till.look_after()
    assert (group(till, reward).state, group(till, reward).reached) == ("short", 1)
    assert refunded(till, "c1") == [FIRST]
    assert owed(till) == {"o-c1": FIRST}
    assert till.state(reward) == [ClaimState.OVER, ClaimState.OVER]
    after = till.standing()
    assert {key: after[key] for key in before} == before
    till.look_after()
    assert owed(till) == {"o-c1": FIRST}


def test_places_unpaid_come_back(till: Till, reward: Reward) -> None:
    key = buy(till, reward, "c1", "c2", "c3")
    assert take(till, reward, "c4", key) == "group"
    assert take(till, reward, "c5", key) == "group_full"
    till.now += timedelta(minutes=16)
    till.look_after()
    tried = attempt(reward.id, "c5", "again", group=key)
    assert codes(claimed(till.db, till.shop, tried, now=till.now)) == ["group"]


def test_who_is_in_does_not_come_in_twice(till: Till, reward: Reward) -> None:
    key = buy(till, reward, "c1")
    tried = attempt(reward.id, "c1", "twice", group=key)
    assert codes(claimed(till.db, till.shop, tried, now=till.now)) == ["group_twice"]


def test_a_group_of_another_reward_is_none(till: Till, reward: Reward) -> None:
    key = buy(till, reward, "c1")
    other = till.reward(reward.kind, dict(reward.params), quantity=9, per_customer=None)
    assert take(till, other, "c2", key) == "group_unknown"


def test_the_group_price_stands_alone(till: Till, reward: Reward) -> None:
    take(till, reward, "c1")
    with pytest.raises(GroupAlone):
        till.place("o-c1", customer="c1", more=("cup",))


def test_a_return_before_the_end_leaves_the_group(till: Till, reward: Reward) -> None:
    buy(till, reward, "c1", "c2", "c3")
    till.take_back("o-c2", 1)
    till.now += timedelta(hours=2)
    till.look_after()
    assert group(till, reward).reached == 2
    assert refunded(till, "c1", "c2", "c3") == [0, FIRST, 0]


def test_a_return_after_the_end_gives_what_was_paid(till: Till, reward: Reward) -> None:
    buy(till, reward, "c1", "c2", "c3", "c4")
    till.look_after()
    till.take_back("o-c2", 1)
    with till.db.read() as tx:
        order = read_order(tx, shop_id=till.shop.id, key="o-c2")
    assert order.refunded_minor == order.total_minor == FIRST
    assert order.state is OrderState.PAID
    assert group(till, reward).state == "done"


def test_a_refund_is_paid_back_once(till: Till, reward: Reward) -> None:
    buy(till, reward, "c1")
    till.now += timedelta(hours=2)
    till.look_after()
    with till.db.read() as tx:
        (refund,) = refunds_page(tx, shop_id=till.shop.id)
    assert refund.repaid_by is None
    for _ in range(2):
        with till.db.write() as tx:
            repay(Act.of(tx, till.shop, ACTOR, till.now), key=refund.key, payment_key="wx-1")
    with pytest.raises(RefundRepaid), till.db.write() as tx:
        repay(Act.of(tx, till.shop, ACTOR, till.now), key=refund.key, payment_key="wx-2")
    with pytest.raises(NotFound), till.db.write() as tx:
        repay(Act.of(tx, till.shop, ACTOR, till.now), key="nobody", payment_key="wx-2")
    with till.db.read() as tx:
        (refund,) = refunds_page(tx, shop_id=till.shop.id)
    assert refund.repaid_by == "wx-1"
    assert till.standing()["refunds"] == (0, 0, 0)


def test_a_claim_says_its_group(till: Till, reward: Reward) -> None:
    take(till, reward, "c1")
    with till.db.read() as tx:
        (claim,) = claims_of_reward(tx, reward_id=reward.id)
    assert isinstance(claim, Claim)
    assert claim.granted.group == group(till, reward).key


def test_what_a_group_saves_earns_nothing(till: Till, reward: Reward) -> None:
    params = {"what": "points", "amount": 1, "per_minor": 100, "budget": 100_000}
    till.reward("buy_to_get", params, quantity=100, per_customer=None)
    buy(till, reward, "c1", "c2", "c3")
    till.look_after()
    assert till.standing()["points:c1"] == (0, 0, FIRST // 100)
    till.now += timedelta(hours=2)
    till.look_after()
    assert till.standing()["points:c1"] == (0, 0, SECOND // 100)
    till.receive("o-c1")
    assert till.standing()["points:c1"] == (SECOND // 100, 0, 0)
