"""The worker carries out what is due, in order, once, and leaves failures where pages see them."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.access.operations import set_clock
from springtide.flows.timeline import planning, worker_slots
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.model import Action, NotCancellable, NotRetryable, Plan, State
from springtide.flows.timeline.runner import Run, carry
from springtide.flows.worker import Worker
from springtide.kit.db import Database
from springtide.kit.time import SimulatedClock
from tests.kit.actions import noting
from tests.kit.houses import SmallHouse, settings_at
from tests.kit.shops import ACTOR, new_shop

KINDS.include("tests.kit.actions")


@pytest.fixture
def house(database: Database, tmp_path: Path) -> SmallHouse:
    with database.write() as tx:
        noting.make_notes(tx)
    return SmallHouse(database, settings_at(tmp_path / "data", database.url))


@pytest.fixture
def shop(house: SmallHouse) -> Shop:
    return new_shop(house.db, now=house.real_now())


@pytest.fixture
def working(house: SmallHouse) -> Iterator[Callable[[], None]]:
    """Start a worker on demand; it stops at the end."""
    stopping = threading.Event()
    threads: list[threading.Thread] = []

    def start() -> None:
        threads.append(threading.Thread(target=Worker(house, stopping).run))
        threads[-1].start()

    yield start
    stopping.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def plan(
    house: SmallHouse, shop: Shop, *plans: Plan, campaign_id: UUID | None = None
) -> list[Action]:
    with house.db.write() as tx:
        return planning.plan(
            Act.of(tx, shop, ACTOR, house.real_now()), campaign_id=campaign_id, plans=plans
        )


def noting_plan(at: datetime, what: str, kind: str = "note", **params: object) -> Plan:
    return Plan("day", kind, at, target=what, params={"what": what, **params})


def settle(house: SmallHouse, shop: Shop, *wanted: Action, seconds: float = 15) -> list[Action]:
    """Wait until the actions stand still."""
    deadline = time.monotonic() + seconds
    while True:
        with house.db.read() as tx:
            now = [planning.action(tx, shop_id=shop.id, action_id=one.id) for one in wanted]
        if all(one.state not in (State.PLANNED, State.RUNNING, State.UNDOING) for one in now):
            return now
        assert time.monotonic() < deadline, [one.state for one in now]
        time.sleep(0.02)


def written(house: SmallHouse) -> list[str]:
    with house.db.read() as tx:
        return noting.notes(tx)


def test_due_actions_of_a_campaign_run_one_after_the_other_in_due_order(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    start = house.real_now()
    campaign_id = uuid4()
    planned = plan(
        house,
        shop,
        noting_plan(start - timedelta(seconds=1), "c", steps=2),
        noting_plan(start - timedelta(seconds=3), "a", steps=3, step_ms=100),
        noting_plan(start - timedelta(seconds=2), "b", steps=2),
        noting_plan(start + timedelta(hours=1), "later"),
        campaign_id=campaign_id,
    )
    working()
    done = settle(house, shop, *planned[:3])
    assert [one.state for one in done] == [State.DONE] * 3
    assert [what.split()[1] for what in written(house)] == list("aaabbcc")
    assert done[1].receipt == ["do a 0", "do a 1", "do a 2"]
    assert (done[1].progress.done, done[1].progress.percent) == (3, 100)
    with house.db.read() as tx:
        later = planning.action(tx, shop_id=shop.id, action_id=planned[3].id)
        assert worker_slots.is_worker_alive(tx, real_now=house.real_now())
    assert later.state == State.PLANNED


def test_what_was_due_when_it_was_planned_is_due_after_the_clock_stepped_back(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    ahead = house.real_now() + timedelta(days=1)
    plans = [
        noting_plan(ahead, "at once"),
        noting_plan(ahead + timedelta(minutes=1), "a minute later"),
    ]
    with house.db.write() as tx:
        at_once, later = planning.plan(
            Act.of(tx, shop, ACTOR, ahead), campaign_id=None, plans=plans
        )
    working()
    (done,) = settle(house, shop, at_once)
    assert done.state == State.DONE
    with house.db.read() as tx:
        assert planning.action(tx, shop_id=shop.id, action_id=later.id).state == State.PLANNED


def test_planning_twice_is_planning_once_and_moves_what_has_not_begun(
    house: SmallHouse, shop: Shop
) -> None:
    start = house.real_now()
    (first,) = plan(house, shop, noting_plan(start, "a"))
    (second,) = plan(house, shop, noting_plan(start + timedelta(hours=1), "a"))
    assert second.id == first.id
    assert second.due_at == start + timedelta(hours=1)


def test_what_passes_is_tried_again_and_its_steps_are_not_repeated(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    (planned,) = plan(house, shop, noting_plan(house.real_now(), "a", fail="passing", fail_times=2))
    working()
    (done,) = settle(house, shop, planned)
    assert done.state == State.DONE
    assert done.attempts == 2
    assert sorted(written(house)) == ["do a 0", "try", "try", "try"]


def test_what_is_final_fails_with_its_reason_and_can_be_tried_again(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    planned = plan(
        house,
        shop,
        noting_plan(house.real_now(), "a", fail="final"),
        noting_plan(house.real_now(), "b", fail="person", fail_times=9),
    )
    working()
    failed, stuck = settle(house, shop, *planned)
    assert {failed.state, stuck.state} <= {State.FAILED, State.NEEDS_PERSON, State.DONE}
    assert stuck.state == State.NEEDS_PERSON
    assert stuck.error is not None
    assert stuck.error.code == "needs_person"
    assert stuck.error.facts["why"] == "the sea was rough"
    if failed.state == State.DONE:
        return  # the other's tries were counted first
    with house.db.write() as tx:
        planning.retry(Act.of(tx, shop, ACTOR, house.real_now()), action_id=failed.id)
    (again,) = settle(house, shop, failed)
    assert again.state == State.DONE
    assert again.error is None


def test_an_undo_takes_back_what_was_done_once(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    (planned,) = plan(house, shop, noting_plan(house.real_now(), "a", steps=2))
    working()
    settle(house, shop, planned)
    with house.db.write() as tx:
        planning.undo(Act.of(tx, shop, ACTOR, house.real_now()), action_id=planned.id)
    (undone,) = settle(house, shop, planned)
    assert undone.state == State.UNDONE
    assert written(house) == ["do a 0", "do a 1", "undo a 1", "undo a 0"]


def test_a_stopped_worker_leaves_off_at_a_step_and_the_next_one_goes_on(
    house: SmallHouse, shop: Shop
) -> None:
    (planned,) = plan(house, shop, noting_plan(house.real_now(), "a", steps=20, step_ms=50))
    stopping = threading.Event()
    thread = threading.Thread(target=Worker(house, stopping).run)
    thread.start()
    while not written(house):
        time.sleep(0.01)
    began = time.monotonic()
    stopping.set()
    thread.join(10)
    assert time.monotonic() - began < 2.5
    half = written(house)
    assert 0 < len(half) < 20
    again = threading.Event()
    thread = threading.Thread(target=Worker(house, again).run)
    thread.start()
    (done,) = settle(house, shop, planned)
    again.set()
    thread.join(10)
    assert done.state == State.DONE
    assert written(house) == [f"do a {number}" for number in range(20)]


def test_only_a_planned_action_can_be_cancelled_and_only_a_failed_one_tried_again(
    house: SmallHouse, shop: Shop
) -> None:
    (planned,) = plan(house, shop, noting_plan(house.real_now(), "a"))
    now = house.real_now()
    with house.db.write() as tx:
        with pytest.raises(NotRetryable):
            planning.retry(Act.of(tx, shop, ACTOR, now), action_id=planned.id)
        cancelled = planning.cancel(Act.of(tx, shop, ACTOR, now), action_id=planned.id)
        assert cancelled.state == State.CANCELLED
        with pytest.raises(NotCancellable):
            planning.cancel(Act.of(tx, shop, ACTOR, now), action_id=planned.id)


def test_a_clock_that_runs_600_times_faster_brings_its_actions_in_order(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    real = house.real_now()
    with house.db.write() as tx:
        clock = SimulatedClock(shows=real, set_at=real, speed=600)
        set_clock(Act(tx, shop, ACTOR, real, real), clock=clock)
    hours = [
        noting_plan(real + timedelta(minutes=20 * number), str(number)) for number in range(1, 5)
    ]
    planned = plan(house, shop, *hours, campaign_id=uuid4())
    working()
    done = settle(house, shop, *planned, seconds=30)
    assert written(house) == [f"do {number} 0" for number in range(1, 5)]
    late = [one.started_at - one.due_at for one in done if one.started_at]
    assert min(late) >= timedelta(0)


def test_an_action_whose_run_the_engine_forgot_is_taken_up_again(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    (planned,) = plan(house, shop, noting_plan(house.real_now(), "a"))
    with house.db.write() as tx:
        tx.execute(
            text("update timeline_actions set state = 'running', lease = :lease"),
            {"lease": f"{planned.id}:0#gone"},
        )
    working()
    (done,) = settle(house, shop, planned)
    assert done.state == State.DONE
    assert written(house) == ["do a 0"]


def test_a_worker_that_lost_its_action_does_no_more_steps(house: SmallHouse, shop: Shop) -> None:
    (planned,) = plan(house, shop, noting_plan(house.real_now(), "a", steps=5, step_ms=100))
    name = Run(planned.id, 0).name
    paused = threading.Thread(target=carry, args=(house, name, threading.Event()))
    paused.start()
    while not written(house):
        time.sleep(0.01)
    with house.db.write() as tx:
        tx.execute(text("update timeline_actions set lease = 'another'"))
        before = len(noting.notes(tx))
    paused.join(10)
    assert len(written(house)) == before
    with house.db.read() as tx:
        now = planning.action(tx, shop_id=shop.id, action_id=planned.id)
    assert now.state == State.RUNNING


def test_a_job_that_needs_a_person_is_tried_again_when_it_is_asked_for_again(
    house: SmallHouse, shop: Shop, working: Callable[[], None]
) -> None:
    def ask() -> Action:
        params = {"what": "a", "fail": "person"}
        with house.db.write() as tx:
            return planning.enqueue(
                Act.of(tx, shop, ACTOR, house.real_now()),
                kind="long_note",
                params=params,
                target="a",
            )

    working()
    (stuck,) = settle(house, shop, ask())
    assert stuck.state == State.NEEDS_PERSON
    again = ask()
    assert again.id == stuck.id
    (done,) = settle(house, shop, again)
    assert done.state == State.DONE
    assert written(house).count("do a 0") == 1
