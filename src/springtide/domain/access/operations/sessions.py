"""Log-in, log-out, passwords: server-side sessions, and the browsers that people are known by."""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, delete, insert, select, update

from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Person, Session
from springtide.domain.access.operations.audit import LOG_IN_FAILED, record_of_person
from springtide.domain.access.operations.browsers import (
    forget_browsers,
    know_browser,
    known_browser,
)
from springtide.domain.access.operations.tries import Attempt, Guess, Pace, failures_of_day
from springtide.domain.access.proofs import has_factor
from springtide.domain.access.queries import session_id_of
from springtide.domain.access.secrets import (
    hash_password,
    new_token,
    nobody_hash,
    password_fits,
    token_hash,
    wants_rehash,
)
from springtide.domain.access.store import people, sessions, to_person
from springtide.kit.db import Database
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.i18n import LANGUAGES
from springtide.kit.ids import outward

LOGGED_IN = AuditAction("person.log_in", N_("Logged in"), AuditGroup.ACCOUNTS)
LOGGED_OUT = AuditAction("person.log_out", N_("Logged out"), AuditGroup.ACCOUNTS)
SESSIONS_ENDED = AuditAction("person.end_sessions", N_("Sessions ended"), AuditGroup.ACCOUNTS)

SESSION_HOURS = 12
_PASSWORD_READ_MAX = 1000
_ADDRESS_MAX, _AGENT_MAX = 64, 200
_FAILURES_NOTED_EACH = 5
_FAILURES_NOTED = frozenset(10 * 2**step for step in range(9))


class WrongLogIn(Refusal):
    """The e-mail address is unknown or the password wrong; which one is not said."""

    code = "wrong_log_in"
    status = 422
    text = N_("This e-mail address and password do not fit together.")


class SecondFactorNeeded(Refusal):
    """The password was right and is not all; ``proof`` tells which password it was."""

    code = "second_factor_needed"
    status = 401
    text = N_("Now your second factor, please.")

    def __init__(self, person: Person, proof: str) -> None:
        self.person = person
        self.proof = proof
        super().__init__()


@dataclass(frozen=True, slots=True)
class Visit:
    """Where a log-in comes from: network address, browser's name, its token if it has one."""

    address: str
    agent: str = ""
    browser: str = ""


def log_in(
    db: Database,
    *,
    email: str,
    password: str,
    visit: Visit,
    now: datetime,
    pace: Pace | None = None,
) -> Session:
    """Open a session; refuses with WrongLogIn, or as an Attempt does (see tries.py).

    Raises SecondFactorNeeded where the password was right and is not all.

    Takes the database and not a transaction: the try must be on record before the password is
    looked at and stays when it fails, and hashing must not hold SQLite's only write lock. Blocks
    while it waits for its turn, so pages call it from a thread of its own.
    """
    email = email.strip().lower()[:254]
    # Made now, so that the first unknown address does not take longer than a known one.
    no_hash = nobody_hash()
    with db.read() as tx:
        row = _person_row(tx, email)
        browser = None if row is None else known_browser(tx, row.id, visit.browser, now)
    guess = Guess(email, visit.address, browser)
    with Attempt(db, guess, now=now, may_wait=True, pace=pace) as attempt:
        # Once more where another log-in renewed the hash, or the password changed, meanwhile.
        for _ in range(2):
            with db.read() as tx:
                row = _person_row(tx, email)
            known_hash = no_hash if row is None else row.password_hash
            fits = fits_password(known_hash, password, is_known=browser is not None)
            if row is None:
                raise WrongLogIn
            if not fits:
                note_wrong_password(
                    db, person=to_person(row), action=LOG_IN_FAILED, visit=visit, now=now
                )
                raise WrongLogIn
            renewed = hash_password(password) if wants_rehash(known_hash) else known_hash
            person = to_person(row)
            right = partial(_right, person=person, was=known_hash, renewed=renewed, visit=visit)
            done = db.run(partial(right, attempt=attempt, now=now))
            if isinstance(done, Session):
                return done
            if done:
                raise SecondFactorNeeded(person, _proof_of(renewed))
        raise WrongLogIn


def _right(
    tx: Connection,
    *,
    attempt: Attempt,
    person: Person,
    was: str,
    renewed: str,
    visit: Visit,
    now: datetime,
) -> Session | bool:
    """Let a right password in, or tell whether it still is the one that was looked at."""
    kept = tx.execute(
        update(people)
        .where(people.c.id == person.id, people.c.password_hash == was)
        .values(password_hash=renewed)
    )
    if not kept.rowcount:
        return False
    attempt.succeed(tx)
    return True if has_factor(tx, person_id=person.id) else _come_in(tx, person, visit, now)


def enter(
    tx: Connection, *, person: Person, visit: Visit, now: datetime, proof: str | None = None
) -> Session:
    """Open the session of a person whose factors were all right.

    ``proof`` is what a right password was kept by until then; refuses (WrongLogIn) one that was
    changed meanwhile.
    """
    kept = tx.execute(select(people.c.password_hash).where(people.c.id == person.id)).scalar_one()
    if proof is not None and not hmac.compare_digest(proof, _proof_of(kept)):
        raise WrongLogIn
    return _come_in(tx, person, visit, now)


def _proof_of(password_hash: str) -> str:
    return token_hash(password_hash).hex()[:32]


