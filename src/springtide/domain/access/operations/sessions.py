"""Log-in, log-out, passwords: server-side sessions and growing delays against guessing."""

import math
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from springtide.domain.access.model import Actor, Person, Session
from springtide.domain.access.operations.audit import record_audit
from springtide.domain.access.passwords import checked_password
from springtide.domain.access.secrets import (
    hash_password,
    new_token,
    nobody_hash,
    password_fits,
    token_hash,
    wants_rehash,
)
from springtide.domain.access.store import log_in_attempts, people, sessions, to_person
from springtide.kit.db import Database
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import LANGUAGES
from springtide.kit.ids import outward, uuid7

SESSION_HOURS = 12
#: Wrong passwords that cost nothing, per e-mail address and per network address.
FREE_TRIES_ACCOUNT, FREE_TRIES_ADDRESS = 5, 30
_FIRST_DELAY_SECONDS, _DELAY_SECONDS_MAX = 4, 900
_WINDOW = timedelta(hours=24)
_PASSWORD_READ_MAX = 1000


class WrongLogIn(Refusal):
    """The e-mail address is unknown or the password wrong; which one is not said."""

    code = "wrong_log_in"
    status = 422
    text = N_("This e-mail address and password do not fit together.")


class TooManyAttempts(Refusal):
    """Too many wrong passwords lately."""

    code = "too_many_attempts"
    status = 429
    text = N_("Too many attempts: try again in {seconds} seconds.")


class WrongPassword(Refusal):
    """The present password was not right."""

    code = "wrong_password"
    text = N_("This is not your present password.")


def log_in(db: Database, *, email: str, password: str, address: str, now: datetime) -> Session:
    """Open a session; refuses with WrongLogIn or, after too many tries, TooManyAttempts.

    Takes the database and not a transaction: the try must be on record before the password is
    looked at (so that many tries at once do not slip through together) and stays when it fails,
    and hashing must not hold SQLite's only write lock.
    """
    email = email.strip().lower()[:254]
    # Made now, so that the first unknown address does not take longer than a known one.
    no_hash = nobody_hash()
    with db.write() as tx:
        attempt_id = _begin_attempt(tx, email=email, address=address[:64], now=now)
        row = tx.execute(select(people).where(people.c.email == email)).one_or_none()
    known_hash = no_hash if row is None else row.password_hash
    fits = len(password) <= _PASSWORD_READ_MAX and password_fits(known_hash, password)
    if row is None or not fits:
        raise WrongLogIn
    rehashed = hash_password(password) if wants_rehash(known_hash) else None
    with db.write() as tx:
        tx.execute(
            update(log_in_attempts).where(log_in_attempts.c.id == attempt_id).values(is_good=True)
        )
        if rehashed:
            tx.execute(update(people).where(people.c.id == row.id).values(password_hash=rehashed))
        return _open_session(tx, person=to_person(row), now=now)


def log_out(tx: Connection, *, token: str) -> None:
    """End the session of a token; an unknown one is no error."""
    tx.execute(delete(sessions).where(sessions.c.token_hash == token_hash(token)))


def mark_session_seen(tx: Connection, *, token: str, now: datetime) -> None:
    """Note that a session is in use, which keeps it from going idle."""
    tx.execute(
        update(sessions).where(sessions.c.token_hash == token_hash(token)).values(seen_at=now)
    )


def change_password(
    tx: Connection, *, person: Person, present: str, password: str, now: datetime
) -> Session:
    """Set a new password, end all the person's sessions, and open a new one.

    Refuses (Invalid) a wrong present password or a weak new one.
    """
    kept = tx.execute(select(people.c.password_hash).where(people.c.id == person.id)).scalar_one()
    if len(present) > _PASSWORD_READ_MAX or not password_fits(kept, present):
        raise Invalid({"present": WrongPassword()})
    try:
        checked_password(password, email=person.email)
    except Refusal as refusal:
        raise Invalid({"password": refusal}) from None
    tx.execute(
        update(people).where(people.c.id == person.id).values(password_hash=hash_password(password))
    )
    tx.execute(delete(sessions).where(sessions.c.person_id == person.id))
    record_audit(
        tx,
        shop_id=None,
        actor=Actor("person", str(person.id), person.name),
        action="person.change_password",
        subject=outward("per", person.id),
        before=None,
        after=None,
        now=now,
    )
    return _open_session(tx, person=person, now=now)


def change_language(tx: Connection, *, person: Person, language: str) -> None:
    """Keep the language a person reads; an unknown one changes nothing."""
    if language in LANGUAGES:
        tx.execute(update(people).where(people.c.id == person.id).values(language=language))


def _open_session(tx: Connection, *, person: Person, now: datetime) -> Session:
    tx.execute(delete(sessions).where(sessions.c.expires_at <= now))
    token, expires_at = new_token(), now + timedelta(hours=SESSION_HOURS)
    tx.execute(
        insert(sessions).values(
            token_hash=token_hash(token),
            person_id=person.id,
            created_at=now,
            seen_at=now,
            expires_at=expires_at,
        )
    )
    return Session(token, person, expires_at)


def _begin_attempt(tx: Connection, *, email: str, address: str, now: datetime) -> UUID:
    tx.execute(delete(log_in_attempts).where(log_in_attempts.c.at < now - _WINDOW))
    if tx.dialect.name == "postgresql":
        # One try at a time per account, so that tries at once are counted one after the other.
        tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(email, 7))))
    since = now - _WINDOW
    last_good = tx.execute(
        select(func.max(log_in_attempts.c.at)).where(
            log_in_attempts.c.account == email, log_in_attempts.c.is_good
        )
    ).scalar_one()
    # A good log-in clears its account, but not its address: there it may be the guesser's own.
    for column, value, free, start in (
        (log_in_attempts.c.account, email, FREE_TRIES_ACCOUNT, last_good or since),
        (log_in_attempts.c.address, address, FREE_TRIES_ADDRESS, since),
    ):
        failures, last_at = tx.execute(
            select(func.count(), func.max(log_in_attempts.c.at)).where(
                column == value, ~log_in_attempts.c.is_good, log_in_attempts.c.at > start
            )
        ).one()
        if last_at is not None:
            left = (last_at + delay(failures, free) - now).total_seconds()
            if left > 0:
                raise TooManyAttempts(seconds=math.ceil(left))
    attempt_id = uuid7(now)
    tx.execute(
        insert(log_in_attempts).values(
            id=attempt_id, account=email, address=address, at=now, is_good=False
        )
    )
    return attempt_id


def delay(failures: int, free: int) -> timedelta:
    """Return how long after the last of so many failures the next try has to wait.

    >>> [delay(n, 5).seconds for n in (4, 5, 6, 7, 50)]
    [0, 4, 8, 16, 900]
    """
    if failures < free:
        return timedelta()
    doubled = _FIRST_DELAY_SECONDS * 2 ** min(failures - free, 20)
    return timedelta(seconds=min(doubled, _DELAY_SECONDS_MAX))
