"""Erasures of customers: asked for, under way (the old key is still known), done (it is not)."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from sqlalchemy import Connection, delete, insert, or_, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Shop
from springtide.domain.access.operations import record_act
from springtide.domain.customers import queries
from springtide.domain.customers.store import customers, erasures
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.ids import outward, uuid7

ERASED = AuditAction("customer.erase", N_("Erasure of a customer asked for"), AuditGroup.CUSTOMERS)


class CustomerErased(Refusal):
    """A customer who was erased, or is being erased: nothing new is kept of them."""

    code = "customer_erased"
    status = 409
    text = N_("This customer was erased meanwhile: there is nobody to give it to. Refuse it.")


class Erasure(Struct, frozen=True):
    """One erasure; ``old_key`` and ``old_email`` are forgotten when it is done."""

    id: UUID
    old_key: str | None
    old_email: str | None
    new_key: str
    erased_at: datetime | None

    @property
    def key(self) -> str:
        """The erasure as the outside sees it."""
        return outward("ers", self.id)


def begin_erasure(act: Act, *, key: str, block: bool) -> Erasure:
    """Ask for the erasure of a customer (NotFound); again while it is under way is the same one.

    With ``block`` a hash of the key stays, which keeps whoever comes with it out of outreach.
    ``now`` is the real time.
    """
    known = act.tx.execute(
        select(erasures.c.id).where(erasures.c.shop_id == act.shop.id, erasures.c.old_key == key)
    ).scalar_one_or_none()
    if known is not None:
        return erasure(act.tx, shop_id=act.shop.id, erasure_id=known)
    found = queries.customer(act.tx, shop_id=act.shop.id, key=key)
    made = uuid7(act.real_now)
    act.tx.execute(
        insert(erasures).values(
            id=made,
            shop_id=act.shop.id,
            old_key=key,
            old_email=found.email,
            new_key=outward("erased", made),
            blocked_hash=_hash(act.shop.id, key) if block else None,
            asked_at=act.real_now,
        )
    )
    # At once, so that nothing is sent to them while the rest is under way.
    act.tx.execute(
        update(customers)
        .where(customers.c.id == found.id)
        .values(
            name="", email=None, attributes={}, opted_out_at=act.real_now, opted_out_by="erasure"
        )
    )
    record_act(act, action=ERASED, subject=outward("ers", made), after={"blocked": block})
    return erasure(act.tx, shop_id=act.shop.id, erasure_id=made)


def erasure(tx: Connection, *, shop_id: UUID, erasure_id: UUID) -> Erasure:
    """Return an erasure by its id; raises NotFound."""
    row = tx.execute(
        select(erasures).where(erasures.c.id == erasure_id, erasures.c.shop_id == shop_id)
    ).one_or_none()
    if row is None:
        raise NotFound(what="erasure", key=outward("ers", erasure_id))
    return Erasure(row.id, row.old_key, row.old_email, row.new_key, row.erased_at)


def refuse_erased(tx: Connection, *, shop_id: UUID, key: str) -> None:
    """Refuse (CustomerErased) the key of a customer who is being erased, and what it became."""
    known = select(erasures.c.id).where(
        erasures.c.shop_id == shop_id, or_(erasures.c.old_key == key, erasures.c.new_key == key)
    )
    if tx.execute(known).first() is not None:
        raise CustomerErased


def forget_customer(tx: Connection, *, shop: Shop, found: Erasure, now: datetime) -> None:
    """End an erasure: the customer's row takes the new key, and the old one is known no more."""
    old = select(customers.c.id).where(
        customers.c.shop_id == shop.id, customers.c.key == found.old_key
    )
    twin = select(customers.c.id).where(
        customers.c.shop_id == shop.id, customers.c.key == found.new_key
    )
    if tx.execute(twin).first() is None:
        tx.execute(
            update(customers)
            .where(customers.c.id == old.scalar_subquery())
            .values(key=found.new_key, name="", email=None, attributes={})
        )
    else:
        tx.execute(delete(customers).where(customers.c.id == old.scalar_subquery()))
    tx.execute(
        update(erasures)
        .where(erasures.c.id == found.id)
        .values(old_key=None, old_email=None, erased_at=now)
    )


def blocked_keys(tx: Connection, *, shop_id: UUID, keys: Iterable[str]) -> set[str]:
    """Return those keys that an erasure keeps out of outreach."""
    kept = set(
        tx.execute(
            select(erasures.c.blocked_hash).where(
                erasures.c.shop_id == shop_id, erasures.c.blocked_hash.is_not(None)
            )
        ).scalars()
    )
    return {key for key in keys if _hash(shop_id, key) in kept} if kept else set()


def _hash(shop_id: UUID, key: str) -> str:
    return hashlib.blake2b(key.encode(), key=shop_id.bytes, digest_size=32).hexdigest()
