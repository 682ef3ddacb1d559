"""Tries to log in: whose password is looked at, how soon, and how much guessing that leaves.

A try counts for the account and the network address *together*: five wrong ones are free, then
the pair has one look after 4, 8, 16, 32 and then each 40 seconds. Nobody else waits for that. A
browser that the person logged in with before counts by itself (ten free, then the same) and meets
nothing of what strangers do.

No look is refused for good, as behind the address of a guesser may sit the person: a try that comes
too soon waits for the pair's next look. One waits for each pair in a process; of several that come
meanwhile one is drawn by lot. So with nobody else trying, a right password is looked at within 40
seconds. Beside a guesser who always has a try waiting it has every second look, beside *n* tries
in the same wait one chance in *n* + 1. More cannot be promised, as nothing that a stranger sends
tells them apart; a known browser, another network or a link by mail are not touched by it.

An account alone, over all strangers, and an address alone, over all accounts, have wider bounds
that refuse nobody either: beyond 100 (300) wrong tries within the hour strangers are looked at in
the slow lane, one after the other with a second between, in a lane that holds forty. One address
does not get there with one account, as it has 97 looks in an hour.

What the arithmetic leaves a guesser: from one address 2 167 looks at an account a day; with any
number of addresses 24 * 100, and 86 400 more through each server process's lane if 41 addresses or
more fill it all day. A password that falls within 10^8 guesses is refused when it is chosen (see
passwords.py), so the weakest one allowed stands for three years of that. Tries at once do not slip
through together, in one process or several: the pair is locked in the database, the try is on
record there as wrong before the password is looked at, and at most four hashes are worked out at
once in a process (see secrets.py).
"""

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from math import ceil
from uuid import UUID

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from springtide.domain.access.pace import (
    AnotherTryWaits,
    Places,
    SlowLane,
    TooManyAttempts,
    Turns,
)
from springtide.domain.access.store import log_in_attempts
from springtide.kit.addresses import network_of
from springtide.kit.db import Database
from springtide.kit.ids import uuid7

#: Wrong passwords that cost nothing: of a network address on one account, of a known browser.
FREE_TRIES_PAIR, FREE_TRIES_BROWSER = 5, 10
#: Wrong tries of strangers within the hour after which the next ones take the slow lane.
CALM_ACCOUNT, CALM_NETWORK = 100, 300
_FIRST_DELAY_SECONDS, _DELAY_SECONDS_MAX = 4, 40
_KEPT, _HOUR = timedelta(hours=24), timedelta(hours=1)
# So many wrong tries lead to the longest delay, whoever made them.
_TRIES_READ = 24
_COUNTED_MAX = 3000
_attempts = log_in_attempts.c
#: How many known browsers wait for their own wrong ones at once in a process.
_KNOWN_PLACES_MAX = 8


@dataclass(frozen=True, slots=True)
class Guess:
    """Who tries: an account's name as typed, from where, and the hash of a known browser."""

    account: str
    address: str
    browser: bytes | None = None

    @property
    def network(self) -> str:
        """Whom the address stands for."""
        return network_of(self.address)

    @property
    def pair(self) -> str:
        """What counts together."""
        return f"{self.account}\n{self.network}\n{self.browser!r}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How the tries of one process wait: for their pair, and in the slow lane."""

    lane: SlowLane = field(default_factory=SlowLane)
    strangers: Places = field(default_factory=Places)
    known: Places = field(default_factory=partial(Places, most=_KNOWN_PLACES_MAX))

    def places(self, guess: Guess) -> Places:
        """Return where a guess waits: strangers take no place of known browsers."""
        return self.strangers if guess.browser is None else self.known


_pace, _turns = Pace(), Turns()


class _TooSoonError(Exception):
    """A try that its own wrong ones before it make wait, so many seconds after the last."""

    def __init__(self, seconds: int, last: UUID | None) -> None:
        super().__init__()
        self.seconds, self.last = seconds, last


