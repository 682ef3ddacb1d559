"""What a failure of an action means: tried again and when, given up, or handed to a person."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from springtide.flows.timeline.model import State, Trouble
from springtide.kit.errors import N_, FinalError, NeedsPersonError, PassingError, Refusal
from springtide.kit.outage import outage_of

#: Tries within about a quarter of an hour while something outside is away ...
ATTEMPTS_MAX = 12
#: ... and within seconds when the fault is our own.
ATTEMPTS_OF_OURS_MAX = 5
#: No try waits longer than this, whatever whoever refused asks for.
WAIT_MAX = timedelta(minutes=15)
#: Between two tries while the disk is full or the database away.
OUTAGE_WAIT = timedelta(seconds=10)
_FIRST_WAIT = timedelta(milliseconds=500)
_LONGEST_WAIT = timedelta(minutes=5)


@dataclass(eq=False)
class Waits:
    """When what failed is tried again, as one process sees it: by a clock that never steps.

    A step of the wall clock makes nothing wait longer than it was told to.
    """

    clock: Callable[[], float] = time.monotonic
    _until: dict[str, float] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)

    def is_over(
        self, name: str, retry_at: datetime | None, told_seconds: float | None, real: datetime
    ) -> bool:
        """Tell whether the wait of a run is over: by the wall clock, or by ours.

        ``told_seconds`` is how long the wait was when it began (None in what an older release
        wrote): if more of it seems to be left, the clock was ahead when it began.
        """
        if retry_at is None or retry_at <= real:
            return True
        self._asked.add(name)
        told = WAIT_MAX.total_seconds() if told_seconds is None else told_seconds
        left = min((retry_at - real).total_seconds(), told)
        return self.clock() >= self._until.setdefault(name, self.clock() + left)

    def forget_others(self) -> None:
        """Keep only the waits that were asked for since the last time."""
        self._until = {name: until for name, until in self._until.items() if name in self._asked}
        self._asked = set()


class UnknownKind(NeedsPersonError):
    """This process knows no action of the kind."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What comes of a failure: a try after ``wait``, else the ``state`` in which it stands still.

    ``attempts`` is the count to keep; ``is_ours`` says that the fault is in Springtide.
    """

    attempts: int
    is_ours: bool
    wait: timedelta | None = None
    state: State = State.NEEDS_PERSON


def verdict_of(error: Exception, attempts: int) -> Verdict:
    """Return what comes of a failure after so many attempts before it."""
    if outage_of(error) is not None:
        # However long it lasts: nobody but the machine is at fault, and it ends by itself.
        return Verdict(attempts, is_ours=False, wait=OUTAGE_WAIT)
    is_ours = not isinstance(error, Refusal | PassingError | FinalError | NeedsPersonError)
    count = attempts + 1
    if isinstance(error, FinalError):
        return Verdict(count, is_ours, state=State.FAILED)
    limit = ATTEMPTS_MAX if isinstance(error, PassingError) else ATTEMPTS_OF_OURS_MAX
    if isinstance(error, Refusal | NeedsPersonError) or count >= limit:
        return Verdict(count, is_ours)
    wait = min(_FIRST_WAIT * 2 ** (count - 1), _LONGEST_WAIT)
    after = error.args[0] if isinstance(error, PassingError) and error.args else None
    if isinstance(after, int | float):
        wait = min(timedelta(seconds=after), WAIT_MAX)
    return Verdict(count, is_ours, wait=wait)


def trouble_of(error: Exception, is_undo: bool) -> Trouble:
    """Return what a page says of a failure."""
    outage = outage_of(error)
    if outage is not None:
        return Trouble(outage.code, outage.waiting, {}, is_undo)
    if isinstance(error, Refusal):
        return Trouble(error.code, error.text, error.facts, is_undo)
    texts = {
        PassingError: ("passing", N_("Something outside did not answer; it is tried again.")),
        FinalError: ("final", N_("This cannot work, and was given up: {why}")),
        UnknownKind: ("unknown_kind", N_("This installation knows no action of the kind {why}.")),
        NeedsPersonError: ("needs_person", N_("A person has to look at this: {why}")),
    }
    for kind, (code, text) in texts.items():
        if isinstance(error, kind):
            return Trouble(code, text, {"why": str(error)[:300]}, is_undo)
    text = N_("Springtide made a mistake here; its log has the details ({why}).")
    return Trouble("internal", text, {"why": type(error).__name__}, is_undo)
