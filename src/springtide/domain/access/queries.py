"""What access knows: shops, people, keys and sessions."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, bindparam, select

from springtide.domain.access.model import (
    ApiKey,
    Caller,
    Invitation,
    Member,
    OpenSession,
    Person,
    Role,
    Shop,
)
from springtide.domain.access.secrets import token_hash
from springtide.domain.access.store import (
    api_keys,
    invitations,
    memberships,
    people,
    recoveries,
    sessions,
    shops,
    to_invitation,
    to_key,
    to_person,
    to_shop,
)
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.ids import outward

#: A session that nobody uses this long is over.
IDLE = timedelta(hours=3)
#: How long a log-in, or a confirmation since, opens what asks for a fresh one.
FRESH = timedelta(minutes=15)


# Asked at every request, so they are put together once: that is half of what they cost.
_SESSION = (
    select(people, sessions.c.seen_at, sessions.c.expires_at, sessions.c.proved_at)
    .join(sessions, sessions.c.person_id == people.c.id)
    .where(sessions.c.token_hash == bindparam("token_hash"))
)
_MEMBER = (
    select(shops, memberships.c.role)
    .join(memberships, memberships.c.shop_id == shops.c.id)
    .where(shops.c.slug == bindparam("slug"), memberships.c.person_id == bindparam("person_id"))
)
_CALLER = (
    select(api_keys, shops)
    .join(shops, shops.c.id == api_keys.c.shop_id)
    .where(api_keys.c.token_hash == bindparam("token_hash"))
)


class Standing(NamedTuple):
    """How a session stands: whose it is, when it was last seen, when the person proved it."""

    person: Person
    seen_at: datetime
    proved_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Tell whether the person proved who they are a moment ago."""
        return now - self.proved_at < FRESH


class FactorNeeded(Refusal):
    """The shop asks everybody for a second factor, and the person has none."""

    code = "factor_needed"
    status = 403
    text = N_("This shop asks everybody for a second factor. Set one up to go on.")


class RecoveryGone(Refusal):
    """A link that was used, has run out, or never was."""

    code = "recovery_gone"
    status = 404
    text = N_("This link was used, has run out, or a newer one was sent. Ask for another one.")


class NotFresh(Refusal):
    """Signed in, but the log-in is too long ago for what is asked."""

    code = "not_fresh"
    status = 403
    text = N_("Please confirm that it is you, then do it again.")


class NotSignedIn(Refusal):
    """No session, or one that ended."""

    code = "not_signed_in"
    status = 401
    text = N_("Please log in.")


class InvitationGone(Refusal):
    """A link that was used, withdrawn, replaced, has run out, or never was one."""

    code = "invitation_gone"
    status = 404
    text = N_("This invitation can no longer be used: ask the shop to send it again.")


def shop_by_slug(tx: Connection, *, slug: str) -> Shop:
    """Return a shop by its short name; raises NotFound."""
    row = tx.execute(select(shops).where(shops.c.slug == slug)).one_or_none()
    if row is None:
        raise NotFound(what="shop", key=slug[:60])
    return to_shop(row)


def shop_by_id(tx: Connection, *, shop_id: UUID) -> Shop:
    """Return a shop by its id; raises NotFound."""
    row = tx.execute(select(shops).where(shops.c.id == shop_id)).one_or_none()
    if row is None:
        raise NotFound(what="shop", key=shop_id)
    return to_shop(row)


def all_shops(tx: Connection) -> list[Shop]:
    """Return every shop of the installation, by short name."""
    return [to_shop(row) for row in tx.execute(select(shops).order_by(shops.c.slug))]


def shops_of(tx: Connection, *, person_id: UUID) -> list[tuple[Shop, Role]]:
    """Return the shops a person belongs to, with their role in each, by name."""
    rows = tx.execute(
        select(shops, memberships.c.role)
        .join(memberships, memberships.c.shop_id == shops.c.id)
        .where(memberships.c.person_id == person_id)
        .order_by(shops.c.name, shops.c.slug)
    )
    return [(to_shop(row), Role(row.role)) for row in rows]


def person_by_email(tx: Connection, *, email: str) -> Person:
    """Return a person by e-mail address, in any letter case; raises NotFound."""
    row = tx.execute(select(people).where(people.c.email == email.strip().lower())).one_or_none()
    if row is None:
        raise NotFound(what="person", key=email[:254])
    return to_person(row)


def person_by_id(tx: Connection, *, person_id: UUID) -> Person:
    """Return a person by id; raises NotFound."""
    row = tx.execute(select(people).where(people.c.id == person_id)).one_or_none()
    if row is None:
        raise NotFound(what="person", key=outward("per", person_id))
    return to_person(row)


def members_of(tx: Connection, *, shop: Shop) -> list[Member]:
    """Return the people of a shop with their roles, by name."""
    rows = tx.execute(
        select(people, memberships.c.role)
        .join(memberships, memberships.c.person_id == people.c.id)
        .where(memberships.c.shop_id == shop.id)
        .order_by(people.c.name, people.c.email)
    )
    return [Member(to_person(row), shop, Role(row.role)) for row in rows]


