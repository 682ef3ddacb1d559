"""Erasing a person of the team: who they were goes, what they did stays under a neutral name."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    cast,
    delete,
    insert,
    or_,
    select,
    update,
)

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Person
from springtide.domain.access.operations.audit import record_audit
from springtide.domain.access.operations.people import remove_member
from springtide.domain.access.queries import shops_of
from springtide.domain.access.store import (
    audit_erasing,
    audit_log,
    invitations,
    people,
    sessions,
)
from springtide.kit.db import metadata
from springtide.kit.errors import N_
from springtide.kit.ids import outward, uuid7

ERASED = AuditAction("person.erase", N_("Person of the team erased"), AuditGroup.ACCOUNTS)

#: Columns of other tables that point at a person; what stands there is theirs and goes.
_OWN = "person_id"
#: Tables that note what was tried or asked for an address.
_ASKED = ("log_in_attempts", "recovery_asks")
#: Columns that say by name who did something, and one that keeps a whole actor.
_BY = ("actor", "done_by", "invited_by", "requested_by", "decided_by", "waived_by")
_PLANNED = "planned_by"
#: How a table without a shop leads to one that has it.
_PARENTS = {"campaign_id": "campaigns", "rule_id": "price_rules", "task_id": "campaign_tasks"}
# No password has this hash.
_NO_HASH = "!"


@contextmanager
def rewriting_audit(tx: Connection, now: datetime) -> Iterator[None]:
    """Open the audit log for this transaction alone, to take a person's data out of it."""
    mark = uuid7(now)
    tx.execute(insert(audit_erasing).values(id=mark))
    yield
    tx.execute(delete(audit_erasing).where(audit_erasing.c.id == mark))


def erase_person(tx: Connection, *, person: Person, actor: Actor, now: datetime) -> str:
    """Take a person out of all shops and erase who they were; return their neutral name.

    Refuses (LastOwner) while a shop would be left without an owner. Again changes nothing.
    """
    key = outward("per", person.id)
    neutral = f"Former member {key[-6:]}"
    shops = [shop for shop, _ in shops_of(tx, person_id=person.id)]
    _rename_elsewhere(tx, person, neutral, [shop.id for shop in shops])
    for shop in shops:
        remove_member(Act(tx, shop, actor, now, now), person=person)
    tx.execute(delete(sessions).where(sessions.c.person_id == person.id))
    for table in metadata.tables.values():
        if _OWN in table.c and table.name not in ("sessions", "memberships"):
            tx.execute(delete(table).where(table.c[_OWN] == person.id))
        if table.name in _ASKED:
            tx.execute(delete(table).where(table.c.account == person.email))
    tx.execute(delete(invitations).where(invitations.c.email == person.email))
    tx.execute(
        update(people)
        .where(people.c.id == person.id)
        .values(email=f"{key}@erased.invalid", name=neutral, password_hash=_NO_HASH)
    )
    with rewriting_audit(tx, now):
        _rewrite(tx, person, neutral)
    is_self = actor.id == str(person.id)
    record_audit(
        tx,
        shop=None,
        actor=Actor(actor.kind, actor.id, neutral) if is_self else actor,
        action=ERASED,
        subject=key,
        after={"name": neutral},
    )
    return neutral


def _rename_elsewhere(tx: Connection, person: Person, neutral: str, shops: list[UUID]) -> None:
    """Put the neutral name where other tables of the person's shops say who did something."""
    for table in metadata.tables.values():
        of_shops = _within(table, shops)
        if of_shops is not None:
            for name in [each for each in _BY if each in table.c]:
                for told in ("{}", "person: {}"):
                    tx.execute(
                        update(table)
                        .where(of_shops, table.c[name] == told.format(person.name))
                        .values({name: told.format(neutral)})
                    )
        if _PLANNED in table.c:
            who = table.c[_PLANNED]
            rows = tx.execute(
                select(table.c.id, who).where(cast(who, Text).contains(str(person.id)))
            ).all()
            for row in rows:
                tx.execute(
                    update(table)
                    .where(table.c.id == row.id)
                    .values({_PLANNED: {**row[1], "name": neutral}})
                )


def _within(table: Table, shops: list[UUID]) -> ColumnElement[bool] | None:
    if "shop_id" in table.c:
        return table.c.shop_id.in_(shops)
    for column, parent in _PARENTS.items():
        if column in table.c and parent in metadata.tables:
            above = metadata.tables[parent]
            inside = _within(above, shops)
            if inside is not None:
                return table.c[column].in_(select(above.c.id).where(inside))
    return None


def _rewrite(tx: Connection, person: Person, neutral: str) -> None:
    tx.execute(
        update(audit_log).where(audit_log.c.actor_id == str(person.id)).values(actor_name=neutral)
    )
    columns = (audit_log.c.before, audit_log.c.after)
    found = tx.execute(
        select(audit_log.c.id, audit_log.c.actor_name, audit_log.c.subject, *columns).where(
            or_(
                *(
                    cast(column, Text).contains(json.dumps(told)[1:-1], autoescape=True)
                    for column in (audit_log.c.actor_name, audit_log.c.subject, *columns)
                    for told in (person.email, person.name)
                )
            )
        )
    ).all()
    for row in found:
        before, after = (_without(value, person, neutral) for value in (row.before, row.after))
        named = [
            neutral if each in (person.name, person.email) else each
            for each in row.actor_name.split(" + ")
        ]
        tx.execute(
            update(audit_log)
            .where(audit_log.c.id == row.id)
            .values(
                before=before,
                after=after,
                actor_name=" + ".join(named) if len(named) > 1 else row.actor_name,
                subject=neutral if row.subject == person.email else row.subject,
            )
        )


def _without(value: Any, person: Person, neutral: str) -> Any:
    if isinstance(value, dict):
        return {name: _without(each, person, neutral) for name, each in value.items()}
    if isinstance(value, list):
        return [_without(each, person, neutral) for each in value]
    return neutral if value in (person.email, person.name) else value
