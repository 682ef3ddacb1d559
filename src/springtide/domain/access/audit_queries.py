"""Reading the audit log, in the order of commit."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, select

from springtide.domain.access.model import Entry
from springtide.domain.access.store import audit_log, memberships, to_entry
from springtide.kit.ids import outward

#: The newest first; what has no number yet was written in this very transaction.
_NEWEST = (audit_log.c.seq.desc().nulls_first(), audit_log.c.id.desc())


def audit_page(
    tx: Connection,
    *,
    shop_id: UUID,
    limit: int = 50,
    before: UUID | None = None,
    actor_id: str | None = None,
    actions: Iterable[str] | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    with_people: bool = False,
) -> list[Entry]:
    """Return audit entries of a shop, the last committed first, committed before ``before``.

    With ``with_people`` also what happened to its people's accounts outside it. ``actions`` are
    codes; ``subject`` matches from the start; ``since`` and ``until`` are real instants, half-open.
    """
    of_shop: ColumnElement[bool] = audit_log.c.shop_id == shop_id
    if with_people:
        members = tx.execute(
            select(memberships.c.person_id).where(memberships.c.shop_id == shop_id)
        ).scalars()
        subjects = [outward("per", person_id) for person_id in members]
        of_shop |= audit_log.c.shop_id.is_(None) & audit_log.c.subject.in_(subjects)
    wanted = [of_shop]
    if before is not None:
        place = select(audit_log.c.seq).where(audit_log.c.id == before).scalar_subquery()
        wanted.append(audit_log.c.seq < place)
    if actor_id is not None:
        wanted.append(audit_log.c.actor_id == actor_id)
    if actions is not None:
        wanted.append(audit_log.c.action.in_(list(actions)))
    if subject:
        wanted.append(audit_log.c.subject.startswith(subject, autoescape=True))
    if since is not None:
        wanted.append(audit_log.c.at >= since)
    if until is not None:
        wanted.append(audit_log.c.at < until)
    rows = tx.execute(select(audit_log).where(*wanted).order_by(*_NEWEST).limit(limit))
    return [to_entry(row) for row in rows]


def personal_page(tx: Connection, *, person_id: UUID, limit: int = 20) -> list[Entry]:
    """Return what happened to a person's account lately, newest first."""
    rows = tx.execute(
        select(audit_log)
        .where(audit_log.c.subject == outward("per", person_id), audit_log.c.shop_id.is_(None))
        .order_by(*_NEWEST)
        .limit(limit)
    )
    return [to_entry(row) for row in rows]


def audit_count(tx: Connection, *, shop_id: UUID) -> int:
    """Return how many audit entries a shop has."""
    counted = select(func.count()).select_from(audit_log).where(audit_log.c.shop_id == shop_id)
    return int(tx.execute(counted).scalar_one())