def invitations_of(tx: Connection, *, shop_id: UUID) -> list[Invitation]:
    """Return the open invitations of a shop, those that have run out too, by address."""
    rows = tx.execute(
        select(invitations).where(invitations.c.shop_id == shop_id).order_by(invitations.c.email)
    )
    return [to_invitation(row) for row in rows]


def invitation_behind(tx: Connection, *, token: str, now: datetime) -> tuple[Invitation, Shop]:
    """Return the open invitation that a link's token belongs to; raises InvitationGone."""
    row = tx.execute(
        select(invitations, shops)
        .join(shops, shops.c.id == invitations.c.shop_id)
        .where(invitations.c.token_hash == token_hash(token), invitations.c.expires_at > now)
    ).one_or_none()
    if row is None:
        raise InvitationGone
    return to_invitation(row), to_shop(row)


def member(tx: Connection, *, person: Person, slug: str) -> Member:
    """Return a person as member of a shop; NotFound when there is no such shop *for them*."""
    row = tx.execute(_MEMBER, {"slug": slug, "person_id": person.id}).one_or_none()
    if row is None:
        raise NotFound(what="shop", key=slug[:60])
    return Member(person, to_shop(row), Role(row.role))


def session_person(tx: Connection, *, token: str, now: datetime) -> Standing:
    """Return whose session a token is, and how it stands; raises NotSignedIn.

    A session ends at its fixed time, and earlier when it was not used for IDLE.
    """
    row = tx.execute(_SESSION, {"token_hash": token_hash(token)}).one_or_none()
    if row is None or now >= row.expires_at or now - row.seen_at >= IDLE:
        raise NotSignedIn
    return Standing(to_person(row), row.seen_at, row.proved_at)


def recovery_of(tx: Connection, *, token: str, now: datetime, for_update: bool = False) -> Person:
    """Return whose account a link recovers; raises RecoveryGone."""
    asked = (
        select(people)
        .join(recoveries, recoveries.c.person_id == people.c.id)
        .where(recoveries.c.token_hash == token_hash(token), recoveries.c.expires_at > now)
    )
    row = tx.execute(asked.with_for_update() if for_update else asked).one_or_none()
    if row is None:
        raise RecoveryGone
    return to_person(row)


def session_id_of(kept_hash: bytes) -> UUID:
    """Return what a session is called outside: a part of what is kept, which opens nothing."""
    return UUID(bytes=kept_hash[:16])


def sessions_of(tx: Connection, *, person_id: UUID, token: str, now: datetime) -> list[OpenSession]:
    """Return a person's open sessions, this one (of the token) first, then by last use."""
    rows = tx.execute(
        select(sessions)
        .where(
            sessions.c.person_id == person_id,
            sessions.c.expires_at > now,
            sessions.c.seen_at > now - IDLE,
        )
        .order_by(sessions.c.seen_at.desc(), sessions.c.created_at.desc())
    )
    this = token_hash(token)
    found = [
        OpenSession(
            id=session_id_of(row.token_hash),
            address=row.address,
            agent=row.agent,
            created_at=row.created_at,
            seen_at=row.seen_at,
            is_this=row.token_hash == this,
        )
        for row in rows
    ]
    return sorted(found, key=lambda each: not each.is_this)


def names_of_shops(tx: Connection, *, person_id: UUID) -> list[str]:
    """Return the names and short names of a person's shops: a password is none of them."""
    return [
        name for shop, _ in shops_of(tx, person_id=person_id) for name in (shop.name, shop.slug)
    ]


def caller(tx: Connection, *, token: str) -> Caller | None:
    """Return the program behind an API key, or None when no key that stands has this token.

    The door refuses one whose time is over.
    """
    found = caller_once(tx, token=token)
    return None if found is None or found.key.revoked_at is not None else found


def caller_once(tx: Connection, *, token: str) -> Caller | None:
    """Return the program behind an API key, also of one that was revoked; None for an unknown."""
    row = tx.execute(_CALLER, {"token_hash": token_hash(token)}).one_or_none()
    return None if row is None else Caller(to_key(row), to_shop(row))


def keys_of(tx: Connection, *, shop_id: UUID) -> list[ApiKey]:
    """Return the API keys of a shop, newest first; revoked ones too."""
    rows = tx.execute(
        select(api_keys).where(api_keys.c.shop_id == shop_id).order_by(api_keys.c.id.desc())
    )
    return [to_key(row) for row in rows]


def keys_near_end(
    tx: Connection, *, shop_id: UUID, now: datetime, within: timedelta
) -> list[ApiKey]:
    """Return the keys in use that end soon and have no successor, the next to end first."""
    rows = tx.execute(
        select(api_keys)
        .where(
            api_keys.c.shop_id == shop_id,
            api_keys.c.revoked_at.is_(None),
            api_keys.c.replaced_by.is_(None),
            api_keys.c.expires_at > now,
            api_keys.c.expires_at <= now + within,
        )
        .order_by(api_keys.c.expires_at)
    )
    return [to_key(row) for row in rows]
