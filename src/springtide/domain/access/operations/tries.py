"""Tries to log in: whose password is looked at, how soon, and how much guessing that leaves.

A try counts for the account and the network address *together*: five wrong ones are free, then
the pair waits 4, 8, ... up to 900 seconds after each (about 107 looks a day). Nobody else waits
for that. A browser that the person logged in with before counts by itself (ten free, then the
same) and meets nothing of what strangers do.

An account alone, over all strangers, and an address alone, over all accounts, have wider bounds
that refuse nobody: beyond 100 (300) wrong tries within the hour strangers are looked at in the
slow lane, one after the other with a second between. So a right password is always looked at; at
worst after a wait, in a lane that holds forty. What the arithmetic leaves a guesser, with any
number of addresses: 24 * 100 looks at an account a day, and 86 400 more through each server
process's lane if 810 addresses or more fill it all day (each has its 107). A password that falls
within 10^8 guesses is refused when it is chosen (see passwords.py), so the weakest one allowed
stands for three years of that. Tries at once do not slip through together: each pair has one look
at a time, the try is on record as wrong before the password is looked at, and at most four hashes
are worked out at once (see secrets.py).
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from springtide.domain.access.pace import SlowLane, Turns
from springtide.domain.access.store import log_in_attempts
from springtide.kit.addresses import network_of
from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import uuid7

#: Wrong passwords that cost nothing: of a network address on one account, of a known browser.
FREE_TRIES_PAIR, FREE_TRIES_BROWSER = 5, 10
#: Wrong tries of strangers within the hour after which the next ones take the slow lane.
CALM_ACCOUNT, CALM_NETWORK = 100, 300
_FIRST_DELAY_SECONDS, _DELAY_SECONDS_MAX = 4, 900
_KEPT, _HOUR = timedelta(hours=24), timedelta(hours=1)
# So many wrong tries lead to the longest delay, whoever made them.
_TRIES_READ = 24
_COUNTED_MAX = 3000
_attempts = log_in_attempts.c
_lane, _turns = SlowLane(), Turns()


class TooManyAttempts(Refusal):
    """Too many wrong passwords from here lately."""

    code = "too_many_attempts"
    status = 429
    text = N_("Too many attempts: try again in {seconds} seconds.")


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


class Attempt:
    """One look at a password, on record as wrong until ``succeed``.

    Entering it (``with``) waits for the pair's turn, and in the slow lane where it has to; refuses
    with TooManyAttempts for the guesser's own wrong tries, with Busy where the lane is full.
    """

    def __init__(
        self, db: Database, guess: Guess, *, now: datetime, lane: SlowLane | None = None
    ) -> None:
        self._db = db
        self._guess = guess
        self._now = now
        self._lane = lane or _lane
        self._held = ExitStack()
        self._id = uuid7(now)

    def __enter__(self) -> "Attempt":
        """Put the try on record; the pair's turn is held until the end of the block."""
        # Asked before the write lock: whoever has to wait costs the others nothing.
        with self._db.read() as tx:
            _refuse_early(tx, self._guess, self._now)
        if not self._begun(may_be_slow=False):
            self._lane.wait(self._guess.network)
            self._begun(may_be_slow=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Let the pair's next try go."""
        self._held.close()

    def succeed(self, tx: Connection) -> None:
        """Note that the password was right: the wrong ones of this pair before it are forgotten."""
        tx.execute(update(log_in_attempts).where(_attempts.id == self._id).values(is_good=True))

    def _begun(self, *, may_be_slow: bool) -> bool:
        guess, now = self._guess, self._now
        with ExitStack() as held:
            held.enter_context(_turns.of(f"{guess.account}\n{guess.network}\n{guess.browser!r}"))
            with self._db.write() as tx:
                _lock(tx, guess)
                tx.execute(delete(log_in_attempts).where(_attempts.at < now - _KEPT))
                _refuse_early(tx, guess, now)
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
            self._held = held.pop_all()
        return True


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
    [0, 4, 8, 16, 900]
    """
    if failures < free:
        return timedelta()
    doubled = _FIRST_DELAY_SECONDS * 2 ** min(failures - free, 20)
    return timedelta(seconds=min(doubled, _DELAY_SECONDS_MAX))


def _refuse_early(tx: Connection, guess: Guess, now: datetime) -> None:
    """Refuse a try that its own wrong ones before it make wait."""
    asked = select(_attempts.at, _attempts.is_good).where(
        _attempts.account == guess.account, _attempts.at > now - _KEPT
    )
    if guess.browser is None:
        asked = asked.where(_attempts.network == guess.network, _attempts.browser.is_(None))
    else:
        asked = asked.where(_attempts.browser == guess.browser)
    failures, last_at = 0, now
    for row in tx.execute(
        asked.order_by(_attempts.at.desc(), _attempts.is_good.desc()).limit(_TRIES_READ)
    ):
        if row.is_good:
            break
        last_at = last_at if failures else row.at
        failures += 1
    free = FREE_TRIES_PAIR if guess.browser is None else FREE_TRIES_BROWSER
    left = (last_at + delay(failures, free) - now).total_seconds()
    if failures and left > 0:
        raise TooManyAttempts(seconds=ceil(left))


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
