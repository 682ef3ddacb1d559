"""What holds an action back, as a pure question to a campaign's line of actions."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from uuid import UUID, uuid4

import pytest

from springtide.domain.access.model import Role
from springtide.domain.campaigns.model import PhaseKind, Task, Waiver
from springtide.flows.timeline.holding import STUCK, Hold, causes, holds_of
from springtide.flows.timeline.model import JOB_PHASE, Action, Progress, State, Trouble
from springtide.kit.time import RelativeTime

NOW = datetime(2025, 11, 11, tzinfo=UTC)
TROUBLE = Trouble("passing", "Away.")


def action(kind: str, state: State = State.PLANNED, **more: object) -> Action:
    made = Action(
        id=uuid4(), shop_id=UUID(int=1), campaign_id=UUID(int=2), phase="burst", kind=kind,
        target="", params={}, due_at=NOW, position=0, state=state, receipt=None, attempts=0, run=0,
        error=None, progress=Progress(), is_stopping=False, started_at=None, done_at=None,
        undone_at=None, ended_at=None,
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def task(gate: PhaseKind) -> Task:
    due = RelativeTime(-1, time(20))
    return Task(uuid4(), UUID(int=2), "Look", Role.OPERATIONS, due, (), gate=gate)


def held(*line: Action, gates: tuple[Task, ...] = ()) -> dict[str, list[tuple[str, bool]]]:
    """Return what holds each, by its kind: what, and whether that is only its turn."""
    found = holds_of(line, gates, due={one.id for one in line})
    return {
        one.kind: [(hold.name, hold.is_turn) for hold in found[one.id]]
        for one in line
        if one.id in found
    }


def told(*line: Action, gates: tuple[Task, ...] = ()) -> dict[str, list[str]]:
    found = causes(holds_of(line, gates))
    return {one.kind: [hold.name for hold in found[one.id]] for one in line if one.id in found}


@pytest.mark.parametrize("state", [state for state in State if state != State.DONE])
def test_whatever_is_not_done_holds_what_needs_it(state: State) -> None:
    line = action("set_prices", state), action("publish_rules")
    assert held(*line)["publish_rules"] == [("set_prices", False)]
    assert told(*line) == ({"publish_rules": ["set_prices"]} if state in STUCK else {})


def test_what_is_done_waived_or_not_planned_at_all_holds_nothing() -> None:
    waiver = Waiver("Ann", "because", NOW)
    for first in (
        action("set_prices", State.DONE),
        action("set_prices", State.NEEDS_PERSON, waiver=waiver),
        action("note", State.NEEDS_PERSON),
        action("set_prices", State.FAILED, phase=JOB_PHASE),
    ):
        assert held(first, action("publish_rules")) == {}


def test_the_cause_is_what_is_at_the_bottom() -> None:
    line = (
        action("set_prices", State.NEEDS_PERSON), action("publish_rules"),
        action("publish_rewards"), action("open_sale"),
    )  # fmt: skip
    gate = task(PhaseKind.BURST)
    names = ["set_prices", "Look"]
    assert told(*line, gates=(gate,)) == {
        "publish_rules": names, "publish_rewards": names, "open_sale": names,
    }  # fmt: skip
    assert told(action("set_prices", error=TROUBLE), *line[1:]) == {
        "publish_rules": ["set_prices"], "publish_rewards": ["set_prices"],
        "open_sale": ["set_prices"],
    }  # fmt: skip


def test_of_a_campaign_one_goes_at_a_time_but_for_the_long_ones() -> None:
    first, second, letters = action("note"), action("open_sale"), action("send_outreach")
    assert held(first, letters, second) == {"open_sale": [("note", True)]}
    running = replace(first, state=State.RUNNING)
    assert held(running, letters, second) == {"open_sale": [("note", True)]}
    waiting = replace(first, attempts=2, error=TROUBLE)
    assert held(waiting, second) == {"open_sale": [("note", True)]}


def test_what_is_held_or_stands_still_takes_no_turn() -> None:
    line = action("set_prices", State.FAILED), action("publish_rules"), action("note")
    assert held(*line) == {"publish_rules": [("set_prices", False)]}


def test_what_is_not_due_takes_no_turn() -> None:
    later, now = action("note"), action("open_sale", due_at=NOW + timedelta(hours=1))
    assert holds_of([later, now], (), due={now.id}) == {}


def test_a_gate_holds_the_long_ones_of_its_phase_too_and_no_other_phase() -> None:
    letters = action("send_outreach", phase="warm_up")
    gate = task(PhaseKind.WARM_UP)
    assert held(letters, action("set_prices"), gates=(gate,)) == {
        "send_outreach": [("Look", False)]
    }


def test_a_withdrawal_waits_for_nobody() -> None:
    running = action("note", State.RUNNING)
    withdrawal = action("withdraw", phase="after")
    assert held(running, withdrawal, gates=(task(PhaseKind.AFTER),)) == {}


def test_kinds_that_wait_for_each_other_are_told_without_an_end() -> None:
    one, other = action("note", State.PLANNED), action("note", State.PLANNED)
    found = {one.id: (Hold(other),), other.id: (Hold(one),)}
    assert causes(found) == {}