class Attempt:
    """One look at a password, on record as wrong until ``succeed``.

    Entering it (``with``) waits for the pair's turn and next look, and in the slow lane where it
    has to; refuses with TooManyAttempts where another try of the pair was drawn (or where it came
    too soon and not ``may_wait``), with Busy where the lane is full.
    """

    def __init__(
        self,
        db: Database,
        guess: Guess,
        *,
        now: datetime,
        may_wait: bool,
        pace: Pace | None = None,
    ) -> None:
        self._db = db
        self._guess = guess
        self._now = now
        self._may_wait = may_wait
        self._lane = (pace or _pace).lane
        self._places = (pace or _pace).places(guess)
        self._waited_after: UUID | None = None
        self._held = ExitStack()
        self._id = uuid7(now)

    def __enter__(self) -> "Attempt":
        """Put the try on record; the pair's turn is held until the end of the block."""
        try:
            self._begin(is_drawn=False)
        except _TooSoonError as early:
            if not self._may_wait:
                raise TooManyAttempts(seconds=early.seconds) from None
            with self._places.wait(self._guess.pair, self._guess.network, early.seconds):
                self._now += timedelta(seconds=early.seconds)
                self._waited_after = early.last
                self._begin_or_refuse()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the pair's next try go."""
        self._held.close()

    def succeed(self, tx: Connection) -> None:
        """Note that the password was right: the wrong ones of this pair before it are forgotten."""
        tx.execute(update(log_in_attempts).where(_attempts.id == self._id).values(is_good=True))

    def _begin_or_refuse(self) -> None:
        try:
            self._begin(is_drawn=True)
        except _TooSoonError as early:
            # A try that waited in another process was quicker.
            raise AnotherTryWaits(seconds=early.seconds) from None

    def _begin(self, *, is_drawn: bool) -> None:
        # Asked before the write lock: whoever has to wait costs the others nothing.
        with self._db.read() as tx:
            self._check_is_due(tx)
        # The place of a pair is kept for who waited in it until its look has begun.
        if not is_drawn and self._places.is_taken(self._guess.pair):
            raise _TooSoonError(1, None)
        if not self._begun(may_be_slow=False):
            self._lane.wait(self._guess.network)
            self._begun(may_be_slow=True)

    def _begun(self, *, may_be_slow: bool) -> bool:
        with ExitStack() as held:
            held.enter_context(_turns.of(self._guess.pair))
            if not self._db.run(partial(self._put_down, may_be_slow=may_be_slow)):
                return False
            self._held = held.pop_all()
        return True

    def _put_down(self, tx: Connection, *, may_be_slow: bool) -> bool:
        guess, now = self._guess, self._now
        _lock(tx, guess)
        tx.execute(delete(log_in_attempts).where(_attempts.at < now - _KEPT))
        self._check_is_due(tx)
        if not may_be_slow and _is_unquiet(tx, guess, now):
            return False
        tx.execute(
            insert(log_in_attempts).values(
                id=self._id,
                account=guess.account,
                network=guess.network,
                browser=guess.browser,
                at=now,
                is_good=False,
            )
        )
        return True

    def _check_is_due(self, tx: Connection) -> None:
        """Raise _TooSoonError where the pair's wrong tries make this one wait, and it has not yet.

        Whoever waited after the last wrong one has waited, whatever a clock says that stepped back.
        """
        seconds, last = _left(tx, self._guess, self._now)
        if seconds > 0 and (last is None or last != self._waited_after):
            raise _TooSoonError(seconds, last)


def failures_of_day(tx: Connection, *, account: str, now: datetime) -> int:
    """Return how many passwords of an account were wrong within a day, counted up to 3000."""
    wrong = select(_attempts.id).where(
        _attempts.account == account, ~_attempts.is_good, _attempts.at > now - _KEPT
    )
    counted = select(func.count()).select_from(wrong.limit(_COUNTED_MAX).subquery())
    return int(tx.execute(counted).scalar_one())


def delay(failures: int, free: int) -> timedelta:
    """Return how long after the last of so many failures the next try has to wait.

    >>> [delay(n, 5).seconds for n in (4, 5, 6, 7, 50)]
    [0, 4, 8, 16, 40]
    """
    if failures < free:
        return timedelta()
    doubled = _FIRST_DELAY_SECONDS * 2 ** min(failures - free, 20)
    return timedelta(seconds=min(doubled, _DELAY_SECONDS_MAX))


def _left(tx: Connection, guess: Guess, now: datetime) -> tuple[int, UUID | None]:
    """Return how many seconds a try has to wait for its own wrong ones, and the last of them."""
    asked = select(_attempts.at, _attempts.is_good, _attempts.id).where(
        _attempts.account == guess.account, _attempts.at > now - _KEPT
    )
    if guess.browser is None:
        asked = asked.where(_attempts.network == guess.network, _attempts.browser.is_(None))
    else:
        asked = asked.where(_attempts.browser == guess.browser)
    wrong = []
    for row in tx.execute(
        asked.order_by(_attempts.at.desc(), _attempts.is_good.desc()).limit(_TRIES_READ)
    ):
        if row.is_good:
            break
        wrong.append(row)
    if not wrong:
        return 0, None
    free = FREE_TRIES_PAIR if guess.browser is None else FREE_TRIES_BROWSER
    wait = delay(len(wrong), free)
    # Of a clock that stepped back no more than the wait itself is made.
    left = min(wrong[0].at + wait - now, wait)
    return ceil(left.total_seconds()), wrong[0].id


def _is_unquiet(tx: Connection, guess: Guess, now: datetime) -> bool:
    """Tell whether strangers got so many passwords wrong lately that the next look is slow."""
    if guess.browser is not None:
        return False
    wrong = select(_attempts.id).where(
        _attempts.browser.is_(None), ~_attempts.is_good, _attempts.at > now - _HOUR
    )
    return _reaches(tx, wrong.where(_attempts.account == guess.account), CALM_ACCOUNT) or _reaches(
        tx, wrong.where(_attempts.network == guess.network), CALM_NETWORK
    )


def _reaches(tx: Connection, rows: Select[tuple[UUID]], count: int) -> bool:
    counted = select(func.count()).select_from(rows.limit(count).subquery())
    return int(tx.execute(counted).scalar_one()) >= count


def _lock(tx: Connection, guess: Guess) -> None:
    """Let tries at once of one account, or one network, be counted one after the other."""
    if tx.dialect.name == "postgresql":
        for name in sorted((guess.account, guess.network)):
            tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 7))))
