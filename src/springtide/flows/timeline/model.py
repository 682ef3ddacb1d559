"""One entry of a timeline, its states, and what is asked for when planning one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from springtide.domain.campaigns.model import Waiver
from springtide.kit.errors import N_, Conflict, plain_facts


class State(StrEnum):
    """Where an action stands."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_PERSON = "needs_person"


#: Where a shop-wide job stands that belongs to no campaign.
JOB_PHASE = "job"
WITHDRAW = "withdraw"

#: States in which a worker still has something to do, now or later.
OPEN_STATES = (State.PLANNED, State.RUNNING, State.UNDOING)

#: How a page names each state.
STATE_LABELS: dict[State, str] = {
    State.PLANNED: N_("planned"),
    State.RUNNING: N_("running"),
    State.DONE: N_("done"),
    State.UNDOING: N_("being undone"),
    State.UNDONE: N_("undone"),
    State.FAILED: N_("failed"),
    State.CANCELLED: N_("cancelled"),
    State.NEEDS_PERSON: N_("needs a person"),
}


class NotRetryable(Conflict):
    """Only what failed can be tried again."""

    code = "action_not_retryable"
    text = N_("This action is {state}; only what failed or needs a person can be tried again.")


class NotCancellable(Conflict):
    """Only what has not begun can be cancelled."""

    code = "action_not_cancellable"
    text = N_("This action is {state}; only a planned one can be cancelled.")


class NotUndoable(Conflict):
    """Only what was done can be undone."""

    code = "action_not_undoable"
    text = N_("This action is {state}; only what was done can be undone.")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running action is; ``total`` 0 means that it is not known yet."""

    done: int = 0
    total: int = 0
    text: str = ""

    @property
    def percent(self) -> int:
        """Whole percent done, 0 to 100."""
        return min(100, self.done * 100 // self.total) if self.total > 0 else 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an action stands still: a stable code, the English text, the facts behind it."""

    code: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_undo: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the document that is stored."""
        return {
            "code": self.code,
            "text": self.text,
            "facts": plain_facts(self.facts),
            "is_undo": self.is_undo,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """An action to be planned: within a campaign, phase, kind and target name it."""

    phase: str
    kind: str
    due_at: datetime
    target: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    position: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that the system does at a time, and can undo."""

    id: UUID
    shop_id: UUID
    campaign_id: UUID | None
    phase: str
    kind: str
    target: str
    params: Mapping[str, Any]
    due_at: datetime
    position: int
    state: State
    receipt: Any
    attempts: int
    run: int
    error: Trouble | None
    progress: Progress
    is_stopping: bool
    started_at: datetime | None
    done_at: datetime | None
    undone_at: datetime | None
    ended_at: datetime | None
    waiver: Waiver | None = None

    @property
    def state_label(self) -> str:
        """How a page names the state, in English."""
        return STATE_LABELS[self.state]

    def is_planned_for(self, entry: Plan) -> bool:
        """Tell whether the action stands on the timeline just as ``entry`` asks."""
        return (
            self.due_at == entry.due_at
            and self.position == entry.position
            and dict(self.params) == dict(entry.params)
        )
