"""Customers at one moment, through several desks on one database: never one too many."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from springtide.domain.ledger.queries import account, imbalances
from springtide.domain.rewards.model import Attempt, Claim
from springtide.domain.rewards.queries import claim_count
from springtide.kit.batcher import Batcher, QueueFull
from springtide.kit.db import Database
from tests.kit.rewards import RULE, attempt, claimed, codes, desk_of, published
from tests.kit.shops import new_shop

THREADS, STOCK = 6, 40


def test_batches_at_one_moment_never_over_issue(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    hot = published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=STOCK)
    barrier = threading.Barrier(THREADS)
    outcomes: list[str] = []

    def claim(number: int) -> None:
        barrier.wait()
        for turn in range(5):
            # Every third customer comes through every thread, with the key of their own.
            tries = [
                attempt(hot.id, f"c{n}" if n % 3 == 0 else f"c{number}-{turn}-{n}")
                for n in range(4)
            ]
            outcomes.extend(codes(claimed(database, shop, *tries, now=now)))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == THREADS * 5 * 4
    assert set(outcomes) == {"coupon", "reward_sold_out"}
    with database.read() as tx:
        assert claim_count(tx, reward_id=hot.id) == STOCK
        assert account(tx, shop_id=shop.id, key=hot.left).balance == 0
        assert imbalances(tx, shop_id=shop.id) == []


def test_two_desks_serve_one_queue_each_and_no_key_twice(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    hot = published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=STOCK)
    tries = [attempt(hot.id, f"c{n}") for n in range(3 * STOCK)]

    async def rush() -> list[object]:
        desks = [desk_of(database, lambda _shop: now) for _ in range(2)]
        try:
            # Everybody asks at both desks at once, with the same key.
            return await asyncio.gather(
                *(desk.claim(shop, each) for each in tries for desk in desks)
            )
        finally:
            for desk in desks:
                desk.close()

    outcomes = asyncio.run(rush())
    by_key: dict[str, set[object]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Claim):
            by_key.setdefault(outcome.key, set()).add(outcome.id)
    assert len(by_key) == STOCK
    assert all(len(ids) == 1 for ids in by_key.values())
    with database.read() as tx:
        assert claim_count(tx, reward_id=hot.id) == STOCK
        assert imbalances(tx, shop_id=shop.id) == []


def test_a_key_for_two_rewards_at_once_is_one_claim(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    rewards = [
        published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=STOCK)
        for _ in range(2)
    ]

    async def rush() -> list[object]:
        desks = [desk_of(database, lambda _shop: now) for _ in range(2)]
        try:
            return await asyncio.gather(
                *(
                    desk.claim(shop, attempt(reward.id, f"c{n}", f"k:{n}"))
                    for n in range(20)
                    for desk, reward in zip(desks, rewards, strict=True)
                )
            )
        finally:
            for desk in desks:
                desk.close()

    found = Counter(
        "granted" if isinstance(each, Claim) else getattr(each, "code", "?")
        for each in asyncio.run(rush())
    )
    assert found == {"granted": 20, "idempotency_key_reused": 20}


def test_one_at_fault_does_not_spoil_the_batch(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    hot = published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=STOCK)
    # A visitor's key longer than the column: no caller of the API can send one.
    bad = attempt(hot.id, "bad", visitor_key="v" * 300)

    async def rush() -> list[object]:
        desk = desk_of(database, lambda _shop: now)
        try:
            tries: list[Attempt] = [attempt(hot.id, f"c{n}") for n in range(5)]
            asked = [desk.claim(shop, each) for each in [*tries, bad]]
            return await asyncio.gather(*asked, return_exceptions=True)
        finally:
            desk.close()

    outcomes = asyncio.run(rush())
    assert [isinstance(each, Claim) for each in outcomes] == [True] * 5 + [False]
    assert isinstance(outcomes[-1], Exception)


def test_a_full_queue_says_so_at_once() -> None:
    going = threading.Event()

    def slow(asks: Sequence[int]) -> Sequence[int]:
        going.wait(10)
        return asks

    async def rush() -> list[object]:
        batcher = Batcher[int, int](slow, name="slow", size=2, waiting_max=3)
        first = [asyncio.ensure_future(batcher.ask(n)) for n in range(2)]
        await asyncio.sleep(0.1)
        asked = [asyncio.ensure_future(batcher.ask(n)) for n in range(2, 9)]
        await asyncio.sleep(0.05)
        going.set()
        answers = await asyncio.gather(*first, *asked, return_exceptions=True)
        batcher.close()
        return list(answers)

    answers = asyncio.run(rush())
    assert answers[:5] == [0, 1, 2, 3, 4]
    assert all(isinstance(each, QueueFull) for each in answers[5:])
    full = answers[-1]
    assert isinstance(full, QueueFull)
    assert full.facts == {"seconds": 1, "position": 3}
