"""What proves a person beside the password, as it is kept: apps, passkeys, recovery codes."""

from uuid import UUID

from sqlalchemy import Connection, func, select

from springtide.domain.access.model import Factor, Person
from springtide.domain.access.store import (
    factors,
    memberships,
    people,
    recovery_codes,
    to_factor,
    to_person,
)
from springtide.kit.errors import N_, Refusal


class UnknownPasskey(Refusal):
    """A passkey of nobody, or one that was taken off."""

    code = "unknown_passkey"
    text = N_("Nobody here has this passkey; it may have been taken off.")


def factors_of(tx: Connection, *, person_id: UUID) -> list[Factor]:
    """Return a person's second factors, oldest first."""
    rows = tx.execute(
        select(factors).where(factors.c.person_id == person_id).order_by(factors.c.id)
    )
    return [to_factor(row) for row in rows]


def has_factor(tx: Connection, *, person_id: UUID) -> bool:
    """Tell whether a person has a second factor."""
    asked = select(factors.c.id).where(factors.c.person_id == person_id).limit(1)
    return tx.execute(asked).first() is not None


def people_with_factors(tx: Connection, *, shop_id: UUID) -> set[UUID]:
    """Return the people of a shop who have a second factor."""
    asked = (
        select(factors.c.person_id)
        .join(memberships, memberships.c.person_id == factors.c.person_id)
        .where(memberships.c.shop_id == shop_id)
    )
    return set(tx.execute(asked).scalars())


def codes_left(tx: Connection, *, person_id: UUID) -> int:
    """Return how many recovery codes a person has not used."""
    counted = (
        select(func.count())
        .select_from(recovery_codes)
        .where(recovery_codes.c.person_id == person_id, recovery_codes.c.used_at.is_(None))
    )
    return int(tx.execute(counted).scalar_one())


def passkey(tx: Connection, *, credential_id: bytes) -> tuple[Factor, Person]:
    """Return the passkey that a browser names, and whose it is; raises UnknownPasskey."""
    row = tx.execute(
        select(factors, people)
        .join(people, people.c.id == factors.c.person_id)
        .where(factors.c.credential_id == credential_id)
    ).one_or_none()
    if row is None:
        raise UnknownPasskey
    return to_factor(row), to_person(row)
