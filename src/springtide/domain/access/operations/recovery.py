"""Recovering an account: a link that works once, for whoever reads the account's mail."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select

from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Person
from springtide.domain.access.operations.audit import (
    RECOVER_FAILED,
    record_failure,
    record_of_person,
)
from springtide.domain.access.operations.sessions import Visit, place_of, set_password
from springtide.domain.access.passwords import checked_password
from springtide.domain.access.queries import names_of_shops, person_by_email, recovery_of
from springtide.domain.access.secrets import hash_password, new_token, token_hash
from springtide.domain.access.store import people, recoveries, recovery_asks, sessions, to_person
from springtide.kit.addresses import network_of
from springtide.kit.db import Database
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import uuid7

LINK_MADE = AuditAction(
    "person.recovery_link", N_("Link for a new password made"), AuditGroup.ACCOUNTS
)
RECOVERED = AuditAction("person.recover", N_("Password recovered"), AuditGroup.ACCOUNTS)

RECOVERY_MINUTES = 30
#: Links that an account is sent, and asks that a network has, within an hour.
ASKS_ACCOUNT, ASKS_NETWORK = 3, 20
_HOUR = timedelta(hours=1)


class TooManyRecoveries(Refusal):
    """More asks for new passwords from one network than people have."""

    code = "too_many_recoveries"
    status = 429
    text = N_("Too many new passwords were asked for from here. Please try again in an hour.")


def count_recovery(tx: Connection, *, email: str, address: str, now: datetime) -> bool:
    """Count an ask; tell whether the account may be sent another link (known or not).

    Refuses (TooManyRecoveries) a network beyond its part.
    """
    account, network = email.strip().lower()[:254], network_of(address)
    asks = recovery_asks.c
    tx.execute(delete(recovery_asks).where(asks.at < now - _HOUR))
    counted = select(func.count()).select_from(recovery_asks)
    if tx.execute(counted.where(asks.network == network)).scalar_one() >= ASKS_NETWORK:
        raise TooManyRecoveries
    before = tx.execute(counted.where(asks.account == account)).scalar_one()
    row = {"id": uuid7(now), "account": account, "network": network, "at": now}
    tx.execute(insert(recovery_asks).values(**row))
    return int(before) < ASKS_ACCOUNT


def close_every_door(tx: Connection) -> None:
    """End all sessions and links of recovery: after a restore, ended and used ones are back."""
    tx.execute(delete(sessions))
    tx.execute(delete(recoveries))


def begin_recovery(
    tx: Connection, *, email: str, now: datetime, actor: Actor | None = None
) -> tuple[Person, str] | None:
    """Make a link's token for whoever has the address; None where nobody does.

    An older link of the person is over: at any time one works.
    """
    account = email.strip().lower()[:254]
    row = tx.execute(select(people).where(people.c.email == account)).one_or_none()
    if row is None:
        return None
    person, token = to_person(row), new_token()
    gone = (recoveries.c.person_id == person.id) | (recoveries.c.expires_at <= now)
    tx.execute(delete(recoveries).where(gone))
    tx.execute(
        insert(recoveries).values(
            token_hash=token_hash(token),
            person_id=person.id,
            expires_at=now + timedelta(minutes=RECOVERY_MINUTES),
        )
    )
    record_of_person(tx, person=person, action=LINK_MADE, actor=actor)
    return person, token


def recover(db: Database, *, token: str, password: str, visit: Visit, now: datetime) -> Person:
    """Set a new password by a link; every session ends, and the link is used up.

    A second factor stays what it is: the link is no way around it. Refuses RecoveryGone, and
    (Invalid) a weak password.
    """
    with db.read() as tx:
        person = recovery_of(tx, token=token, now=now)
        names = [person.name, *names_of_shops(tx, person_id=person.id)]
    try:
        checked_password(password, email=person.email, names=names)
    except Refusal as refusal:
        raise Invalid({"password": refusal}) from None
    made = hash_password(password)

    def work(tx: Connection) -> Person:
        # Once more, in the transaction that uses it up: of two at once one gets it.
        person = recovery_of(tx, token=token, now=now, for_update=True)
        tx.execute(delete(recoveries).where(recoveries.c.person_id == person.id))
        set_password(tx, person=person, password_hash=made)
        record_of_person(tx, person=person, action=RECOVERED, after=place_of(visit))
        return person

    return db.run(work)


def note_refused_recovery(db: Database, *, token: str, visit: Visit, now: datetime) -> None:
    """Write down that a link came too late; whose one was that is used or unknown, none can say."""
    with db.read() as tx:
        row = tx.execute(
            select(people)
            .join(recoveries, recoveries.c.person_id == people.c.id)
            .where(recoveries.c.token_hash == token_hash(token))
        ).one_or_none()
    if row is not None:
        person, after = to_person(row), place_of(visit)
        record_failure(db, person=person, action=RECOVER_FAILED, after=after, now=now)


def reset_password(
    db: Database, *, email: str, password: str, actor: Actor, now: datetime
) -> Person:
    """Set a person's password from the command line; every session ends.

    Raises NotFound, and (Invalid) for a weak password.
    """
    with db.read() as tx:
        person = person_by_email(tx, email=email)
        names = [person.name, *names_of_shops(tx, person_id=person.id)]
    try:
        checked_password(password, email=person.email, names=names)
    except Refusal as refusal:
        raise Invalid({"password": refusal}) from None
    made = hash_password(password)

    def work(tx: Connection) -> None:
        tx.execute(delete(recoveries).where(recoveries.c.person_id == person.id))
        set_password(tx, person=person, password_hash=made)
        record_of_person(tx, person=person, action=RECOVERED, actor=actor)

    db.run(work)
    return person
