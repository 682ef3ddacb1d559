"""Proving again who one is: before what a found screen must not do, and for a new password."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, select

from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Person, Session
from springtide.domain.access.operations.audit import (
    CONFIRM_FAILED,
    record_failure,
    record_of_person,
)
from springtide.domain.access.operations.factors import WrongCode, count_code, forgive_code
from springtide.domain.access.operations.sessions import (
    Visit,
    fits_password,
    mark_proved,
    note_wrong_password,
    open_session,
    place_of,
    set_password,
)
from springtide.domain.access.operations.tries import Attempt, Guess
from springtide.domain.access.passwords import checked_password
from springtide.domain.access.proofs import has_factor
from springtide.domain.access.queries import NotFresh, names_of_shops, session_person
from springtide.domain.access.secrets import hash_password, token_hash
from springtide.domain.access.store import people
from springtide.kit.db import Database
from springtide.kit.errors import N_, Invalid, Refusal

CONFIRMED = AuditAction("person.confirm", N_("Confirmed that it is them"), AuditGroup.ACCOUNTS)
PASSWORD_CHANGED = AuditAction(
    "person.change_password", N_("Password changed"), AuditGroup.ACCOUNTS
)

#: What uses up a code in a transaction and tells whether it was a recovery code; raises WrongCode.
UseCode = Callable[[Connection], bool]


class WrongPassword(Refusal):
    """The present password was not right."""

    code = "wrong_password"
    text = N_("This is not your present password.")


def confirm(
    db: Database,
    *,
    person: Person,
    token: str,
    password: str,
    visit: Visit,
    now: datetime,
    use_code: UseCode | None = None,
) -> bool:
    """Note that the person of a session proved again who they are; tell if by a recovery code.

    Refuses WrongPassword, and whoever has a second factor without its code too (WrongCode).
    Passwords are counted for the session alone, so a stranger's cannot refuse them, and whoever
    found a screen unlocked has no more than a known browser's (see tries.py). Codes are looked at
    after a right password and counted for the account (see factors.py).
    """
    _prove_password(db, person=person, token=token, password=password, visit=visit, now=now)
    with db.read() as tx:
        needs_code = has_factor(tx, person_id=person.id)
    if not needs_code:
        db.run(
            lambda tx: confirmed(
                tx, person=person, token=token, by="password", visit=visit, now=now
            )
        )
        return False
    counted = count_code(db, person=person, now=now)
    try:

        def work(tx: Connection) -> bool:
            if use_code is None:
                raise WrongCode
            is_spare = use_code(tx)
            forgive_code(tx, counted=counted)
            confirmed(tx, person=person, token=token, by="code", visit=visit, now=now)
            return is_spare

        is_spare = db.run(work)
    except WrongCode:
        note_wrong_proof(db, person=person, action=CONFIRM_FAILED, by="code", visit=visit, now=now)
        raise
    return is_spare


def confirmed(
    tx: Connection, *, person: Person, token: str, by: str, visit: Visit, now: datetime
) -> None:
    """Note that the person of a session has proved again, and by what, who they are."""
    mark_proved(tx, token=token, now=now)
    after = {**place_of(visit), "by": by}
    record_of_person(tx, person=person, action=CONFIRMED, after=after)


def note_wrong_proof(
    db: Database, *, person: Person, action: AuditAction, by: str, visit: Visit, now: datetime
) -> None:
    """Write a wrong code or passkey into the audit log, so many an hour."""
    after = {**place_of(visit), "by": by}
    record_failure(db, person=person, action=action, after=after, now=now)


def change_password(
    db: Database,
    *,
    person: Person,
    token: str,
    present: str,
    password: str,
    visit: Visit,
    now: datetime,
) -> Session:
    """Set a new password, end all the person's sessions, and open a new one.

    Refuses (Invalid) a wrong present password or a weak new one, and too many wrong ones. The new
    session is a fresh one: so whoever has a second factor has to have shown it a moment ago
    (NotFresh).
    """
    with db.read() as tx:
        names = [person.name, *names_of_shops(tx, person_id=person.id)]
        if has_factor(tx, person_id=person.id):
            standing = session_person(tx, token=token, now=now)
            if not standing.is_fresh(now):
                raise NotFresh
    try:
        checked_password(password, email=person.email, names=names)
    except Refusal as refusal:
        raise Invalid({"password": refusal}) from None
    try:
        _prove_password(db, person=person, token=token, password=present, visit=visit, now=now)
    except WrongPassword as refusal:
        raise Invalid({"present": refusal}) from None
    made = hash_password(password)

    def work(tx: Connection) -> Session:
        set_password(tx, person=person, password_hash=made)
        record_of_person(tx, person=person, action=PASSWORD_CHANGED, after=place_of(visit))
        return open_session(tx, person=person, visit=visit, now=now)

    return db.run(work)


def _prove_password(
    db: Database, *, person: Person, token: str, password: str, visit: Visit, now: datetime
) -> None:
    with db.read() as tx:
        known_hash = tx.execute(
            select(people.c.password_hash).where(people.c.id == person.id)
        ).scalar_one()
    guess = Guess(person.email, visit.address, token_hash(token))
    # It has a session and its own wrong ones only: it is told when, and holds no page's thread.
    with Attempt(db, guess, now=now, may_wait=False) as attempt:
        if not fits_password(known_hash, password):
            note_wrong_password(db, person=person, action=CONFIRM_FAILED, visit=visit, now=now)
            raise WrongPassword
        db.run(attempt.succeed)
