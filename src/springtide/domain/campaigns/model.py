"""A campaign, its phases, goals, heroes and tasks: frozen values and the rules they keep."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from springtide.domain.access.model import Role
from springtide.kit import ids
from springtide.kit.errors import N_, Refusal
from springtide.kit.reading import as_typed
from springtide.kit.time import RelativeTime, Window

NAME_LENGTH_MAX = 120
_RELATIVE = re.compile(r"[Dd]([+-]?[0-9]{1,3})? +([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)")
NOTE_LENGTH_MAX = 4_000
#: Phases reach no further than this from the sale day.
DAYS_FROM_DAY_MAX = 120


class PhaseKind(StrEnum):
    """The four phases of a sale, in their order."""

    WARM_UP = "warm_up"
    BURST = "burst"
    DAY = "day"
    AFTER = "after"


PHASE_TITLES = {
    PhaseKind.WARM_UP: N_("Warm-up"),
    PhaseKind.BURST: N_("Burst"),
    PhaseKind.DAY: N_("Sale day"),
    PhaseKind.AFTER: N_("After"),
}


class Status(StrEnum):
    """Where a campaign stands; derived from its timeline and the shop's time."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    WARM_UP = "warm_up"
    OPENING = "opening"
    LIVE = "live"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"


STATUS_TITLES = {
    Status.DRAFT: N_("Draft"),
    Status.SCHEDULED: N_("Scheduled"),
    Status.WARM_UP: N_("Warming up"),
    Status.OPENING: N_("Not open yet"),
    Status.LIVE: N_("Live"),
    Status.ENDED: N_("Ended"),
    Status.WITHDRAWN: N_("Withdrawn"),
}


class PhaseEndsBeforeStart(Refusal):
    """A phase whose end is not after its start."""

    code = "phase_ends_before_start"
    text = N_("This phase ends before it starts.")


class PhasesOverlap(Refusal):
    """A phase that starts before the one in front of it ends."""

    code = "phases_overlap"
    text = N_("This phase starts before “{before}” ends.")


class PhaseTooFar(Refusal):
    """A phase further from the day than any sale."""

    code = "phase_too_far"
    text = N_("A phase may start and end at most {limit} days from the sale day.")


class PhasesIncomplete(Refusal):
    """Not the four phases, once each, in order."""

    code = "phases_incomplete"
    text = N_("A campaign has warm-up, burst, sale day and after, once each, in this order.")


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase: a half-open range of plan time, under the campaign's own name for it."""

    kind: PhaseKind
    name: str
    starts: RelativeTime
    ends: RelativeTime


@dataclass(frozen=True, slots=True)
class Goals:
    """What the sale is to reach over burst and day: paid money, buyers, units. 0: no goal."""

    paid_minor: int = 0
    buyers: int = 0
    units: int = 0


@dataclass(frozen=True, slots=True)
class Hero:
    """A product that draws the traffic, with its price during the sale in minor units."""

    product_key: str
    price_minor: int


@dataclass(frozen=True, slots=True)
class Campaign:
    """One sale. The zone is kept with the plan, so that it means the same wherever it is read."""

    id: UUID
    shop_id: UUID
    name: str
    day: date
    zone_name: str
    phases: tuple[Phase, ...]
    goals: Goals
    note: str
    heroes: tuple[Hero, ...]
    version: int
    created_at: datetime
    changed_at: datetime
    scheduled_at: datetime | None = None
    withdrawn_at: datetime | None = None
    opened_at: datetime | None = None

    @property
    def key(self) -> str:
        """The id as the outside sees it; facts carry it as ``campaign_key``."""
        return ids.outward("cmp", self.id)

    @property
    def tz(self) -> ZoneInfo:
        """The zone that the plan's wall times are in."""
        return ZoneInfo(self.zone_name)

    def resolve(self, when: RelativeTime) -> datetime:
        """Return the UTC instant of a time of the plan."""
        return when.resolve(self.day, self.tz)

    def window(self, kind: PhaseKind | str) -> Window:
        """Return the instants of a phase."""
        phase = next(phase for phase in self.phases if phase.kind == kind)
        return Window(self.resolve(phase.starts), self.resolve(phase.ends))

    @property
    def selling(self) -> Window:
        """From the first instant of the burst to the end of the day: sale prices hold."""
        return Window(self.window(PhaseKind.BURST).starts_at, self.window(PhaseKind.DAY).ends_at)

    @property
    def whole(self) -> Window:
        """From the first instant of the warm-up to the end of the last phase."""
        return Window(
            self.resolve(self.phases[0].starts),
            self.resolve(self.phases[-1].ends),
        )

    def phase_at(self, now: datetime) -> Phase | None:
        """Return the phase that an instant lies in."""
        return next((phase for phase in self.phases if now in self.window(phase.kind)), None)

    def status(self, now: datetime) -> Status:
        """Return where the campaign stands at an instant.

        It sells from the instant at which its timeline opened it, not from the planned one.
        """
        if self.withdrawn_at and self.withdrawn_at < self.selling.ends_at:
            return Status.WITHDRAWN
        if self.scheduled_at is None:
            return Status.DRAFT
        if now < self.whole.starts_at:
            return Status.SCHEDULED
        if now < self.selling.starts_at:
            return Status.WARM_UP
        if now >= self.selling.ends_at:
            return Status.ENDED
        return Status.OPENING if self.opened_at is None else Status.LIVE


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """One line to tick."""

    position: int
    text: str
    done_at: datetime | None = None
    done_by: str | None = None


