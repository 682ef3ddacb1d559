"""Writes to the customer file: bulk upsert, opting out and in again."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.operations import record_act, record_audit
from springtide.domain.customers import queries
from springtide.domain.customers.erasing import blocked_keys
from springtide.domain.customers.model import (
    KEY_LENGTH_MAX,
    NAME_LENGTH_MAX,
    BadCustomer,
    Customer,
    CustomerEntry,
    Upserted,
    checked_email,
)
from springtide.domain.customers.store import customers
from springtide.domain.facts import fact_ids
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.kit.bulk import columns_of, insert_rows, rows_by
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import outward, uuid7

UPSERTED = AuditAction("customers.upsert", N_("Customers taken in"), AuditGroup.CUSTOMERS)
OPTED_OUT = AuditAction(
    "customer.opt_out", N_("Customer opted out of messages"), AuditGroup.CUSTOMERS
)
OPTED_IN = AuditAction("customer.opt_in", N_("Customer opted in again"), AuditGroup.CUSTOMERS)

_AT_ONCE = 5_000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ATTRIBUTES_MAX = 50
_COLUMNS = [column.name for column in columns_of(customers)]
# What an entry tells of a customer.
_TOLD = ("name", "email", "attributes")
_ID, _KEY, _NAME, _EMAIL, _ATTRIBUTES = map(_COLUMNS.index, ("id", "key", *_TOLD))


def upsert_customers(act: Act, *, entries: Iterable[CustomerEntry]) -> Upserted:
    """Create or change customers by their keys, a few statements for every 5,000 of them.

    Fields that are None leave what is stored; nothing here opts anyone in. The last of several
    entries with one key counts. Refuses (BadCustomer) the first entry that cannot be stored.
    """
    total = Upserted(0, 0, 0)
    remaining = iter(entries)
    while batch := list(islice(remaining, _AT_ONCE)):
        total = total.plus(_upsert_batch(act.tx, act.shop.id, batch, act.real_now))
    if total.new or total.changed:
        record_audit(
            act.tx,
            shop=act.shop.id,
            actor=act.actor,
            action=UPSERTED,
            subject="customers",
            after={"new": total.new, "changed": total.changed, "unchanged": total.unchanged},
        )
    return total


def opt_out(act: Act, *, key: str, by: str) -> Customer:
    """Take a customer off every outreach; a second time changes nothing.

    ``by`` tells the way (such as ``link`` or ``customer service``). Writes an ``opt_out`` fact.
    """
    customer = queries.customer(act.tx, shop_id=act.shop.id, key=key)
    values = {"opted_out_at": act.now, "opted_out_by": by[:200]}
    changed = act.tx.execute(
        update(customers)
        .where(customers.c.id == customer.id, customers.c.opted_out_at.is_(None))
        .values(**values)
        .returning(customers.c.id)
    ).first()
    if changed is None:
        return customer
    fact = Fact(
        shop=act.shop.slug,
        kind="opt_out",
        occurred_at=act.now,
        source="springtide",
        external_id=fact_ids.build(
            "opt_out", str(customer.id), str(int(act.real_now.timestamp() * 1000))
        ),
        customer_key=key,
        props={"by": by[:200]},
    )
    append(act.tx, [fact], now=act.now)
    _audit_consent(act, customer, OPTED_OUT, by)
    return queries.customer(act.tx, shop_id=act.shop.id, key=key)


def opt_in(act: Act, *, key: str, by: str) -> Customer:
    """Let a customer be written to again, because they asked for it; ``by`` tells how."""
    customer = queries.customer(act.tx, shop_id=act.shop.id, key=key)
    if customer.opted_out_at is None:
        return customer
    act.tx.execute(
        update(customers)
        .where(customers.c.id == customer.id)
        .values(opted_out_at=None, opted_out_by=None)
    )
    _audit_consent(act, customer, OPTED_IN, by)
    return queries.customer(act.tx, shop_id=act.shop.id, key=key)


def _upsert_batch(
    tx: Connection, shop_id: UUID, batch: Sequence[CustomerEntry], now: datetime
) -> Upserted:
    wanted = {entry.key: checked_entry(entry) for entry in batch}
    known = {row[_KEY]: row for row in rows_by(tx, customers, "key", wanted, shop_id=shop_id)}
    nothing = {"shop_id": shop_id, "attributes": {}, "created_at": now}
    blank = [nothing.get(name) for name in _COLUMNS]
    rows, new = [], 0
    for key, entry in wanted.items():
        if before := known.get(key):
            row = _told(before, entry)
            if row == before:
                continue
        else:
            new += 1
            row = _told(blank, entry)
            row[_ID], row[_KEY] = uuid7(now), key
            row[_NAME] = key if row[_NAME] is None else row[_NAME]
        rows.append(row)
    insert_rows(tx, customers, rows, replacing=_TOLD, by=("shop_id", "key"))
    if blocked := blocked_keys(tx, shop_id=shop_id, keys=(row[_KEY] for row in rows)):
        # Whoever was erased and asked for it is written to no more, however they come back.
        tx.execute(
            update(customers)
            .where(
                customers.c.shop_id == shop_id,
                customers.c.key.in_(blocked),
                customers.c.opted_out_at.is_(None),
            )
            .values(opted_out_at=now, opted_out_by="erasure")
        )
    return Upserted(new, len(rows) - new, len(wanted) - len(rows))


def _told(before: Sequence[Any], entry: CustomerEntry) -> list[Any]:
    """Return a customer's row with what an entry tells."""
    row = list(before)
    if entry.name is not None:
        row[_NAME] = entry.name
    if entry.email is not None:
        row[_EMAIL] = entry.email
    if entry.attributes is not None:
        row[_ATTRIBUTES] = entry.attributes
    return row


def checked_entry(entry: CustomerEntry) -> CustomerEntry:
    """Return an entry as it may be stored; refuse (BadCustomer) one that may not."""
    key = entry.key
    if not key or len(key) > KEY_LENGTH_MAX or _CONTROL.search(key):
        raise BadCustomer(key=key[:60], why=f"a key has 1 to {KEY_LENGTH_MAX} characters")
    name = entry.name
    if name is not None:
        name = _CONTROL.sub(" ", name).strip() or key
        if len(name) > NAME_LENGTH_MAX:
            raise BadCustomer(key=key, why=f"the name is longer than {NAME_LENGTH_MAX}")
    if entry.attributes is not None and len(entry.attributes) > _ATTRIBUTES_MAX:
        raise BadCustomer(key=key, why=f"more than {_ATTRIBUTES_MAX} attributes")
    try:
        email = checked_email(entry.email) if entry.email else None
    except Refusal as refusal:
        raise BadCustomer(key=key, why=str(refusal)) from refusal
    return CustomerEntry(key, name, email, entry.attributes)


def _audit_consent(act: Act, customer: Customer, action: AuditAction, by: str) -> None:
    record_act(
        act,
        action=action,
        subject=outward("cus", customer.id),
        before={"opted_out_at": customer.opted_out_at and customer.opted_out_at.isoformat()},
        after={"by": by[:200]},
    )
