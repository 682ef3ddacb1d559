"""The laws of the ledger (double entry, bounds, one effect, one end, lots), by generated batches.

Beside the ledger stands a second book, kept the slow way: a list of what took place, from which
every balance is summed anew.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from springtide.domain.ledger.model import (
    Chain,
    Expire,
    Opening,
    Post,
    Step,
    Transfer,
    Void,
)
from springtide.domain.ledger.operations import expire_due, transact
from springtide.domain.ledger.queries import (
    accounts_page,
    balance_at,
    imbalances,
    lots_of,
    statement,
)
from springtide.kit.db import Database
from tests.kit.shops import new_shop

START = datetime(2025, 11, 11, tzinfo=UTC)
#: The source of all, two plain accounts, one with an upper bound, one in lots.
OPENINGS = {
    "world": Opening("world", "piece", low=None),
    "stock": Opening("stock", "piece"),
    "sold": Opening("sold", "piece", low=None),
    "limit": Opening("limit", "piece", high=5),
    "points": Opening("points", "piece", in_lots=True),
}

keys = st.sampled_from(sorted(OPENINGS))
names = st.integers(0, 12).map("t{}".format)
transfers = st.builds(
    Transfer,
    id=names,
    source=keys,
    target=keys,
    amount=st.integers(-1, 6),
    reserve=st.booleans(),
    expires_at=st.none() | st.integers(1, 40).map(lambda m: START + timedelta(minutes=m)),
    lot_expires_at=st.none() | st.integers(1, 40).map(lambda m: START + timedelta(minutes=m)),
)
ends = st.builds(Post, of=names) | st.builds(Void, of=names) | st.builds(Expire, of=names)
chains = st.lists(transfers | ends, min_size=1, max_size=3).map(
    lambda steps: Chain(tuple(steps), tuple(OPENINGS.values()))
)


@dataclass
class Kept:
    """A transfer in the second book."""

    step: Transfer
    at: datetime
    state: str
    ended_at: datetime | None
    lots: dict[str, int] = field(default_factory=dict)


class Book:
    """The second book: what took place, and the lots it came in."""

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}

    def copy(self) -> "Book":
        other = Book()
        other.kept = {
            name: Kept(k.step, k.at, k.state, k.ended_at, dict(k.lots))
            for name, k in self.kept.items()
        }
        return other

    def figures(self, key: str) -> tuple[int, int, int]:
        """Balance, held and awaiting of an account."""
        balance = held = awaiting = 0
        for each in self.kept.values():
            amount = each.step.amount
            sign = (each.step.target == key) - (each.step.source == key)
            if each.state == "posted":
                balance += sign * amount
            elif each.state == "reserved":
                held += amount if sign < 0 else 0
                awaiting += amount if sign > 0 else 0
        return balance, held, awaiting

    def lots(self) -> dict[str, tuple[int, datetime, datetime | None]]:
        """What is left of every lot: amount, since when, till when."""
        found = {}
        for each in self.kept.values():
            if each.state == "posted" and each.step.target == "points":
                taken = sum(
                    other.lots.get(each.step.id, 0)
                    for other in self.kept.values()
                    if other.state in ("posted", "reserved")
                )
                assert each.ended_at
                left = each.step.amount - taken
                found[each.step.id] = (left, each.ended_at, each.step.lot_expires_at)
        return found

    def take(self, step: Step, now: datetime) -> bool:
        """Take one step; tell whether it may be."""
        if isinstance(step, Transfer):
            return self._transfer(step, now)
        kept = self.kept.get(step.of)
        if kept is None:
            return False
        wanted = {Post: "posted", Void: "voided", Expire: "expired"}[type(step)]
        if kept.state != "reserved":
            return kept.state == wanted
        is_over = kept.step.expires_at is not None and kept.step.expires_at <= now
        if (wanted == "posted" and is_over) or (wanted == "expired" and not is_over):
            return False
        kept.state, kept.ended_at = wanted, now
        return True

    def _transfer(self, step: Transfer, now: datetime) -> bool:
        known = self.kept.get(step.id)
        if known is not None:
            same = [
                (each.source, each.target, each.amount, each.reserve) for each in (known.step, step)
            ]
            return same[0] == same[1]
        if step.amount < 1 or step.source == step.target:
            return False
        balance, held, _ = self.figures(step.source)
        low = OPENINGS[step.source].low
        if low is not None and balance - held - step.amount < low:
            return False
        balance, _, awaiting = self.figures(step.target)
        high = OPENINGS[step.target].high
        if high is not None and balance + awaiting + step.amount > high:
            return False
        kept = Kept(step, now, "reserved" if step.reserve else "posted", None)
        if not step.reserve:
            kept.ended_at = now
        if step.source == "points":
            missing = step.amount
            for lot, (left, _, expires_at) in sorted(
                self.lots().items(), key=lambda item: (item[1][1], item[0])
            ):
                if expires_at is None or expires_at > now:
                    part = min(left, missing)
                    missing -= part
                    if part:
                        kept.lots[lot] = part
            if missing:
                return False
        self.kept[step.id] = kept
        return True


class TwoBooks(RuleBasedStateMachine):
    """The ledger beside the second book."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.shop = new_shop(self.database, now=START)
        self.book = Book()
        self.past: list[tuple[datetime, dict[str, int]]] = []
        with self.database.write() as tx:
            filled = Transfer("fill", "world", "stock", 9)
            chain = Chain((filled,), tuple(OPENINGS.values()))
            assert transact(tx, shop=self.shop, chains=[chain], now=self.now) == [None]
        assert self.book.take(filled, self.now)

    @rule(batch=st.lists(chains, min_size=1, max_size=4))
    def transact(self, batch: list[Chain]) -> None:
        """Take a batch in both books; the same chains are refused."""
        with self.database.write() as tx:
            outcomes = transact(tx, shop=self.shop, chains=batch, now=self.now)
        for chain, refused in zip(batch, outcomes, strict=True):
            # What no chain may hold is refused before its first step is taken.
            bad = any(
                isinstance(step, Transfer) and (step.amount < 1 or step.source == step.target)
                for step in chain.steps
            )
            tried = self.book.copy()
            taken = not bad and all(tried.take(step, self.now) for step in chain.steps)
            assert (refused is None) == taken, refused
            if taken:
                self.book = tried

    @rule(minutes=st.integers(1, 15))
    def wait(self, minutes: int) -> None:
        """Let time go by; remember how all stood."""
        self.past.append((self.now, {key: self.book.figures(key)[0] for key in OPENINGS}))
        self.now += timedelta(minutes=minutes)

    @rule()
    def expire(self) -> None:
        """End what is over; lots that are over leave with what is left in them."""
        with self.database.write() as tx:
            expire_due(tx, shop=self.shop, now=self.now)
        for each in self.book.kept.values():
            until = each.step.expires_at
            if each.state == "reserved" and until is not None and until <= self.now:
                each.state, each.ended_at = "expired", self.now
        # A hold that ended in this very moment gives back to a lot that may be over, too: the
        # ledger takes those at the next turn.
        with self.database.write() as tx:
            expire_due(tx, shop=self.shop, now=self.now)
        for lot, (left, _, until) in self.book.lots().items():
            if left and until is not None and until <= self.now:
                gone = Transfer(f"gone {lot} {len(self.book.kept)}", "points", "expired", left)
                self.book.kept[gone.id] = Kept(gone, self.now, "posted", self.now, {lot: left})

    @invariant()
    def both_books_agree(self) -> None:
        """Balances, holds and lots are the same; all sums to zero; bounds hold."""
        with self.database.read() as tx:
            assert imbalances(tx, shop_id=self.shop.id) == []
            accounts = accounts_page(tx, shop_id=self.shop.id)
            found_lots = lots_of(tx, shop_id=self.shop.id, key="points")
        for account in accounts:
            if account.key.startswith("expired"):
                continue
            stands = (account.balance, account.held, account.awaiting)
            assert stands == self.book.figures(account.key), account.key
            assert account.low is None or account.available >= account.low
            assert account.high is None or account.balance + account.awaiting <= account.high
        left = {lot: each[0] for lot, each in self.book.lots().items() if each[0]}
        assert {lot.id: lot.left for lot in found_lots} == left
        points = next(account for account in accounts if account.key == "points")
        assert points.available == sum(left.values())

    @invariant()
    def the_past_stays(self) -> None:
        """A balance of any past time can be rebuilt, and a statement adds up."""
        with self.database.read() as tx:
            for at, balances in self.past[-2:]:
                for key, balance in balances.items():
                    assert balance_at(tx, shop_id=self.shop.id, key=key, at=at) == balance
            lines = statement(tx, shop_id=self.shop.id, key="stock")
        assert not lines or lines[0].balance == self.book.figures("stock")[0]


@pytest.mark.parametrize("examples", [25])
def test_the_ledger_agrees_with_a_second_book(database: Database, examples: int) -> None:
    machine = type("Machine", (TwoBooks,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
