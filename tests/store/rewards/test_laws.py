"""The laws of claims, by generated batches: as if one at a time, never too many, one effect a key.

Beside the rewards stands a plain book that decides one attempt after the other and knows nothing
of batches, ledgers or databases.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from springtide.domain.access.act import Act
from springtide.domain.ledger.operations import expire_due
from springtide.domain.ledger.queries import accounts_by_keys, imbalances
from springtide.domain.rewards.claiming import Outcome
from springtide.domain.rewards.codes import codes_of, make_codes
from springtide.domain.rewards.grants import points_account
from springtide.domain.rewards.model import Attempt, Claim, Reward
from springtide.domain.rewards.queries import claim_count
from springtide.flows.ahead import SKEW, count_anew
from springtide.kit.db import Database
from tests.kit.rewards import RULE, claimed, published
from tests.kit.shops import ACTOR, new_shop

START = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
DAYS = (2, 1, 3)
MONEY, PACKETS = 40, 5
PAY_MINUTES, CODES = 10, 5
#: Kind, parameters and terms of every reward; ``late`` opens later and closes soon.
REWARDS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "limits": ("coupon", {"rule": RULE}, {"quantity": 6, "per_customer": 3, "per_device": 3,
                                          "per_address": 4, "per_minute": 1}),
    "codes": ("coupon", {"rule": RULE}, {"quantity": 4, "per_customer": None, "needs_code": True}),
    "flash": ("flash", {"rule": RULE, "product_key": "tea", "pay_minutes": PAY_MINUTES},
              {"quantity": 7, "per_customer": 4, "per_device": 5}),
    "daily": ("check_in", {"points": list(DAYS)}, {"quantity": 12, "per_customer": None}),
    "costs": ("coupon", {"rule": RULE}, {"quantity": 5, "per_customer": None, "cost_points": 2}),
    "packet": ("packet", {"rule": RULE, "total_minor": MONEY, "split": "double_mean"},
               {"quantity": PACKETS}),
    "late": ("coupon", {"rule": RULE}, {"quantity": 2, "per_customer": None}),
}  # fmt: skip
LATE = timedelta(minutes=20)


@dataclass(frozen=True)
class Try:
    """What a customer sends."""

    key: str
    reward: str
    customer: str
    device: str | None
    quantity: int
    code: int | None


tries = st.builds(
    Try,
    key=st.integers(0, 30).map("k:{}".format),
    reward=st.sampled_from([*REWARDS, "unknown"]),
    customer=st.sampled_from(["c1", "c2", "c3"]),
    device=st.sampled_from([None, "d1", "d2"]),
    quantity=st.sampled_from([1, 1, 1, 1, 2, 3]),
    code=st.none() | st.integers(-1, CODES),
)


@dataclass
class Hold:
    """Flash stock that waits to be paid."""

    made: datetime
    until: datetime
    counts: Counter[tuple[str, ...]]


@dataclass
class Book:
    """The plain book: counts of what was taken, by whom."""

    opens: dict[str, tuple[datetime, datetime]]
    taken: Counter[tuple[str, ...]] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)
    days: set[tuple[str, date]] = field(default_factory=set)
    answers: dict[str, tuple[Try, str]] = field(default_factory=dict)
    holds: list[Hold] = field(default_factory=list)

    def decide(self, tried: Try, now: datetime) -> str:
        """Return what one attempt gets, and note it."""
        if tried.key in self.answers:
            before, answer = self.answers[tried.key]
            return f"again {answer}" if before == tried else "idempotency_key_reused"
        refused = self._refused(tried, now)
        if refused:
            return refused
        answer = "granted"
        if tried.reward == "daily":
            today = day_of(now)
            row = 0
            while (
                row < len(DAYS) and (tried.customer, today - timedelta(days=row + 1)) in self.days
            ):
                row += 1
            points = DAYS[min(row, len(DAYS) - 1)]
            self.days.add((tried.customer, today))
            self.points[tried.customer] += points
            answer = f"granted {points}"
        self.points[tried.customer] -= self._cost(tried)
        counts = Counter(dict.fromkeys(self._counted(tried, now), tried.quantity))
        self.taken.update(counts)
        if tried.reward == "flash":
            self.holds.append(Hold(now, now + timedelta(minutes=PAY_MINUTES), counts))
        self.answers[tried.key] = (tried, answer)
        return answer

    def expire(self, now: datetime) -> None:
        """Give back what was not paid."""
        for hold in [each for each in self.holds if each.until <= now]:
            self.taken.subtract(hold.counts)
            self.holds.remove(hold)

    def count_anew(self, now: datetime) -> None:
        """Let holds of a clock that was ahead last from now."""
        for place, hold in enumerate(self.holds):
            if hold.made > now + SKEW:
                self.holds[place] = Hold(now, now + timedelta(minutes=PAY_MINUTES), hold.counts)

    def left(self, name: str) -> int:
        return int(REWARDS[name][2]["quantity"]) - self.taken[name,]

    def _refused(self, tried: Try, now: datetime) -> str | None:
        if tried.reward == "unknown":
            return "reward_unknown"
        opens_at, closes_at = self.opens[tried.reward]
        if now < opens_at:
            return "reward_not_open"
        if now >= closes_at:
            return "reward_closed"
        if tried.quantity != 1 and tried.reward != "flash":
            return "reward_not_in_pieces"
        terms = REWARDS[tried.reward][2]
        if terms.get("per_device") and tried.device is None:
            return "reward_device_missing"
        if self.left(tried.reward) < tried.quantity:
            return "reward_sold_out"
        if tried.reward == "codes":
            if tried.code is None:
                return "code_missing"
            if not 0 <= tried.code < CODES:
                return "code_mistyped" if tried.code < 0 else "code_unknown"
            if self.taken["codes", "code", str(tried.code)]:
                return "code_used"
        if tried.reward == "daily" and (tried.customer, day_of(now)) in self.days:
            return "reward_customer_limit"
        for kind in ("customer", "device", "address", "minute"):
            limit = terms.get(f"per_{kind}", 1 if kind == "customer" else None)
            places = [each for each in self._counted(tried, now) if each[1:2] == (kind,)]
            for place in places:
                if limit is not None and self.taken[place] + tried.quantity > limit:
                    return "reward_too_fast" if kind == "minute" else f"reward_{kind}_limit"
        if self.points[tried.customer] < self._cost(tried):
            return "reward_too_few_points"
        return None

    def _cost(self, tried: Try) -> int:
        return 2 if tried.reward == "costs" else 0

    def _counted(self, tried: Try, now: datetime) -> list[tuple[str, ...]]:
        """Return the places in which an attempt counts."""
        name, customer = tried.reward, tried.customer
        found: list[tuple[str, ...]] = [
            (name,),
            (name, "customer", customer),
            (name, "minute", customer, f"{now:%d%H%M}"),
        ]
        if tried.device:
            found += [(name, "device", tried.device), (name, "address", f"a{tried.device}")]
        if name == "codes":
            found.append((name, "code", str(tried.code)))
        return found


def day_of(now: datetime) -> date:
    return now.astimezone(ZoneInfo("Asia/Shanghai")).date()


class TwoBooks(RuleBasedStateMachine):
    """The rewards beside the plain book."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.shop = new_shop(self.database, now=START)
        self.rewards: dict[str, Reward] = {}
        for name, (kind, params, terms) in REWARDS.items():
            is_late = name == "late"
            self.rewards[name] = published(
                self.database, self.shop, kind, params, now=START,
                opens_in=LATE if is_late else timedelta(0),
                hours=0.5 if is_late else 24 * 30, **terms,
            )  # fmt: skip
        coupon = self.rewards["codes"]
        with self.database.write() as tx:
            make_codes(Act.of(tx, self.shop, ACTOR, START), reward=coupon, count=CODES)
            self.codes = [code for code, _ in codes_of(tx, reward_id=coupon.id, batch=1)]
        # The last one is well written and nobody's; place -1 is a slip of the hand.
        self.codes += ["0000-0000-0000", "SPRING618"]
        self.book = Book({name: (each.opens_at, each.closes_at)
                          for name, each in self.rewards.items()})  # fmt: skip
        self.ids: dict[str, UUID] = {}
        self.shares: list[int] = []
        self.past: list[Try] = []

    def attempt(self, tried: Try) -> Attempt:
        known = self.rewards.get(tried.reward)
        return Attempt(
            key=tried.key,
            reward_id=UUID(int=7) if known is None else known.id,
            customer_key=tried.customer,
            asked=str(hash(tried)),
            device=tried.device,
            address=None if tried.device is None else f"a{tried.device}",
            code=None if tried.code is None else self.codes[tried.code],
            quantity=tried.quantity,
        )

    @rule(
        batch=st.lists(tries, min_size=1, max_size=8),
        again=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 8)), max_size=2),
    )
    def claim(self, batch: list[Try], again: list[tuple[int, int]]) -> None:
        """Claim in a batch here, one by one there; the same is granted and refused."""
        batch = list(batch)
        for past, place in again:
            known = [*self.past, *batch]
            batch.insert(place, known[past % len(known)])
        self.past += batch
        attempts = [self.attempt(tried) for tried in batch]
        outcomes = claimed(self.database, self.shop, *attempts, now=self.now)
        for tried, outcome in zip(batch, outcomes, strict=True):
            expected = self.book.decide(tried, self.now)
            assert self.told(tried, outcome) == expected, tried

    def told(self, tried: Try, outcome: Outcome) -> str:
        if not isinstance(outcome, Claim):
            return outcome.code
        assert self.ids.setdefault(tried.key, outcome.id) == outcome.id
        if tried.reward == "packet" and not outcome.replayed:
            self.shares.append(outcome.granted.amount)
        amount = f" {outcome.granted.amount}" if tried.reward == "daily" else ""
        return f"{'again ' if outcome.replayed else ''}granted{amount}"

    @rule(minutes=st.sampled_from([1, 5, 10, 30, 60 * 12, 60 * 24]))
    def wait(self, minutes: int) -> None:
        """Let time go by."""
        self.now += timedelta(minutes=minutes)

    @rule()
    def expire(self) -> None:
        """End what is over."""
        with self.database.write() as tx:
            expire_due(tx, shop=self.shop, now=self.now)
        self.book.expire(self.now)

    @rule(minutes=st.sampled_from([2, 9, 60, 60 * 24]))
    def step_back(self, minutes: int) -> None:
        """Let the clock step back, and count anew what it reserved while it was ahead."""
        self.now = max(START, self.now - timedelta(minutes=minutes))
        count_anew(self.database, shop=self.shop, real_now=lambda: self.now)
        self.book.count_anew(self.now)

    @invariant()
    def both_books_agree(self) -> None:
        """What is left, points, claims and money are the same, and all adds up."""
        owners = {owner: points_account(owner) for owner in ("c1", "c2", "c3")}
        names = {name: reward.left for name, reward in self.rewards.items()}
        money = self.rewards["packet"].account("money")
        with self.database.read() as tx:
            assert imbalances(tx, shop_id=self.shop.id) == []
            keys = [*owners.values(), *names.values(), money]
            found = accounts_by_keys(tx, shop_id=self.shop.id, keys=keys)
            counts = {
                name: claim_count(tx, reward_id=reward.id) for name, reward in self.rewards.items()
            }
        for name, key in names.items():
            assert found[key].available == self.book.left(name) >= 0, name
        for owner, key in owners.items():
            assert (found[key].balance if key in found else 0) == self.book.points[owner]
        granted = Counter(tried.reward for tried, _ in self.book.answers.values())
        assert counts == {name: granted[name] for name in REWARDS}
        assert found[money].available == MONEY - sum(self.shares)
        assert all(share >= 1 for share in self.shares)
        assert len(self.shares) < PACKETS or sum(self.shares) == MONEY


@pytest.mark.parametrize("examples", [15])
def test_batches_are_as_one_at_a_time(database: Database, examples: int) -> None:
    machine = type("Machine", (TwoBooks,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
