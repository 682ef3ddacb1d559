"""The waiting room: who came first goes in first, everybody goes in, and no place is forged."""

import heapq
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.domain.rewards.model import Attempt
from springtide.flows.claims.waiting_room import (
    SECONDS_MAX,
    SECONDS_MIN,
    STALE_SECONDS,
    WaitingRoom,
)
from springtide.kit.batcher import QueueFull

SHOP, REWARD = UUID(int=1), UUID(int=2)
START = datetime(2025, 11, 11, tzinfo=UTC)


class Watch:
    """A monotonic clock and a real one that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.at)


def room_of(watch: Watch, *, size: int, rate: float = 100, secret: str = "s") -> WaitingRoom:
    room = WaitingRoom(secret, size=size, clock=lambda: watch.at, real_now=watch.now)
    room.decided(round(rate * 10), 10)
    return room


def attempt_of(customer: str) -> Attempt:
    return Attempt(f"k:{customer}", REWARD, customer, "asked")


@dataclass
class Entered:
    """When somebody first came, and when they went in."""

    came: float
    entered: float


def rush(
    gaps: list[int], *, size: int, rate: int, believed: float, late: int, seed: int = 0
) -> list[Entered]:
    """Let people come, wait as long as they are told, and enter a queue served at a rate.

    ``gaps`` are milliseconds between newcomers, ``late`` how much later than told they return.
    """
    watch, chance = Watch(), random.Random(seed)
    room = room_of(watch, size=size, rate=believed)
    at, coming = watch.at, []
    for number, gap in enumerate(gaps):
        at += gap / 1_000
        coming.append((at, number, ""))
    heapq.heapify(coming)
    came = {number: at for at, number, _ in coming}
    queue: list[float] = []
    found: dict[int, Entered] = {}
    while coming:
        watch.at, number, place = heapq.heappop(coming)
        queue = [done for done in queue if done > watch.at]
        refused = room.refusal(SHOP, attempt_of(f"c{number}"), waiting=len(queue), place=place)
        if refused is None:
            assert len(queue) < size
            queue.append(max([watch.at, *queue[-1:]]) + 1 / rate)
            found[number] = Entered(came[number], watch.at)
            continue
        assert 0 < refused.retry_after <= SECONDS_MAX
        assert refused.place
        back = watch.at + refused.retry_after + chance.uniform(0, late) / 1_000
        heapq.heappush(coming, (back, number, refused.place))
    return list(found.values())


CROWDS = st.lists(st.integers(0, 30), min_size=1, max_size=150)


@given(CROWDS, st.integers(4, 40), st.integers(20, 400))
def test_who_came_first_goes_in_first(gaps: list[int], size: int, rate: int) -> None:
    entered = rush(gaps, size=size, rate=rate, believed=rate, late=0)
    entered.sort(key=lambda each: each.entered)
    assert len(entered) == len(gaps)
    for one, other in pairwise(entered):
        assert one.came <= other.came + 0.001


@given(
    CROWDS,
    st.integers(2, 40),
    st.integers(20, 400),
    st.sampled_from([0.5, 1.0, 2.0]),
    st.integers(0, 100),
    st.integers(0, 9),
)
def test_everybody_goes_in_and_the_queue_is_bounded(
    gaps: list[int], size: int, rate: int, wrong: float, late: int, seed: int
) -> None:
    entered = rush(gaps, size=size, rate=rate, believed=rate * wrong, late=late, seed=seed)
    assert len(entered) == len(gaps)
    # Served at that rate they take as long; who finds no room at their turn comes again and again.
    fair = len(gaps) / rate * max(1 / wrong, 1) + (SECONDS_MIN + late / 1_000) * (
        2 + len(gaps) / max(size // 4, 1)
    )
    assert max(each.entered - each.came for each in entered) <= fair


def refused_at(room: WaitingRoom, customer: str, place: str = "", waiting: int = 8) -> QueueFull:
    refused = room.refusal(SHOP, attempt_of(customer), waiting=waiting, place=place)
    assert refused is not None
    return refused


def test_who_comes_too_early_keeps_the_place_and_waits_for_the_rest() -> None:
    watch = Watch()
    room = room_of(watch, size=8)
    first, second = refused_at(room, "c1"), refused_at(room, "c2")
    assert first.retry_after == pytest.approx(SECONDS_MIN, abs=1e-5)
    assert second.retry_after == pytest.approx(SECONDS_MIN + 0.01, abs=1e-5)
    assert (first.position, second.position) == (8, 8 + 1)
    watch.at += 0.15
    again = refused_at(room, "c2", second.place or "", waiting=0)
    assert again.place == second.place
    assert again.retry_after == pytest.approx(0.06, abs=1e-5)
    assert again.facts["seconds"] == 1


def test_a_part_is_kept_for_those_whose_turn_has_come_and_newcomers_stay_behind() -> None:
    watch = Watch()
    room = room_of(watch, size=8)
    place = refused_at(room, "c1", waiting=6).place or ""
    watch.at += 1
    assert refused_at(room, "new", waiting=6).place
    assert room.refusal(SHOP, attempt_of("c1"), waiting=7, place=place) is None
    full = refused_at(room, "c1", place, waiting=8)
    assert (full.place, full.retry_after) == (place, SECONDS_MIN)
    # Somebody's turn has come: who is new waits, though there would be room again.
    assert refused_at(room, "newer", waiting=0).place


def test_a_trickle_after_the_rush_is_let_in_at_once() -> None:
    watch = Watch()
    room = room_of(watch, size=8)
    refused_at(room, "c1")
    outcomes = []
    for number in range(60):
        watch.at += 0.02
        outcomes.append(room.refusal(SHOP, attempt_of(f"n{number}"), waiting=0))
    assert outcomes[0] is not None
    assert outcomes[-30:] == [None] * 30


def test_what_is_no_place_counts_as_none() -> None:
    watch = Watch()
    room = room_of(watch, size=8)
    place = refused_at(room, "c1").place or ""
    watch.at += 1
    own = attempt_of("c1")
    # 7 wait: only a place lets in.
    assert room.refusal(SHOP, own, waiting=7, place=place) is None
    assert room_of(watch, size=8).refusal(SHOP, own, waiting=7, place=place) is None
    others = [
        (room, SHOP, attempt_of("c2"), place),
        (room, SHOP, msgspec.structs.replace(own, reward_id=UUID(int=3)), place),
        (room, SHOP, msgspec.structs.replace(own, key="k:other"), place),
        (room, UUID(int=9), own, place),
        (room_of(watch, size=8, secret="other"), SHOP, own, place),
        *((room, SHOP, own, bad) for bad in ("x", "é" * 32, "A" * 32, place[:-1] + "!", place * 9)),
    ]
    for where, shop_id, attempt, sent in others:
        refused = where.refusal(shop_id, attempt, waiting=7, place=sent)
        assert refused is not None
        assert refused.place != place
    watch.at += STALE_SECONDS
    stale = room.refusal(SHOP, own, waiting=7, place=place)
    assert stale is not None
    assert stale.place != place


def test_turns_follow_the_rate_that_is_measured() -> None:
    watch = Watch()
    room = room_of(watch, size=8, rate=10)
    for _ in range(200):
        room.decided(100, 0.1)
    assert room.rate == pytest.approx(1_000, rel=0.01)
    waits = [refused_at(room, f"c{number}").retry_after for number in range(3)]
    assert waits[2] - waits[0] == pytest.approx(0.002, abs=1e-4)


def test_a_place_of_a_clock_that_was_ahead_is_none() -> None:
    watch = Watch()
    now = watch.now()
    ahead = [now + timedelta(days=1)]
    room = WaitingRoom("s", size=4, clock=lambda: watch.at, real_now=lambda: ahead[0])
    given = room.refusal(SHOP, attempt_of("c1"), waiting=4)
    assert given is not None
    assert given.place
    ahead[0] = now
    again = room.refusal(SHOP, attempt_of("c1"), waiting=4, place=given.place)
    assert again is not None
    assert again.place
    assert again.retry_after <= SECONDS_MAX
    assert room.refusal(SHOP, attempt_of("c1"), waiting=0, place=again.place) is not None
    watch.at += again.retry_after
    ahead[0] = now + timedelta(seconds=again.retry_after)
    assert room.refusal(SHOP, attempt_of("c1"), waiting=0, place=again.place) is None
