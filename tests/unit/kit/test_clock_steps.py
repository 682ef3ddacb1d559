"""What goes on when the wall clock steps: ids rise, waits end, silence is silence."""

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import text

from springtide.flows.timeline import worker_slots
from springtide.flows.timeline.troubles import WAIT_MAX, Waits
from springtide.flows.worker import Chore
from springtide.kit.db import Database
from springtide.kit.ids import floor7, uuid7

NOON = datetime(2030, 11, 11, 12, 0, tzinfo=UTC)
STEPS = [timedelta(0), timedelta(minutes=-5), timedelta(days=-1), timedelta(days=1)]


class Monotonic:
    """A clock that a test moves, forward only."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize("step", STEPS)
def test_ids_rise_through_every_step_of_the_clock(step: timedelta) -> None:
    before = [uuid7(NOON + timedelta(milliseconds=each // 3)) for each in range(300)]
    after = [uuid7(NOON + step + timedelta(milliseconds=each)) for each in range(300)]
    ids = before + after
    assert ids == sorted(ids)
    assert len(set(ids)) == 600
    assert {each.version for each in ids} == {7}


@pytest.mark.parametrize("step", STEPS)
def test_a_wait_is_as_long_as_it_was_told_whatever_the_clock_says(step: timedelta) -> None:
    clock = Monotonic()
    waits = Waits(clock)
    retry_at = NOON + timedelta(seconds=30)
    assert not waits.is_over("a:1", retry_at, 30, NOON)
    waits.forget_others()
    clock.seconds += 31
    assert waits.is_over("a:1", retry_at, 30, NOON + step)


@pytest.mark.parametrize(
    ("told", "longest"), [(10.0, 10.0), (None, WAIT_MAX.total_seconds())], ids=["told", "old"]
)
def test_a_wait_that_a_clock_ahead_wrote_down_is_no_longer_than_it_was_told(
    told: float | None, longest: float
) -> None:
    clock = Monotonic()
    waits = Waits(clock)
    retry_at = NOON + timedelta(days=1)
    assert not waits.is_over("a:1", retry_at, told, NOON)
    clock.seconds += longest - 1
    assert not waits.is_over("a:1", retry_at, told, NOON)
    clock.seconds += 1
    assert waits.is_over("a:1", retry_at, told, NOON)


def _same(now: datetime) -> datetime:
    return now


@pytest.mark.parametrize("step", STEPS)
def test_a_chore_goes_on_after_a_step(step: timedelta) -> None:
    clock = Monotonic()
    done: list[datetime] = []
    chore = Chore("count", timedelta(seconds=30), done.append, clock)
    for now in (NOON, NOON + step, NOON + step):
        chore.turn(partial(_same, now))
        clock.seconds += 20
    assert done == [NOON, NOON + step]


@pytest.fixture
def workers(database: Database) -> Database:
    """Two workers of other machines, whose heartbeats a test writes."""
    with database.write() as tx:
        for slot in (1, 2):
            tx.execute(
                text(
                    "insert into workers (slot, token, host, pid, started_at, beat_at) "
                    "values (:slot, :token, 'elsewhere', 1, :at, :at)"
                ),
                {"slot": slot, "token": f"token-{slot}", "at": NOON.replace(tzinfo=None)},
            )
    return database


def beat(database: Database, number: int, at: datetime) -> None:
    worker_slots.beat(database, slot=worker_slots.Slot(number, f"token-{number}"), real_now=at)


def dead(database: Database, watch: worker_slots.Watch) -> list[int]:
    with database.read() as tx:
        return [slot.number for slot in watch.dead(tx)]


@pytest.mark.parametrize("step", STEPS)
def test_who_beats_is_alive_and_who_does_not_is_dead_whatever_the_clock_says(
    step: timedelta, workers: Database, tmp_path: Path
) -> None:
    clock = Monotonic()
    watch = worker_slots.Watch(clock)
    assert dead(workers, watch) == []
    for beats in range(1, 10):
        clock.seconds += 2
        beat(workers, 1, NOON + step + timedelta(seconds=2 * beats))
        found = dead(workers, watch)
        assert found == ([2] if 2 * beats > worker_slots.SILENCE_MAX.total_seconds() else [])


def test_who_could_not_look_gives_everybody_their_time_again(workers: Database) -> None:
    clock = Monotonic()
    watch = worker_slots.Watch(clock)
    assert dead(workers, watch) == []
    clock.seconds += 300
    assert dead(workers, watch) == []
    for _ in range(8):
        clock.seconds += 2
        found = dead(workers, watch)
    assert found == [1, 2]


def test_no_id_of_an_instant_lies_below_its_floor() -> None:
    hour = timedelta(hours=1)
    made = uuid7(NOON)
    assert floor7(NOON - hour) < floor7(NOON) < made < floor7(NOON + 48 * hour)
    # Asking is no step back of the clock: the next id is not pushed by it, nor the floor.
    assert floor7(NOON - hour) < made < uuid7(NOON)