def _come_in(tx: Connection, person: Person, visit: Visit, now: datetime) -> Session:
    record_of_person(tx, person=person, action=LOGGED_IN, after=place_of(visit))
    return open_session(tx, person=person, visit=visit, now=now)


def note_wrong_password(
    db: Database, *, person: Person, action: AuditAction, visit: Visit, now: datetime
) -> None:
    """Write a wrong password into the audit log: the first five of a day, then at 10, 20, 40, …"""
    with db.read() as tx:
        count = failures_of_day(tx, account=person.email, now=now)
    if count > _FAILURES_NOTED_EACH and count not in _FAILURES_NOTED:
        return

    def work(tx: Connection) -> None:
        after = {**place_of(visit), "wrong_passwords_today": count}
        record_of_person(tx, person=person, action=action, after=after)

    db.run(work)


def place_of(visit: Visit) -> dict[str, str]:
    """Return where a visit came from, as the audit log tells it."""
    return {"address": visit.address[:_ADDRESS_MAX], "browser": _line(visit.agent)[:_AGENT_MAX]}


def _person_of(tx: Connection, token: str) -> Person | None:
    row = tx.execute(
        select(people)
        .join(sessions, sessions.c.person_id == people.c.id)
        .where(sessions.c.token_hash == token_hash(token))
    ).one_or_none()
    return None if row is None else to_person(row)


def _person_row(tx: Connection, email: str) -> Row[Any] | None:
    return tx.execute(select(people).where(people.c.email == email)).one_or_none()


def mark_proved(tx: Connection, *, token: str, now: datetime) -> None:
    """Note that the person of a session has proved again who they are."""
    tx.execute(
        update(sessions).where(sessions.c.token_hash == token_hash(token)).values(proved_at=now)
    )


def log_out(tx: Connection, *, token: str, now: datetime) -> None:
    """End the session of a token; an unknown one is no error."""
    person = _person_of(tx, token)
    if person is not None:
        record_of_person(tx, person=person, action=LOGGED_OUT)
        tx.execute(delete(sessions).where(sessions.c.token_hash == token_hash(token)))


def end_session(tx: Connection, *, person: Person, session_id: UUID, now: datetime) -> None:
    """End one of a person's sessions; its browser is a stranger's until it logs in again."""
    for kept in tx.execute(select(sessions).where(sessions.c.person_id == person.id)).all():
        if session_id_of(kept.token_hash) == session_id:
            tx.execute(delete(sessions).where(sessions.c.token_hash == kept.token_hash))
            forget_browsers(tx, person_id=person.id, only=kept.browser)
            ended = {"address": kept.address, "browser": kept.agent}
            record_of_person(tx, person=person, action=SESSIONS_ENDED, after=ended)
            return
    raise NotFound(what="session", key=outward("ses", session_id))


def end_other_sessions(tx: Connection, *, person: Person, token: str, now: datetime) -> int:
    """End every session of a person but this one, forget their other browsers; return how many."""
    this = tx.execute(
        select(sessions.c.browser).where(sessions.c.token_hash == token_hash(token))
    ).scalar()
    ended = tx.execute(
        delete(sessions).where(
            sessions.c.person_id == person.id, sessions.c.token_hash != token_hash(token)
        )
    )
    forget_browsers(tx, person_id=person.id, but=this)
    count = ended.rowcount
    record_of_person(tx, person=person, action=SESSIONS_ENDED, after={"sessions": count})
    return count


def mark_session_seen(tx: Connection, *, token: str, now: datetime) -> None:
    """Note that a session is in use, which keeps it from going idle."""
    tx.execute(
        update(sessions).where(sessions.c.token_hash == token_hash(token)).values(seen_at=now)
    )


def set_password(tx: Connection, *, person: Person, password_hash: str) -> None:
    """Keep a new password's hash; every session ends and every browser is a stranger's again."""
    tx.execute(update(people).where(people.c.id == person.id).values(password_hash=password_hash))
    tx.execute(delete(sessions).where(sessions.c.person_id == person.id))
    forget_browsers(tx, person_id=person.id)


def change_language(tx: Connection, *, person: Person, language: str) -> None:
    """Keep the language a person reads; an unknown one changes nothing."""
    if language in LANGUAGES:
        tx.execute(update(people).where(people.c.id == person.id).values(language=language))


def open_session(tx: Connection, *, person: Person, visit: Visit, now: datetime) -> Session:
    """Open a session of a person who has proved who they are, and know their browser from now."""
    tx.execute(delete(sessions).where(sessions.c.expires_at <= now))
    token, expires_at = new_token(), now + timedelta(hours=SESSION_HOURS)
    browser = know_browser(tx, person.id, visit.browser, now)
    tx.execute(
        insert(sessions).values(
            token_hash=token_hash(token),
            person_id=person.id,
            created_at=now,
            seen_at=now,
            expires_at=expires_at,
            proved_at=now,
            address=visit.address[:_ADDRESS_MAX],
            agent=_line(visit.agent)[:_AGENT_MAX],
            browser=token_hash(browser),
        )
    )
    return Session(token, person, expires_at, browser)


def fits_password(known_hash: str, password: str, *, is_known: bool = True) -> bool:
    """Tell whether a password is the one behind a hash; what is longer than any is none."""
    return len(password) <= _PASSWORD_READ_MAX and password_fits(
        known_hash, password, is_known=is_known
    )


def _line(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
