"""Writing API keys."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import PUBLISHABLE_SCOPES, ApiKey, Scope
from springtide.domain.access.operations.audit import record_act
from springtide.domain.access.operations.names import check, checked_name
from springtide.domain.access.secrets import new_token, token_hash
from springtide.domain.access.store import api_keys, to_key
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.ids import outward, uuid7

CREATED = AuditAction("key.create", N_("API key made"), AuditGroup.KEYS)
ROTATED = AuditAction("key.rotate", N_("API key renewed"), AuditGroup.KEYS)
REVOKED = AuditAction("key.revoke", N_("API key revoked"), AuditGroup.KEYS)


class BadScopes(Refusal):
    """Scopes that a key of this kind may not hold, or none at all."""

    code = "bad_scopes"
    text = N_("Choose at least one scope; a publishable key may hold only {allowed}.")


#: How long a new key lives unless its maker says otherwise, and at most.
KEY_DAYS, KEY_DAYS_MAX = 365, 730
#: How long the old key of a rotation may go on, in hours.
ROTATION_HOURS, ROTATION_HOURS_MAX = 24, 168


class BadKeyTime(Refusal):
    """A life of a key that is no choice."""

    code = "bad_key_time"
    text = N_("A key lives 1 to {most} days, or without an end.")


class BadOverlap(Refusal):
    """More time for the old key of a rotation than there is, or none."""

    code = "bad_key_overlap"
    text = N_("The old key goes on for 1 to {most} hours.")


class KeyIsOver(Refusal):
    """A key that no longer opens anything, or has its successor already, cannot be renewed."""

    code = "key_is_over"
    status = 409
    text = N_("The key “{name}” is over or has a successor already: make a new key.")


def create_key(
    act: Act,
    *,
    name: str,
    scopes: frozenset[Scope],
    is_publishable: bool,
    days: int | None = None,
    token: str | None = None,
) -> tuple[ApiKey, str]:
    """Create an API key; return it with its token, which is not kept and shown only now.

    It opens nothing any more after so many ``days``; without them it has no end.
    A ``token`` of the caller's is for keys that can be worked out again, such as the demo's.
    """
    wrong: dict[str, Refusal] = {}
    check(wrong, "name", lambda: checked_name(name))
    if not scopes or (is_publishable and not scopes <= PUBLISHABLE_SCOPES):
        wrong["scopes"] = BadScopes(allowed=", ".join(sorted(PUBLISHABLE_SCOPES)))
    if days is not None and not 1 <= days <= KEY_DAYS_MAX:
        wrong["days"] = BadKeyTime(most=KEY_DAYS_MAX)
    if wrong:
        raise Invalid(wrong)
    token = token or new_token("pk_live_" if is_publishable else "sk_live_")
    values = {
        "id": uuid7(act.real_now),
        "shop_id": act.shop.id,
        "name": name.strip(),
        "prefix": token[:14],
        "is_publishable": is_publishable,
        "scopes": sorted(scopes),
        "created_at": act.real_now,
        "expires_at": None if days is None else act.real_now + timedelta(days=days),
    }
    row = act.tx.execute(
        insert(api_keys).values(token_hash=token_hash(token), **values).returning(api_keys)
    ).one()
    key = to_key(row)
    record_act(
        act,
        action=CREATED,
        subject=outward("key", key.id),
        after={
            "name": key.name,
            "prefix": key.prefix,
            "scopes": sorted(scopes),
            "expires_at": key.expires_at and key.expires_at.isoformat(),
        },
    )
    return key, token


def rotate_key(act: Act, *, key_id: UUID, hours: int = ROTATION_HOURS) -> tuple[ApiKey, str]:
    """Give a key a successor that may do the same; the old one goes on for so many hours.

    The successor lives as long from now as the old one did from its making. Refuses BadOverlap,
    KeyIsOver.
    """
    if not 1 <= hours <= ROTATION_HOURS_MAX:
        raise BadOverlap(most=ROTATION_HOURS_MAX)
    row = act.tx.execute(
        select(api_keys)
        .where(api_keys.c.id == key_id, api_keys.c.shop_id == act.shop.id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(what="key", key=outward("key", key_id))
    old = to_key(row)
    if old.revoked_at is not None or old.is_expired(act.real_now) or old.replaced_by is not None:
        raise KeyIsOver(name=old.name)
    days = None
    if old.expires_at is not None:
        days = min(max((old.expires_at - old.created_at).days, 1), KEY_DAYS_MAX)
    new, token = create_key(
        act, name=old.name, scopes=old.scopes, is_publishable=old.is_publishable, days=days
    )
    until = act.real_now + timedelta(hours=hours)
    ends_at = min(old.expires_at, until) if old.expires_at else until
    act.tx.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id)
        .values(expires_at=ends_at, replaced_by=new.id)
    )
    record_act(
        act,
        action=ROTATED,
        subject=outward("key", key_id),
        before={"name": old.name, "prefix": old.prefix},
        after={"prefix": new.prefix, "old_ends_at": ends_at.isoformat()},
    )
    return new, token


def revoke_key(act: Act, *, key_id: UUID) -> None:
    """Make a key useless from now on; revoking it again changes nothing."""
    row = act.tx.execute(
        select(api_keys).where(api_keys.c.id == key_id, api_keys.c.shop_id == act.shop.id)
    ).one_or_none()
    if row is None:
        raise NotFound(what="key", key=outward("key", key_id))
    if row.revoked_at is not None:
        return
    act.tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=act.real_now))
    record_act(
        act,
        action=REVOKED,
        subject=outward("key", key_id),
        before={"name": row.name, "prefix": row.prefix},
    )


def mark_key_used(tx: Connection, *, key_id: UUID, now: datetime) -> None:
    """Note that a key was used."""
    tx.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))