@dataclass(frozen=True, slots=True)
class Waiver:
    """An owner's word that the sale goes on without something: who, why, when (real time)."""

    by: str
    reason: str
    at: datetime

    def columns(self) -> dict[str, Any]:
        """Return the columns that keep it."""
        return {"waived_at": self.at, "waived_by": self.by, "waived_why": self.reason}


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person of a role does by a time.

    One with a ``gate`` must be done before that phase opens, unless an owner waived it.
    """

    id: UUID
    campaign_id: UUID
    title: str
    role: Role
    due: RelativeTime
    checklist: tuple[ChecklistItem, ...]
    done_at: datetime | None = None
    done_by: str | None = None
    gate: PhaseKind | None = None
    waiver: Waiver | None = None

    @property
    def key(self) -> str:
        """The id as the outside sees it."""
        return ids.outward("tsk", self.id)

    @property
    def is_shut(self) -> bool:
        """Whether its phase does not open because of it."""
        return self.gate is not None and self.done_at is None and self.waiver is None

    @property
    def ticked_count(self) -> int:
        """How many lines of the checklist are ticked."""
        return sum(item.done_at is not None for item in self.checklist)


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to be added: from a template, or typed."""

    title: str
    role: Role
    due: RelativeTime
    checklist: tuple[str, ...] = ()
    gate: PhaseKind | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person may edit of a campaign in one form."""

    name: str
    day: date
    goals: Goals
    phases: tuple[Phase, ...]
    note: str = ""


def phase_problems(phases: Sequence[Phase], *, day: date, tz: ZoneInfo) -> dict[str, Refusal]:
    """Return what is wrong with phases, by field ``phases.<kind>.starts`` or ``.ends``."""
    if [phase.kind for phase in phases] != list(PhaseKind):
        return {"phases": PhasesIncomplete()}
    problems: dict[str, Refusal] = {}
    before: Phase | None = None
    for phase in phases:
        for name, when in (("starts", phase.starts), ("ends", phase.ends)):
            if abs(when.day_offset) > DAYS_FROM_DAY_MAX:
                problems[f"phases.{phase.kind}.{name}"] = PhaseTooFar(limit=DAYS_FROM_DAY_MAX)
        if problems:
            return problems
        starts_at = phase.starts.resolve(day, tz)
        if phase.ends.resolve(day, tz) <= starts_at:
            problems[f"phases.{phase.kind}.ends"] = PhaseEndsBeforeStart()
        if before and starts_at < before.ends.resolve(day, tz):
            problems[f"phases.{phase.kind}.starts"] = PhasesOverlap(before=before.name)
        before = phase
    return problems


def written(when: RelativeTime) -> str:
    """Return a plan time as text that ``read_relative`` reads, such as ``D-5 10:00``.

    >>> written(RelativeTime(-5, time(10))), written(RelativeTime(0, time(0)))
    ('D-5 10:00', 'D 00:00')
    """
    offset = f"{when.day_offset:+d}" if when.day_offset else ""
    wall = when.wall.isoformat(timespec="seconds").removesuffix(":00")
    return f"D{offset} {wall}"


def read_relative(text: str) -> RelativeTime:
    """Read a plan time such as ``D-5 10:00``; refuse any other text.

    >>> read_relative("D+1 00:00")
    RelativeTime(day_offset=1, wall=datetime.time(0, 0))
    """
    found = _RELATIVE.fullmatch(as_typed(text))
    try:
        if found is None:
            raise ValueError(text)
        return RelativeTime(int(found[1] or "0"), time.fromisoformat(found[2]))
    except ValueError as error:
        raise BadPlanTime(value=text[:40]) from error


class BadPlanTime(Refusal):
    """A text that is not a time of the plan."""

    code = "bad_plan_time"
    text = N_("“{value}” is not a plan time such as D-5 10:00.")
