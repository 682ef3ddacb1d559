"""Tickets of draws on both databases: given, used, cut by returns, expired; never below zero."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from springtide.domain.access.act import Act
from springtide.domain.ledger.model import Chain, Opening, Transfer
from springtide.domain.ledger.operations import move
from springtide.domain.rewards.grants import points_account, tickets_account
from springtide.domain.rewards.model import Reward, Terms
from springtide.domain.rewards.operations import publish_reward, save_reward, stop_reward
from springtide.domain.rewards.points import adjust_points
from springtide.domain.rewards.proof import verify
from springtide.domain.rewards.published import announced, draw_list
from springtide.domain.rewards.tickets import UnknownDraw, tickets_of
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from tests.kit.rewards import CUP, RULE, attempt, claimed, codes, published, ticketed_draw
from tests.kit.shops import ACTOR, new_shop
from tests.kit.till import Till

START = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)


class Booth(Till):
    """A till with a draw that takes tickets."""

    def __init__(self, database: Database, now: datetime) -> None:
        super().__init__(database, now)
        self.draw = ticketed_draw(database, self.shop, now=now)
        self.count = 0

    def tickets_for(self, given: str = "payment", **changes: Any) -> Reward:
        """Open a reward of one ticket an order."""
        params = {
            "what": "tickets", "amount": 1, "budget": 500, "draw": self.draw.key, "given": given,
        } | changes  # fmt: skip
        return self.reward("buy_to_get", params, quantity=500, per_customer=None, hours=24 * 30)

    def buy(self, key: str, pieces: int = 1) -> None:
        self.place(key, pieces=pieces)
        self.pay(key)
        self.look_after()

    def enter(self, customer: str = "c1") -> str:
        self.count += 1
        tried = attempt(self.draw.id, customer, f"enter{self.count}")
        return codes(claimed(self.db, self.shop, tried, now=self.now))[0]

    def held(self, customer: str = "c1") -> tuple[int, int, int]:
        return self.standing().get(tickets_account(self.draw.key, customer), (0, 0, 0))

    def used(self) -> int:
        return self.standing().get(self.draw.account("tickets_used"), (0, 0, 0))[0]


@pytest.fixture
def booth(database: Database, now: datetime) -> Booth:
    return Booth(database, now)


def test_a_ticket_for_buying_is_an_entry_at_once(booth: Booth) -> None:
    booth.tickets_for()
    assert booth.enter() == "draw_no_ticket"
    booth.buy("o1")
    assert booth.held() == (1, 0, 0)
    with booth.db.read() as tx:
        found = tickets_of(tx, shop=booth.shop, customer_key="c1", now=booth.now)
    assert found == {booth.draw.key: 1}
    assert [booth.enter(), booth.enter()] == ["gift", "draw_no_ticket"]
    assert booth.held() == (0, 0, 0)


def test_a_ticket_on_receipt_waits_for_it(booth: Booth) -> None:
    booth.tickets_for("receipt")
    booth.buy("o1")
    assert booth.held() == (0, 0, 1)
    assert booth.enter() == "draw_no_ticket"
    booth.receive("o1")
    assert booth.enter() == "gift"


@pytest.mark.parametrize("given", ["payment", "receipt"])
def test_a_return_takes_tickets_back_that_are_there(booth: Booth, given: str) -> None:
    """As it takes points; what is used already the shop bears."""
    reward = booth.tickets_for(given, per_minor=17_000)
    booth.buy("o1", pieces=3)
    first = booth.held()
    assert sum(first) == 3
    booth.take_back("o1", 1, "r1")
    assert sum(booth.held()) == 2
    booth.receive("o1")
    assert booth.enter() == "gift"
    booth.take_back("o1", 2, "r2")
    assert booth.held() == (0, 0, 0)
    assert booth.used() == 1
    assert booth.standing()[reward.account("budget")] == (499, 0, 0)
    assert booth.enter() == "draw_no_ticket"


def test_a_return_after_tickets_expired_takes_what_holds(booth: Booth) -> None:
    """Expired and not ended yet is not there any more: the return goes through."""
    params = {"what": "tickets", "amount": 2, "budget": 500, "draw": booth.draw.key,
              "given": "payment"}  # fmt: skip
    booth.reward("buy_to_get", params, quantity=9, per_customer=None, use_days=1)
    booth.buy("o1")
    booth.now += timedelta(days=1)
    booth.take_back("o1", 1)
    assert booth.held() == (2, 0, 0)
    booth.look_after()
    assert booth.held() == (0, 0, 0)


def test_points_buy_tickets(booth: Booth) -> None:
    shop_of_points = booth.reward(
        "ticket", {"draw": booth.draw.key, "amount": 2}, quantity=3, per_customer=None,
        cost_points=10,
    )  # fmt: skip
    with booth.db.write() as tx:
        adjust_points(
            Act.of(tx, booth.shop, ACTOR, booth.now), customer_key="c1", amount=25, reason="a gift"
        )
    got = [booth.claim(shop_of_points, code=str(n)) for n in range(3)]
    assert got == ["tickets", "tickets", "reward_too_few_points"]
    assert booth.standing()[points_account("c1")][0] == 5
    assert [booth.enter() for _ in range(5)] == ["gift"] * 4 + ["draw_no_ticket"]
    assert booth.standing()[shop_of_points.account("budget")] == (2, 0, 0)
    # What nobody bought goes back when it is over.
    with booth.db.write() as tx:
        stop_reward(Act.of(tx, booth.shop, ACTOR, booth.now), reward_id=shop_of_points.id)
    assert booth.standing()[shop_of_points.account("budget")] == (0, 0, 0)


def test_an_expired_ticket_is_none(booth: Booth) -> None:
    free = booth.reward("ticket", {"draw": booth.draw.key}, quantity=3, use_days=1)
    assert booth.claim(free) == "tickets"
    booth.now += timedelta(days=1)
    # Not ended by the worker yet.
    assert booth.held() == (1, 0, 0)
    assert booth.enter() == "draw_no_ticket"
    booth.look_after()
    assert booth.held() == (0, 0, 0)
    assert booth.enter() == "draw_no_ticket"


def test_a_draw_takes_tickets_that_came_without_lots(booth: Booth) -> None:
    held, source = tickets_account(booth.draw.key, "c1"), "tickets:by-hand"
    unit = f"{booth.draw.key}:tickets"
    openings = (Opening(source, unit, low=None), Opening(held, unit, "c1"))
    with booth.db.write() as tx:
        chain = Chain((Transfer("by-hand", source, held, 2),), openings)
        move(tx, shop=booth.shop, chain=chain, now=booth.now)
    free = booth.reward("ticket", {"draw": booth.draw.key}, quantity=3)
    assert booth.claim(free) == "tickets"
    assert [booth.enter() for _ in range(4)] == ["gift"] * 3 + ["draw_no_ticket"]


@pytest.mark.parametrize("end", ["closed", "stopped"])
@pytest.mark.parametrize("needs_ticket", [True, False])
def test_the_list_of_a_draw_that_ends_early_verifies(
    booth: Booth, end: str, needs_ticket: bool
) -> None:
    prizes = [CUP | {"stock": 3, "odds_ppm": 400_000}, CUP | {"name": "pot", "odds_ppm": 300_000}]
    params = {"prizes": prizes, "needs_ticket": needs_ticket}
    draw = booth.reward("draw", params, quantity=100, per_customer=None)
    if needs_ticket:
        giver = booth.reward("ticket", {"draw": draw.key, "amount": 4}, quantity=9)
        assert [booth.claim(giver, f"c{n}") for n in range(3)] == ["tickets"] * 3
    tries = [attempt(draw.id, f"c{n % 4}", f"n{n}") for n in range(20)]
    outcomes = claimed(booth.db, booth.shop, *tries, now=booth.now)
    granted = [code for code in codes(outcomes) if code != "draw_no_ticket"]
    assert len(granted) == (12 if needs_ticket else 20)
    if end == "stopped":
        with booth.db.write() as tx:
            stop_reward(Act.of(tx, booth.shop, ACTOR, booth.now), reward_id=draw.id)
    else:
        booth.now += timedelta(days=2)
        booth.look_after()
    with booth.db.read() as tx:
        shown = announced(tx, shop=booth.shop, key=draw.key, now=booth.now)
        published_list = draw_list(tx, draw=shown)
    assert len(published_list.entries) == len(granted)
    assert sum(verify(published_list).values()) == len(granted) - granted.count("nothing")


def test_tickets_are_only_of_a_draw_that_takes_them(database: Database, now: datetime) -> None:
    shop, other = new_shop(database, now=now), new_shop(database, now=now)
    free = published(database, shop, "draw", {"prizes": [CUP]}, now=now, quantity=9)
    coupon = published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=9)
    over = ticketed_draw(database, shop, now=now)
    with database.write() as tx:
        stop_reward(Act.of(tx, shop, ACTOR, now), reward_id=over.id)
    foreign = ticketed_draw(database, other, now=now)
    ended = ticketed_draw(database, shop, now=now - timedelta(days=1), hours=24)
    buying = {"what": "tickets", "amount": 1, "budget": 9}
    tasks = {"deed": "view", "wanted": 1, "what": "tickets", "amount": 1}
    wrong = ["rwd_00000000000000000000000000", "rwd_nonsense", "rul_1", ""]
    wrong += [each.key for each in (free, coupon, over, foreign, ended)]
    for kind, params in (("ticket", {}), ("buy_to_get", buying), ("task", tasks)):
        for key in wrong:
            with pytest.raises(Invalid) as refused:
                published(database, shop, kind, {**params, "draw": key}, now=now, quantity=5)
            assert list(refused.value.fields) == ["draw"], (kind, key)


def test_a_draw_goes_on_taking_tickets_that_others_give(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)

    def save(kind: str, params: dict[str, Any], before: Reward | None = None) -> Reward:
        with database.write() as tx:
            return save_reward(
                Act.of(tx, shop, ACTOR, now),
                reward_id=before.id if before else None,
                kind=kind,
                name=kind,
                params=params,
                terms=Terms(quantity=9),
                opens_at=now,
                closes_at=now + timedelta(days=1),
            )

    draw = save("draw", {"prizes": [CUP], "needs_ticket": True})
    ticket = save("ticket", {"draw": draw.key})
    with pytest.raises(Invalid) as refused:
        save("draw", {"prizes": [CUP]}, draw)
    assert refused.value.fields["needs_ticket"].code == "draw_tickets_given"
    save("draw", {"prizes": [CUP | {"stock": 2}], "needs_ticket": True}, draw)
    with database.write() as tx:
        stop_reward(Act.of(tx, shop, ACTOR, now), reward_id=draw.id)
    with database.write() as tx, pytest.raises(UnknownDraw):
        publish_reward(Act.of(tx, shop, ACTOR, now), reward_id=ticket.id)


@dataclass
class Pocket:
    """One customer's tickets in a plain book: when each lot came, is lost, and how many."""

    lots: list[tuple[datetime, datetime, int]] = field(default_factory=list)

    def live(self, now: datetime) -> int:
        return sum(left for _, until, left in self.lots if until > now)

    def take(self, count: int, now: datetime) -> None:
        """Take so many, the oldest first, of one instant those that are lost first."""
        self.lots.sort(key=lambda lot: lot[:2])
        for place, (came, until, left) in enumerate(self.lots):
            if until > now:
                part = min(left, count)
                self.lots[place] = (came, until, left - part)
                count -= part


