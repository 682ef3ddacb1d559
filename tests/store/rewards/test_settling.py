"""What is left comes back whole, whatever happens at the same moment; on both databases."""

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.ledger.operations import expire_due
from springtide.domain.ledger.queries import account, imbalances
from springtide.domain.rewards.claiming import Outcome
from springtide.domain.rewards.grants import points_account
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.operations import settle_over, stop_reward
from springtide.kit.db import Database
from tests.kit.rewards import RULE, attempt, claimed, codes, published
from tests.kit.shops import ACTOR, new_shop

FLASH = {"product_key": "tea", "rule": RULE, "pay_minutes": 10}


@pytest.fixture
def shop(database: Database, now: datetime) -> Shop:
    return new_shop(database, now=now)


def available(database: Database, shop: Shop, key: str) -> int:
    with database.read() as tx:
        assert imbalances(tx, shop_id=shop.id) == []
        return account(tx, shop_id=shop.id, key=key).available


def stopped(database: Database, shop: Shop, reward: Reward, now: datetime) -> None:
    with database.write() as tx:
        stop_reward(Act.of(tx, shop, ACTOR, now), reward_id=reward.id)


def settled(database: Database, shop: Shop, now: datetime) -> int:
    with database.write() as tx:
        return settle_over(tx, shop=shop, now=now)


def expired(database: Database, shop: Shop, now: datetime) -> int:
    with database.write() as tx:
        return expire_due(tx, shop=shop, now=now)


@pytest.mark.parametrize(
    ("kind", "params"),
    [
        ("coupon", {"rule": RULE}),
        ("packet", {"rule": RULE, "total_minor": 1_000}),
        ("draw", {"prizes": [{"name": "tea", "what": "gift", "stock": 1, "odds_ppm": 1}]}),
        ("check_in", {"points": [1]}),
    ],
)
def test_what_has_no_pieces_is_claimed_one_by_one(
    database: Database, shop: Shop, now: datetime, kind: str, params: dict[str, Any]
) -> None:
    reward = published(database, shop, kind, params, now=now, quantity=10, per_customer=None)
    tries = [attempt(reward.id, "c1", f"k:{n}", quantity=n) for n in (2, 0, -1)]
    assert codes(claimed(database, shop, *tries, now=now)) == ["reward_not_in_pieces"] * 3
    assert available(database, shop, reward.left) == 10


def test_a_limit_by_the_minute_forgets_the_month_before(
    database: Database, shop: Shop, now: datetime
) -> None:
    coupon = published(
        database, shop, "coupon", {"rule": RULE}, now=now, hours=24 * 90, quantity=10,
        per_customer=None, per_minute=1,
    )  # fmt: skip
    for days in (0, 30, 61):
        at = now + timedelta(days=days)
        tries = [attempt(coupon.id, "c1", f"k:{days}:{n}") for n in range(2)]
        assert codes(claimed(database, shop, *tries, now=at)) == ["coupon", "reward_too_fast"]


def test_points_for_flash_stock_come_back_with_it(
    database: Database, shop: Shop, now: datetime
) -> None:
    daily = published(database, shop, "check_in", {"points": [7]}, now=now, quantity=9)
    flash = published(
        database, shop, "flash", FLASH, now=now, quantity=5, per_customer=None, cost_points=3
    )
    claimed(database, shop, attempt(daily.id, "c1", "k:0"), now=now)
    tries = [attempt(flash.id, "c1", f"k:{n}", quantity=n) for n in (2, 1)]
    assert codes(claimed(database, shop, *tries, now=now)) == ["flash", "reward_too_few_points"]
    assert available(database, shop, points_account("c1")) == 1
    assert expired(database, shop, now + timedelta(minutes=10)) == 2
    assert available(database, shop, points_account("c1")) == 7


@pytest.mark.parametrize("how", ["stopped", "over"])
def test_flash_stock_that_comes_back_late_is_given_back_too(
    database: Database, shop: Shop, now: datetime, how: str
) -> None:
    flash = published(
        database, shop, "flash", FLASH, now=now, hours=1, quantity=5, per_customer=None
    )
    end = now + timedelta(hours=1)
    shortly = end - timedelta(minutes=1)
    claimed(database, shop, attempt(flash.id, "c1", quantity=3), now=shortly)
    if how == "stopped":
        stopped(database, shop, flash, shortly)
    assert settled(database, shop, end) == 0
    assert available(database, shop, f"{flash.left}:source") == -3
    later = end + timedelta(minutes=9)
    assert expired(database, shop, later) == 1
    assert settled(database, shop, later) == 1
    assert settled(database, shop, later) == 0
    assert available(database, shop, f"{flash.left}:source") == 0


def test_a_stop_in_the_middle_of_a_rush_leaves_nothing_behind(
    database: Database, shop: Shop, now: datetime
) -> None:
    packet = published(
        database, shop, "packet", {"rule": RULE, "total_minor": 1_000, "split": "double_mean"},
        now=now, quantity=100,
    )  # fmt: skip
    start = threading.Barrier(5)
    outcomes: list[Outcome] = []

    def rush(who: int) -> None:
        start.wait()
        for number in range(12):
            tried = attempt(packet.id, f"c{who}.{number}")
            outcomes.extend(claimed(database, shop, tried, now=now))

    def stop() -> None:
        start.wait()
        while not outcomes:
            pass
        stopped(database, shop, packet, now)

    threads = [threading.Thread(target=rush, args=(who,)) for who in range(4)]
    threads.append(threading.Thread(target=stop))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    granted = codes(outcomes).count("packet")
    assert available(database, shop, packet.left) == 0
    assert available(database, shop, packet.account("money")) == 0
    assert available(database, shop, f"{packet.left}:source") == -granted
