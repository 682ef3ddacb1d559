"""What access changes: shops, people, roles, keys; every write leaves an audit entry."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update

from springtide.domain.access.model import (
    PUBLISHABLE_SCOPES,
    Actor,
    ApiKey,
    Person,
    Role,
    Scope,
    Shop,
)
from springtide.domain.access.passwords import checked_password
from springtide.domain.access.secrets import hash_password, new_token, token_hash
from springtide.domain.access.store import (
    api_keys,
    audit_log,
    memberships,
    people,
    sessions,
    shops,
    to_key,
)
from springtide.kit.errors import N_, Conflict, Invalid, NotFound, Refusal
from springtide.kit.i18n import LANGUAGES
from springtide.kit.ids import outward, uuid7
from springtide.kit.time import SimulatedClock, zone

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")
_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(?:\.[^@\s\x00-\x1f.]+)+")
_NAME_MAX = 120
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadSlug(Refusal):
    """A short name that would not stand well in an address."""

    code = "bad_slug"
    text = N_("“{value}” is no short name: use 1 to 60 of a-z, 0-9 and - inside.")


class BadEmail(Refusal):
    """A text that is not an e-mail address."""

    code = "bad_email"
    text = N_("“{value}” is not an e-mail address.")


class BadName(Refusal):
    """A name that is empty, too long, or holds control characters."""

    code = "bad_name"
    text = N_("A name has 1 to {max} characters on one line.")


class BadCurrency(Refusal):
    """A text that is not a currency code."""

    code = "bad_currency"
    text = N_("“{value}” is not a currency code of three letters, such as CNY.")


class BadScopes(Refusal):
    """Scopes that a key of this kind may not hold, or none at all."""

    code = "bad_scopes"
    text = N_("Choose at least one scope; a publishable key may hold only {allowed}.")


class LastOwner(Refusal):
    """Without an owner nobody could let people in again."""

    code = "last_owner"
    status = 409
    text = N_("A shop keeps at least one owner: name another one first.")


def record_audit(
    tx: Connection,
    *,
    shop_id: UUID | None,
    actor: Actor,
    action: str,
    subject: str,
    before: Any,
    after: Any,
    now: datetime,
) -> None:
    """Write down who did what (``action`` as noun.verb) to which subject, before and after.

    ``now`` is the real time, not a shop's simulated one: the log tells when it truly happened.
    """
    tx.execute(
        insert(audit_log).values(
            id=uuid7(now),
            shop_id=shop_id,
            at=now,
            actor_kind=actor.kind,
            actor_id=actor.id[:80],
            actor_name=actor.name[:120],
            action=action,
            subject=subject[:200],
            before=before,
            after=after,
        )
    )


def create_shop(
    tx: Connection,
    *,
    slug: str,
    name: str,
    currency: str,
    zone_name: str,
    actor: Actor,
    now: datetime,
    is_demo: bool = False,
) -> Shop:
    """Create a shop; refuses (Invalid) bad fields and (Conflict) a taken short name."""
    wrong: dict[str, Refusal] = {}
    if not _SLUG.fullmatch(slug):
        wrong["slug"] = BadSlug(value=slug[:60])
    if not re.fullmatch("[A-Z]{3}", currency):
        wrong["currency"] = BadCurrency(value=currency[:10])
    _check(wrong, "name", lambda: _checked_name(name))
    _check(wrong, "zone", lambda: zone(zone_name))
    if wrong:
        raise Invalid(wrong)
    if tx.execute(select(shops.c.id).where(shops.c.slug == slug)).first():
        raise Conflict(why=f"shop {slug} exists")
    shop = Shop(uuid7(now), slug, name.strip(), currency, zone_name, is_demo=is_demo)
    values = {"slug": slug, "name": shop.name, "currency": currency, "zone_name": zone_name}
    tx.execute(insert(shops).values(id=shop.id, is_demo=is_demo, created_at=now, **values))
    record_audit(
        tx,
        shop_id=shop.id,
        actor=actor,
        action="shop.create",
        subject=slug,
        before=None,
        after=values,
        now=now,
    )
    return shop


def create_person(
    tx: Connection,
    *,
    email: str,
    name: str,
    password: str,
    language: str,
    actor: Actor,
    now: datetime,
) -> Person:
    """Create a person without any shop; refuses (Invalid) bad fields, (Conflict) a known e-mail."""
    email = email.strip().lower()
    wrong: dict[str, Refusal] = {}
    if len(email) > 254 or not _EMAIL.fullmatch(email):
        wrong["email"] = BadEmail(value=email[:80])
    _check(wrong, "name", lambda: _checked_name(name))
    _check(wrong, "password", lambda: checked_password(password, email=email))
    if wrong:
        raise Invalid(wrong)
    if tx.execute(select(people.c.id).where(people.c.email == email)).first():
        raise Conflict(why=f"{email} is known already")
    language = language if language in LANGUAGES else "en"
    person = Person(uuid7(now), email, name.strip(), language)
    tx.execute(
        insert(people).values(
            id=person.id,
            email=email,
            name=person.name,
            language=language,
            password_hash=hash_password(password),
            created_at=now,
        )
    )
    record_audit(
        tx,
        shop_id=None,
        actor=actor,
        action="person.create",
        subject=outward("per", person.id),
        before=None,
        after={"email": email, "name": person.name},
        now=now,
    )
    return person


def add_member(
    tx: Connection, *, shop: Shop, person: Person, role: Role, actor: Actor, now: datetime
) -> None:
    """Give a person a role in a shop, or another role than before; the last owner stays."""
    row = _membership(tx, shop.id, person.id)
    before = None if row is None else {"role": row}
    if row == role:
        return
    if row is None:
        tx.execute(
            insert(memberships).values(
                shop_id=shop.id, person_id=person.id, role=role, created_at=now
            )
        )
    else:
        if row == Role.OWNER:
            _keep_an_owner(tx, shop.id, person.id)
        tx.execute(
            update(memberships)
            .where(memberships.c.shop_id == shop.id, memberships.c.person_id == person.id)
            .values(role=role)
        )
    record_audit(
        tx,
        shop_id=shop.id,
        actor=actor,
        action="member.add" if row is None else "member.change",
        subject=outward("per", person.id),
        before=before,
        after={"email": person.email, "role": role},
        now=now,
    )


def remove_member(
    tx: Connection, *, shop: Shop, person: Person, actor: Actor, now: datetime
) -> None:
    """Take a person out of a shop; refuses the last owner (LastOwner)."""
    role = _membership(tx, shop.id, person.id)
    if role is None:
        raise NotFound(what="member", key=person.email)
    if role == Role.OWNER:
        _keep_an_owner(tx, shop.id, person.id)
    tx.execute(
        delete(memberships).where(
            memberships.c.shop_id == shop.id, memberships.c.person_id == person.id
        )
    )
    tx.execute(delete(sessions).where(sessions.c.person_id == person.id))
    record_audit(
        tx,
        shop_id=shop.id,
        actor=actor,
        action="member.remove",
        subject=outward("per", person.id),
        before={"email": person.email, "role": role},
        after=None,
        now=now,
    )


def create_key(
    tx: Connection,
    *,
    shop: Shop,
    name: str,
    scopes: frozenset[Scope],
    is_publishable: bool,
    actor: Actor,
    now: datetime,
) -> tuple[ApiKey, str]:
    """Create an API key; return it with its token, which is not kept and shown only now."""
    wrong: dict[str, Refusal] = {}
    _check(wrong, "name", lambda: _checked_name(name))
    if not scopes or (is_publishable and not scopes <= PUBLISHABLE_SCOPES):
        wrong["scopes"] = BadScopes(allowed=", ".join(sorted(PUBLISHABLE_SCOPES)))
    if wrong:
        raise Invalid(wrong)
    token = new_token("pk_live_" if is_publishable else "sk_live_")
    values = {
        "id": uuid7(now),
        "shop_id": shop.id,
        "name": name.strip(),
        "prefix": token[:14],
        "is_publishable": is_publishable,
        "scopes": sorted(scopes),
        "created_at": now,
    }
    row = tx.execute(
        insert(api_keys).values(token_hash=token_hash(token), **values).returning(api_keys)
    ).one()
    key = to_key(row)
    record_audit(
        tx,
        shop_id=shop.id,
        actor=actor,
        action="key.create",
        subject=outward("key", key.id),
        before=None,
        after={"name": key.name, "prefix": key.prefix, "scopes": sorted(scopes)},
        now=now,
    )
    return key, token


def revoke_key(tx: Connection, *, shop: Shop, key_id: UUID, actor: Actor, now: datetime) -> None:
    """Make a key useless from now on; revoking it again changes nothing."""
    row = tx.execute(
        select(api_keys).where(api_keys.c.id == key_id, api_keys.c.shop_id == shop.id)
    ).one_or_none()
    if row is None:
        raise NotFound(what="key", key=outward("key", key_id))
    if row.revoked_at is not None:
        return
    tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now))
    record_audit(
        tx,
        shop_id=shop.id,
        actor=actor,
        action="key.revoke",
        subject=outward("key", key_id),
        before={"name": row.name, "prefix": row.prefix},
        after=None,
        now=now,
    )


def mark_key_used(tx: Connection, *, key_id: UUID, now: datetime) -> None:
    """Note that a key was used."""
    tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))


def set_clock(
    tx: Connection, *, shop_id: UUID, clock: SimulatedClock | None, actor: Actor, now: datetime
) -> None:
    """Give a shop a simulated clock, or with None the real one; ``now`` is the real time."""
    tx.execute(
        update(shops)
        .where(shops.c.id == shop_id)
        .values(
            clock_shows_at=clock and clock.shows,
            clock_set_at=clock and clock.set_at,
            clock_speed=clock and clock.speed,
            clock_stops_at=clock and clock.stops_at,
        )
    )
    record_audit(
        tx,
        shop_id=shop_id,
        actor=actor,
        action="shop.set_clock",
        subject="clock",
        before=None,
        after=clock and {key: str(value) for key, value in asdict(clock).items()},
        now=now,
    )


def _check(wrong: dict[str, Refusal], field: str, check: Any) -> None:
    try:
        check()
    except Refusal as refusal:
        wrong[field] = refusal


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _NAME_MAX or _CONTROL.search(name):
        raise BadName(max=_NAME_MAX)
    return name


def _membership(tx: Connection, shop_id: UUID, person_id: UUID) -> str | None:
    role: str | None = tx.execute(
        select(memberships.c.role).where(
            memberships.c.shop_id == shop_id, memberships.c.person_id == person_id
        )
    ).scalar_one_or_none()
    return role


def _keep_an_owner(tx: Connection, shop_id: UUID, leaving: UUID) -> None:
    # Locks the owners' rows on PostgreSQL, so that two owners cannot leave at the same time.
    owners = tx.execute(
        select(memberships.c.person_id)
        .where(memberships.c.shop_id == shop_id, memberships.c.role == Role.OWNER)
        .with_for_update()
    ).scalars()
    if all(owner == leaving for owner in owners):
        raise LastOwner
