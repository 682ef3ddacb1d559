"""What holds an action back: what it needs first, a task that gates its phase, or its turn.

One answer for the worker, which begins only what nothing holds, and for the pages, which say what
does. An action's class says what it needs (``after``) and what it helps to open (``opens``).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, select

from springtide.domain.campaigns.model import PhaseKind, Task
from springtide.domain.campaigns.queries import shut_gates
from springtide.flows.timeline.action import KINDS, PhaseAction
from springtide.flows.timeline.model import JOB_PHASE, WITHDRAW, Action, State
from springtide.flows.timeline.store import actions, to_action

#: From these nothing comes by itself: somebody has to do something first.
STUCK = (
    State.NEEDS_PERSON, State.FAILED, State.CANCELLED, State.UNDONE, State.UNDOING,
)  # fmt: skip
_Members = Mapping[str, type[PhaseAction]]


class CircularNeeds(TypeError):
    """Kinds of actions that wait for each other: a fault of whoever declared them."""


@dataclass(frozen=True, slots=True)
class Hold:
    """One thing that holds an action back: another action, or a task."""

    action: Action | None = None
    task: Task | None = None
    #: The other one is not needed, it only comes first.
    is_turn: bool = False

    @property
    def id(self) -> UUID:
        """The id of the action or task."""
        found = self.action or self.task
        if found is None:
            raise ValueError("a hold by nothing")
        return found.id

    @property
    def name(self) -> str:
        """The action's kind, or the task's title."""
        return self.action.kind if self.action else self.task.title if self.task else ""

    @property
    def is_told(self) -> bool:
        """Whether it is more than a wait that ends by itself when all goes well."""
        if self.action is None:
            return True
        return self.action.state in STUCK or self.action.error is not None


def needs(kinds: _Members = KINDS) -> dict[str, frozenset[str]]:
    """Return for each kind those that must hold before it in the same campaign."""
    found = {kind: set(member.after) for kind, member in kinds.items()}
    for kind, member in kinds.items():
        if member.opens in found:
            found[member.opens].add(kind)
    return {kind: frozenset(names) for kind, names in found.items()}


def opening(phase: PhaseKind, kinds: _Members = KINDS) -> list[str]:
    """Return the kinds that open a phase, each after what it needs. Raises CircularNeeds."""
    chosen: set[str] = set()
    more = {kind for kind, member in kinds.items() if member.opens == phase}
    while more:
        chosen |= more
        more = {kind for kind, member in kinds.items() if member.opens in chosen} - chosen
    needed, order = needs(kinds), list[str]()
    while left := chosen.difference(order):
        free = sorted(kind for kind in left if needed[kind] & left == frozenset())
        if not free:
            raise CircularNeeds(", ".join(sorted(left)))
        order.append(free[0])
    return order


def holds_of(
    line: Sequence[Action], gates: Iterable[Task], *, due: Collection[UUID] = ()
) -> dict[UUID, tuple[Hold, ...]]:
    """Return what holds the planned actions of a campaign; what is not in it may go.

    ``line`` is all of the campaign in the order of the timeline. Of those that are ``due`` and do
    not run beside the others, one goes at a time; what is held otherwise keeps nobody waiting.
    """
    needed, shut = needs(), list(gates)
    found: dict[UUID, tuple[Hold, ...]] = {}
    first: Action | None = None
    for action in line:
        stands_in_line = not _runs_beside(action.kind)
        if action.state == State.RUNNING and stands_in_line:
            first = first or action
        if action.state != State.PLANNED or action.kind == WITHDRAW:
            continue
        holds = _lasting(action, line, shut, needed.get(action.kind, frozenset()))
        if not holds and stands_in_line and action.id in due:
            if first:
                holds = [Hold(first, is_turn=True)]
            first = first or action
        if holds:
            found[action.id] = tuple(holds)
    return found


def held(
    tx: Connection, *, campaign_ids: Collection[UUID], due: Collection[UUID] = ()
) -> dict[UUID, tuple[Hold, ...]]:
    """Return what holds the planned actions of some campaigns (``holds_of``)."""
    if not campaign_ids:
        return {}
    query = (
        select(actions)
        .where(actions.c.campaign_id.in_(list(campaign_ids)))
        .order_by(actions.c.due_at, actions.c.position, actions.c.id)
    )
    lines: dict[UUID, list[Action]] = {campaign_id: [] for campaign_id in campaign_ids}
    for row in tx.execute(query):
        lines[row.campaign_id].append(to_action(row))
    gates: dict[UUID, list[Task]] = {campaign_id: [] for campaign_id in campaign_ids}
    for task in shut_gates(tx, campaign_ids=campaign_ids):
        gates[task.campaign_id].append(task)
    return {
        action_id: holds
        for campaign_id, line in lines.items()
        for action_id, holds in holds_of(line, gates[campaign_id], due=due).items()
    }


def causes(found: Mapping[UUID, tuple[Hold, ...]]) -> dict[UUID, tuple[Hold, ...]]:
    """Return what at bottom holds each action: nothing that is itself held, no mere wait."""

    def bottom(action_id: UUID, passed: frozenset[UUID]) -> Iterable[Hold]:
        for hold in found.get(action_id, ()):
            if hold.id in found and hold.id not in passed:
                yield from bottom(hold.id, passed | {hold.id})
            elif hold.is_told and not hold.is_turn:
                yield hold

    by_action = {
        action_id: {hold.id: hold for hold in bottom(action_id, frozenset({action_id}))}
        for action_id in found
    }
    return {action_id: tuple(holds.values()) for action_id, holds in by_action.items() if holds}


def _lasting(
    action: Action, line: Sequence[Action], gates: Iterable[Task], needed: frozenset[str]
) -> list[Hold]:
    others = [
        Hold(other)
        for other in line
        if other.kind in needed
        and other.phase != JOB_PHASE
        and other.state != State.DONE
        and other.waiver is None
    ]
    return others + [Hold(task=task) for task in gates if task.gate == action.phase]


def _runs_beside(kind: str) -> bool:
    # A withdrawal waits for nobody: it stops what runs and cancels what waits.
    return kind == WITHDRAW or (kind in KINDS and KINDS[kind].is_long)
