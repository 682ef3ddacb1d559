"""Writing API keys."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from springtide.domain.access.model import PUBLISHABLE_SCOPES, Actor, ApiKey, Scope, Shop
from springtide.domain.access.operations.audit import record_audit
from springtide.domain.access.operations.names import check, checked_name
from springtide.domain.access.secrets import new_token, token_hash
from springtide.domain.access.store import api_keys, to_key
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.ids import outward, uuid7


class BadScopes(Refusal):
    """Scopes that a key of this kind may not hold, or none at all."""

    code = "bad_scopes"
    text = N_("Choose at least one scope; a publishable key may hold only {allowed}.")


def create_key(
    tx: Connection,
    *,
    shop: Shop,
    name: str,
    scopes: frozenset[Scope],
    is_publishable: bool,
    actor: Actor,
    now: datetime,
    token: str | None = None,
) -> tuple[ApiKey, str]:
    """Create an API key; return it with its token, which is not kept and shown only now.

    A ``token`` of the caller's is for keys that can be worked out again, such as the demo's.
    """
    wrong: dict[str, Refusal] = {}
    check(wrong, "name", lambda: checked_name(name))
    if not scopes or (is_publishable and not scopes <= PUBLISHABLE_SCOPES):
        wrong["scopes"] = BadScopes(allowed=", ".join(sorted(PUBLISHABLE_SCOPES)))
    if wrong:
        raise Invalid(wrong)
    token = token or new_token("pk_live_" if is_publishable else "sk_live_")
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
