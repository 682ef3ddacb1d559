"""Daily tasks on both databases: what counts as today, whose it is, and once a day."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from springtide.domain.access.model import Shop
from springtide.domain.access.operations import create_shop
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.domain.facts.reader import FactReader
from springtide.domain.facts.sealing import seal
from springtide.domain.ledger.queries import account, imbalances
from springtide.domain.rewards.daily_activity import Person
from springtide.domain.rewards.daily_progress import daily_progress_of
from springtide.domain.rewards.grants import points_account
from springtide.domain.rewards.model import Attempt, Claim, Reward
from springtide.kit.errors import Refusal
from tests.kit.house import ACTOR, TestHouse
from tests.kit.rewards import RULE, attempt, desk_of, published

TASK: dict[str, Any] = {"deed": "view", "wanted": 2, "what": "points", "amount": 5}


class Street:
    """A shop whose visitors look around, and the desk where they claim."""

    def __init__(self, house: TestHouse, zone: str = "Asia/Shanghai") -> None:
        self.house, self.count = house, 0
        with house.db.write() as tx:
            self.shop: Shop = create_shop(
                tx, slug="tide", name="Tide", currency="CNY", zone_name=zone, actor=ACTOR,
                now=house.clock,
            )  # fmt: skip

    def open(self, terms: dict[str, Any] | None = None, **params: Any) -> Reward:
        more = {"quantity": 50, "per_customer": None, "hours": 24 * 30, **(terms or {})}
        wanted = {**TASK, **params}
        return published(self.house.db, self.shop, "task", wanted, now=self.house.clock, **more)

    def did(self, product: str, kind: str = "view", **more: Any) -> None:
        """Append one fact, now unless ``at`` is given."""
        self.count += 1
        at = more.pop("at", self.house.clock)
        if "customer_key" not in more and "visitor_key" not in more:
            more["customer_key"] = "c1"
        fact = Fact(
            self.shop.slug, kind, at, "api", f"{kind}:{self.count}", product_key=product, **more
        )
        with self.house.db.write() as tx:
            append(tx, [fact], now=self.house.clock)

    def claim(self, reward: Reward, customer: str = "c1", **more: Any) -> str:
        self.count += 1
        key = more.pop("key", f"k{self.count}")
        (outcome,) = self.claim_all([attempt(reward.id, customer, key, **more)])
        return told(outcome)

    def claim_all(self, attempts: Sequence[Attempt], desks: int = 1) -> list[Claim | Refusal]:
        """Claim all at one moment, through several desks in turn."""

        async def rush() -> list[Claim | Refusal]:
            opened = [
                desk_of(self.house.db, self.house.now, reader_of=lambda: self.house.facts)
                for _ in range(desks)
            ]
            try:
                asked = [
                    opened[n % desks].claim(self.shop, each) for n, each in enumerate(attempts)
                ]
                return list(await asyncio.gather(*asked))
            finally:
                for desk in opened:
                    desk.close()

        return asyncio.run(rush())

    def points(self, customer: str = "c1") -> int:
        with self.house.db.read() as tx:
            assert imbalances(tx, shop_id=self.shop.id) == []
            return account(tx, shop_id=self.shop.id, key=points_account(customer)).available


def told(outcome: Claim | Refusal) -> str:
    if isinstance(outcome, Claim):
        return f"{outcome.granted.what} {outcome.granted.amount}"
    facts = outcome.facts
    return f"{outcome.code} {facts['done']}/{facts['wanted']}" if "done" in facts else outcome.code


@pytest.fixture
def street(house: TestHouse) -> Street:
    return Street(house)


def test_different_products_of_today_count_and_the_claim_is_had_once_a_day(street: Street) -> None:
    task = street.open()
    assert street.claim(task) == "task_unfinished 0/2"
    for _ in range(3):
        street.did("tea")
    assert street.claim(task) == "task_unfinished 1/2"
    # Sealed or still in the tail makes no difference.
    seal(street.house.db, street.house.lake)
    street.did("cup")
    assert street.claim(task, key="mine") == "points 5"
    assert street.claim(task) == "reward_customer_limit"
    # Tomorrow it begins anew; a key has its own answer for ever.
    street.house.forward(days=1)
    assert street.claim(task, key="mine") == "points 5"
    assert street.claim(task) == "task_unfinished 0/2"
    street.did("tea")
    street.did("cup")
    assert street.claim(task) == "points 5"
    assert street.points() == 10


def test_whose_deeds_count(street: Street) -> None:
    task = street.open()
    street.did("tea", visitor_key="v1")
    street.did("cup", visitor_key="v1", customer_key="c2")
    street.did("pot", kind="cart")
    assert street.claim(task, visitor_key="v1") == "task_unfinished 1/2"
    # A visitor who was somebody else at that time brings nothing along.
    assert street.claim(task) == "task_unfinished 0/2"
    street.did("cup", visitor_key="v1", customer_key="c1")
    assert street.claim(task, visitor_key="v1") == "points 5"
    assert street.claim(task, "c2") == "task_unfinished 1/2"
    # Many at one moment, each has their own.
    street.did("a", customer_key="c3")
    street.did("b", customer_key="c3")
    tries = [attempt(task.id, f"c{n}", f"all{n}") for n in (2, 3, 4)]
    assert [told(each) for each in street.claim_all(tries)] == [
        "task_unfinished 1/2", "points 5", "task_unfinished 0/2",
    ]  # fmt: skip


def test_only_given_products_count(street: Street) -> None:
    task = street.open(products=["tea", "cup"])
    for product in ("pot", "lid", "tea"):
        street.did(product)
    assert street.claim(task) == "task_unfinished 1/2"
    street.did("cup")
    assert street.claim(task) == "points 5"


def test_orders_count_once_they_are_paid(street: Street) -> None:
    task = street.open(deed="order")
    for key in ("o1", "o2"):
        for product in ("tea", "cup"):
            street.did(product, kind="order", order_key=key)
    street.did("tea", kind="payment", order_key="o1")
    street.did("cup", kind="payment", order_key="o1")
    assert street.claim(task) == "task_unfinished 1/2"
    street.did("tea", kind="payment", order_key="o2")
    assert street.claim(task) == "points 5"


def test_orders_of_a_visitor_are_nobodys_to_claim(street: Street) -> None:
    task = street.open(deed="order", wanted=1)
    street.did("tea", kind="payment", order_key="o1", visitor_key="v1")
    assert street.claim(task, "c2", visitor_key="v1") == "task_unfinished 0/1"
    street.did("tea", kind="payment", order_key="o2", visitor_key="v1", customer_key="c2")
    assert street.claim(task, "c2", visitor_key="v1") == "points 5"


def local(text: str, shop: Shop) -> datetime:
    """Return the instant of a wall time; of an hour that comes twice, ``*`` is the second."""
    at = datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=shop.tz, fold=int("*" in text))
    return at.astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "now", "counts", "misses"),
    [
        ("Asia/Shanghai", "2025-11-11T00:00:01", ["2025-11-11T00:00:00"], ["2025-11-10T23:59:59"]),
        # A day of 25 hours, the last one included, and one of 23.
        (
            "America/New_York", "2025-11-02T23:59:58",
            ["2025-11-02T00:00:00", "2025-11-02T01:30:00", "2025-11-02T01:30:00*",
             "2025-11-02T23:59:57"],
            ["2025-11-01T23:59:59", "2025-11-03T00:00:00"],
        ),
        (
            "America/New_York", "2025-03-09T03:00:00",
            ["2025-03-09T00:00:00", "2025-03-09T01:59:59", "2025-03-09T03:00:00"],
            ["2025-03-08T23:59:59", "2025-03-10T00:00:00"],
        ),
        # Midnight itself is left out where clocks go forward at it.
        (
            "America/Santiago", "2025-09-07T12:00:00",
            ["2025-09-07T01:00:00"], ["2025-09-06T23:59:59", "2025-09-08T00:00:00"],
        ),
    ],
)  # fmt: skip
def test_a_day_is_the_shops_own(
    house: TestHouse, zone: str, now: str, counts: list[str], misses: list[str]
) -> None:
    street = Street(house, zone)
    house.clock = local(now, street.shop)
    task = street.open(wanted=100)
    for text in (*counts, *misses):
        street.did(text, at=local(text, street.shop))
    assert street.claim(task) == f"task_unfinished {len(counts)}/100"


def test_what_was_counted_before_midnight_is_of_yesterday(street: Street) -> None:
    task = street.open()
    street.did("tea")
    street.did("cup")
    reader: FactReader = street.house.facts
    times = iter([street.house.clock, street.house.clock + timedelta(days=1)])

    async def claim() -> Claim | Refusal:
        # Looked up on one day, decided on the next.
        desk = desk_of(street.house.db, lambda _shop: next(times), reader_of=lambda: reader)
        try:
            return await desk.claim(street.shop, attempt(task.id, "c1"))
        finally:
            desk.close()

    assert told(asyncio.run(claim())) == "task_unfinished 0/2"


def test_many_claims_at_one_moment_give_it_once(street: Street) -> None:
    task = street.open()
    customers = [f"c{n}" for n in range(4)]
    for customer in customers:
        for product in ("tea", "cup"):
            street.did(product, customer_key=customer)
    tries = [attempt(task.id, who, f"{who}-{n}") for n in range(8) for who in customers]
    outcomes = street.claim_all(tries, desks=3)
    assert sorted(set(map(told, outcomes))) == ["points 5", "reward_customer_limit"]
    assert [street.points(customer) for customer in customers] == [5] * 4


def test_other_kinds_never_ask_the_facts(street: Street) -> None:
    coupon = published(
        street.house.db, street.shop, "coupon", {"rule": RULE}, now=street.house.clock, quantity=5
    )

    def no_reader() -> FactReader:
        raise AssertionError("a coupon asks nothing")

    async def claim() -> list[Claim | Refusal]:
        desk = desk_of(street.house.db, street.house.now, reader_of=no_reader)
        try:
            return [await desk.claim(street.shop, attempt(coupon.id, f"c{n}")) for n in range(3)]
        finally:
            desk.close()

    assert [told(each) for each in asyncio.run(claim())] == ["coupon 0"] * 3


def test_today_shows_tasks_and_the_streak(street: Street) -> None:
    task = street.open()
    daily = published(
        street.house.db, street.shop, "check_in", {"points": [1, 2, 5]}, now=street.house.clock,
        quantity=50, per_customer=None, hours=24 * 30,
    )  # fmt: skip

    def shown() -> dict[str, tuple[bool, int, int, int]]:
        found = daily_progress_of(
            street.house.db, lambda: street.house.facts, shop=street.shop, person=Person("c1"),
            now=street.house.clock,
        )  # fmt: skip
        return {each.reward.kind: (each.is_had, each.worth, each.done, each.day) for each in found}

    assert shown() == {"task": (False, 5, 0, 0), "check_in": (False, 1, 0, 1)}
    for product in ("tea", "cup", "pot"):
        street.did(product)
    assert street.claim(daily) == "points 1"
    assert street.claim(task) == "points 5"
    assert shown() == {"task": (True, 5, 2, 0), "check_in": (True, 1, 0, 1)}
    street.house.forward(days=1)
    assert shown() == {"task": (False, 5, 0, 0), "check_in": (False, 2, 0, 2)}
    street.house.forward(days=1)
    assert shown()["check_in"] == (False, 1, 0, 1)