class Tickets(RuleBasedStateMachine):
    """Buying, the points shop, returns, draws and time, beside a plain book."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.booth = Booth(self.database, START)
        self.booth.tickets_for(per_minor=17_000)
        self.free = self.booth.reward(
            "ticket", {"draw": self.booth.draw.key, "amount": 2}, quantity=99, per_customer=None,
            use_days=1, hours=24 * 30,
        )  # fmt: skip
        self.pocket, self.given, self.used, self.number = Pocket(), 0, 0, 0
        self.orders: dict[str, tuple[int, int]] = {}

    @rule(pieces=st.integers(1, 3))
    def buy(self, pieces: int) -> None:
        """Buy; each piece is worth a ticket."""
        self.number += 1
        key = f"o{self.number}"
        self.booth.buy(key, pieces)
        self.orders[key] = (pieces, pieces)
        self.give(pieces, None)

    @rule(which=st.integers(0, 9), pieces=st.integers(1, 3))
    def take_back(self, which: int, pieces: int) -> None:
        """Return pieces of an order; tickets go as far as they are there."""
        open_orders = [key for key, (left, _) in self.orders.items() if left >= pieces]
        if not open_orders:
            return
        self.number += 1
        key = open_orders[which % len(open_orders)]
        self.booth.take_back(key, pieces, f"r{self.number}")
        left, has = self.orders[key]
        cut = min(max(has - (left - pieces), 0), self.pocket.live(self.booth.now))
        self.pocket.take(cut, self.booth.now)
        self.given -= cut
        self.orders[key] = (left - pieces, has - cut)

    @rule(times=st.integers(1, 3))
    def claim(self, times: int) -> None:
        """Claim two tickets for nothing, which last a day."""
        for _ in range(times):
            self.number += 1
            assert self.booth.claim(self.free, code=str(self.number)) == "tickets"
            self.give(2, self.booth.now + timedelta(days=1))

    @rule(times=st.integers(1, 4))
    def enter(self, times: int) -> None:
        """Draw several times."""
        for _ in range(times):
            may = self.pocket.live(self.booth.now) > 0
            assert self.booth.enter() == ("gift" if may else "draw_no_ticket")
            if may:
                self.pocket.take(1, self.booth.now)
                self.used += 1

    @rule(hours=st.sampled_from([1, 12, 24]), is_tidy=st.booleans())
    def wait(self, hours: int, is_tidy: bool) -> None:
        """Let time pass, with or without the worker."""
        self.booth.now += timedelta(hours=hours)
        if is_tidy:
            self.booth.look_after()

    def give(self, count: int, until: datetime | None) -> None:
        self.pocket.lots.append((self.booth.now, until or NEVER, count))
        self.given += count

    @invariant()
    def no_more_are_used_than_were_given(self) -> None:
        """What is there is never negative, and is what the plain book says."""
        balance, held, _ = self.booth.held()
        assert held == 0
        assert balance >= self.pocket.live(self.booth.now) >= 0
        assert self.booth.used() == self.used <= self.given


@pytest.mark.parametrize("examples", [12])
def test_tickets_used_are_tickets_given(database: Database, examples: int) -> None:
    machine = type("Machine", (Tickets,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
