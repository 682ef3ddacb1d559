"""Claims in batches, on both databases: first come first served, one effect a key, no more."""

from datetime import datetime, timedelta

import msgspec
import pytest

from springtide.domain.access.act import Act
from springtide.domain.ledger.operations import expire_due
from springtide.domain.ledger.queries import account, accounts_page, imbalances
from springtide.domain.rewards.grants import packet_account, points_account
from springtide.domain.rewards.model import Claim, RewardFrozen, Terms
from springtide.domain.rewards.operations import (
    invite,
    publish_reward,
    save_reward,
    settle_over,
    stop_reward,
)
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from tests.kit.rewards import RULE, attempt, claimed, codes, published
from tests.kit.shops import ACTOR, new_shop


class Counter:
    """A shop with rewards, at one instant that tests move."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.db, self.now = database, now
        self.shop = new_shop(database, now=now)

    def available(self, key: str) -> int:
        with self.db.read() as tx:
            return account(tx, shop_id=self.shop.id, key=key).available

    def sound(self) -> bool:
        with self.db.read() as tx:
            return not imbalances(tx, shop_id=self.shop.id)


@pytest.fixture
def counter(database: Database, now: datetime) -> Counter:
    return Counter(database, now)


def test_the_first_come_are_served(counter: Counter) -> None:
    coupon = published(
        counter.db, counter.shop, "coupon", {"rule": RULE}, now=counter.now, quantity=3
    )
    tries = [attempt(coupon.id, f"c{number}") for number in range(5)]
    outcomes = claimed(counter.db, counter.shop, *tries, now=counter.now)
    assert codes(outcomes) == ["coupon"] * 3 + ["reward_sold_out"] * 2
    assert counter.available(coupon.left) == 0
    assert counter.sound()


def test_the_same_key_has_the_same_answer(counter: Counter) -> None:
    coupon = published(
        counter.db, counter.shop, "coupon", {"rule": RULE}, now=counter.now, quantity=9
    )
    first = attempt(coupon.id, "c1", "k:1")
    in_batch = claimed(counter.db, counter.shop, first, first, now=counter.now)
    later = claimed(counter.db, counter.shop, first, now=counter.now + timedelta(days=9))
    ids = {outcome.id for outcome in [*in_batch, *later] if isinstance(outcome, Claim)}
    assert len(ids) == 1
    assert [getattr(outcome, "replayed", None) for outcome in [*in_batch, *later]] == [
        False,
        True,
        True,
    ]
    other = attempt(coupon.id, "c2", "k:1")
    assert codes(claimed(counter.db, counter.shop, other, now=counter.now)) == [
        "idempotency_key_reused"
    ]
    assert counter.available(coupon.left) == 8


def test_limits_of_customer_device_address_and_minute(counter: Counter) -> None:
    coupon = published(
        counter.db,
        counter.shop,
        "coupon",
        {"rule": RULE},
        now=counter.now,
        quantity=100,
        per_customer=2,
        per_device=3,
        per_address=4,
        per_minute=1,
    )

    def take(customer: str, device: str, address: str, minutes: int = 0) -> str:
        key = f"k:{customer}{device}{address}{minutes}"
        tried = attempt(coupon.id, customer, key, device=device, address=address)
        at = counter.now + timedelta(minutes=minutes)
        return codes(claimed(counter.db, counter.shop, tried, now=at))[0]

    assert take("c1", "d1", "a1") == "coupon"
    assert take("c1", "d2", "a2") == "reward_too_fast"
    assert take("c1", "d1", "a1", 1) == "coupon"
    assert take("c1", "d2", "a2", 2) == "reward_customer_limit"
    assert take("c2", "d1", "a1") == "coupon"
    assert take("c3", "d1", "a1") == "reward_device_limit"
    assert take("c3", "d3", "a1") == "coupon"
    assert take("c4", "d4", "a1") == "reward_address_limit"
    assert counter.available(coupon.left) == 96
    assert counter.sound()


def test_windows_weekdays_and_invitations(counter: Counter) -> None:
    # A Tuesday evening in Shanghai; open from Wednesday on, on Wednesdays and Fridays.
    coupon = published(
        counter.db,
        counter.shop,
        "coupon",
        {"rule": RULE},
        now=counter.now,
        opens_in=timedelta(hours=4),
        hours=60,
        quantity=9,
        weekdays=(2, 4),
        is_targeted=True,
    )
    with counter.db.write() as tx:
        assert invite(tx, reward_id=coupon.id, customer_keys=["c1", "c1", "c2"]) == 2
        assert invite(tx, reward_id=coupon.id, customer_keys=["c2"]) == 1

    def take(customer: str, hours: float) -> str:
        tried = attempt(coupon.id, customer, f"k:{customer}{hours}")
        at = counter.now + timedelta(hours=hours)
        return codes(claimed(counter.db, counter.shop, tried, now=at))[0]

    assert take("c1", 3.99) == "reward_not_open"
    assert take("c9", 4) == "reward_not_invited"
    assert take("c1", 4) == "coupon"
    assert take("c2", 30) == "reward_not_today"
    assert take("c2", 64) == "reward_closed"
    assert counter.available(coupon.left) == 8


def test_what_is_stopped_or_over_gives_back_what_is_left(counter: Counter) -> None:
    packets = [
        published(
            counter.db,
            counter.shop,
            "packet",
            {"rule": RULE, "total_minor": 1_000},
            now=counter.now,
            quantity=10,
        )
        for _ in range(2)
    ]
    for packet in packets:
        claimed(counter.db, counter.shop, attempt(packet.id, "c1", packet.key), now=counter.now)
    with counter.db.write() as tx:
        stop_reward(Act.of(tx, counter.shop, ACTOR, counter.now), reward_id=packets[0].id)
    later = counter.now + timedelta(hours=24)
    with counter.db.write() as tx:
        assert settle_over(tx, shop=counter.shop, now=later) == 1
        assert settle_over(tx, shop=counter.shop, now=later) == 0
    for packet in packets:
        assert counter.available(packet.account("money")) == 0
        assert counter.available(packet.account("money:source")) == -100
    assert counter.available(packet_account(RULE, "c1")) == 200
    tried = attempt(packets[0].id, "c2")
    assert codes(claimed(counter.db, counter.shop, tried, now=counter.now)) == ["reward_closed"]
    assert counter.sound()


def test_flash_stock_comes_back_unpaid(counter: Counter) -> None:
    flash = published(
        counter.db,
        counter.shop,
        "flash",
        {"product_key": "tea", "rule": RULE, "pay_minutes": 10},
        now=counter.now,
        quantity=5,
        per_customer=3,
    )
    tries = [
        attempt(flash.id, "c1", "k:1", quantity=3),
        attempt(flash.id, "c2", "k:2", quantity=3),
        attempt(flash.id, "c2", "k:3", quantity=2),
        attempt(flash.id, "c1", "k:4", quantity=1),
    ]
    outcomes = claimed(counter.db, counter.shop, *tries, now=counter.now)
    assert codes(outcomes) == ["flash", "reward_sold_out", "flash", "reward_sold_out"]
    after = counter.now + timedelta(minutes=10)
    with counter.db.write() as tx:
        assert expire_due(tx, shop=counter.shop, now=after - timedelta(seconds=1)) == 0
        assert expire_due(tx, shop=counter.shop, now=after) == 2
    again = attempt(flash.id, "c1", "k:5", quantity=3)
    assert codes(claimed(counter.db, counter.shop, again, now=after)) == ["flash"]
    assert counter.available(flash.left) == 2
    assert counter.sound()


def test_check_in_counts_days_in_a_row(counter: Counter) -> None:
    daily = published(
        counter.db,
        counter.shop,
        "check_in",
        {"points": [1, 2, 5]},
        now=counter.now,
        hours=24 * 30,
        quantity=1_000,
        per_customer=None,
    )

    def come(day: int) -> int | str:
        tried = attempt(daily.id, "c1", f"k:{day}:{counter.now}")
        at = counter.now + timedelta(days=day)
        (outcome,) = claimed(counter.db, counter.shop, tried, now=at)
        return outcome.granted.amount if isinstance(outcome, Claim) else outcome.code

    assert [come(day) for day in (0, 1, 2, 3)] == [1, 2, 5, 5]
    counter.now += timedelta(minutes=1)
    assert come(3) == "reward_customer_limit"
    assert [come(day) for day in (5, 6)] == [1, 2]
    assert counter.available(points_account("c1")) == 16
    assert counter.sound()


def test_points_buy_what_costs_points(counter: Counter) -> None:
    daily = published(
        counter.db, counter.shop, "check_in", {"points": [7]}, now=counter.now, quantity=9
    )
    coupon = published(
        counter.db, counter.shop, "coupon", {"rule": RULE}, now=counter.now, quantity=9,
        per_customer=None, cost_points=5,
    )  # fmt: skip
    outcomes = claimed(
        counter.db,
        counter.shop,
        attempt(daily.id, "c1", "k:0"),
        attempt(coupon.id, "c1", "k:1"),
        attempt(coupon.id, "c1", "k:2"),
        attempt(coupon.id, "c2", "k:3"),
        now=counter.now,
    )
    assert codes(outcomes) == [
        "points",
        "coupon",
        "reward_too_few_points",
        "reward_too_few_points",
    ]
    assert counter.available(points_account("c1")) == 2
    with counter.db.read() as tx:
        owned = {each.key for each in accounts_page(tx, shop_id=counter.shop.id, owner="c2")}
    assert owned == set()
    assert counter.sound()


def test_the_phrase_is_spelled_in_many_ways(counter: Counter) -> None:
    packet = published(
        counter.db,
        counter.shop,
        "phrase_packet",
        {"rule": RULE, "total_minor": 900, "phrase": "大潮来了 666"},
        now=counter.now,
        quantity=3,
    )
    tries = [
        attempt(packet.id, "c1", phrase=" 大潮来了，６６６！"),
        attempt(packet.id, "c2", phrase="大潮来了"),
        attempt(packet.id, "c3", phrase=None),
    ]
    outcomes = claimed(counter.db, counter.shop, *tries, now=counter.now)
    assert codes(outcomes) == ["packet", "phrase_wrong", "phrase_wrong"]


@pytest.mark.parametrize(
    ("kind", "params", "terms", "field"),
    [
        ("coupon", {"rule": ""}, {"quantity": 1}, "rule"),
        ("coupon", {"rule": RULE}, {"quantity": 0}, "quantity"),
        ("coupon", {"rule": RULE}, {"quantity": -5}, "quantity"),
        ("coupon", {"rule": RULE}, {"quantity": 1, "per_customer": 0}, "per_customer"),
        ("coupon", {"rule": RULE, "x": 1}, {"quantity": 1}, "params"),
        ("packet", {"rule": RULE, "total_minor": 9}, {"quantity": 10}, "total_minor"),
        ("packet", {"rule": RULE, "total_minor": 25}, {"quantity": 10}, "total_minor"),
        ("packet", {"rule": RULE, "total_minor": 5, "split": "x"}, {"quantity": 1}, "split"),
        ("flash", {"rule": RULE, "product_key": " "}, {"quantity": 1}, "product_key"),
        ("check_in", {"points": []}, {"quantity": 1}, "points"),
        ("draw", {"prizes": []}, {"quantity": 1}, "prizes"),
        (
            "draw",
            {"prizes": [{"name": "a", "what": "gift", "stock": 0, "odds_ppm": 1}]},
            {"quantity": 1},
            "prizes.0.stock",
        ),
        (
            "draw",
            {"prizes": [{"name": "a", "what": "gift", "stock": 1, "odds_ppm": 500_001}] * 2},
            {"quantity": 1},
            "prizes",
        ),
        (
            "phrase_packet",
            {"rule": RULE, "total_minor": 5, "phrase": "!?"},
            {"quantity": 1},
            "phrase",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_field(
    counter: Counter, kind: str, params: dict[str, object], terms: dict[str, int], field: str
) -> None:
    with counter.db.write() as tx, pytest.raises(Invalid) as refused:
        save_reward(
            Act.of(tx, counter.shop, ACTOR, counter.now),
            kind=kind,
            name="x",
            params=params,
            terms=msgspec.convert(terms, Terms),
            opens_at=counter.now,
            closes_at=counter.now + timedelta(hours=1),
        )
    assert field in refused.value.fields


def test_what_is_published_is_frozen(counter: Counter) -> None:
    coupon = published(
        counter.db, counter.shop, "coupon", {"rule": RULE}, now=counter.now, quantity=3
    )
    with counter.db.write() as tx, pytest.raises(RewardFrozen):
        save_reward(
            Act.of(tx, counter.shop, ACTOR, counter.now),
            reward_id=coupon.id,
            kind="coupon",
            name="x",
            params={"rule": RULE},
            terms=Terms(quantity=99),
            opens_at=counter.now,
            closes_at=counter.now + timedelta(hours=1),
        )
    with counter.db.write() as tx:
        again = publish_reward(Act.of(tx, counter.shop, ACTOR, counter.now), reward_id=coupon.id)
    assert again == coupon
    assert counter.available(coupon.left) == 3
