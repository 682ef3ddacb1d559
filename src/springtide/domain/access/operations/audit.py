"""Writing down who did what."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, func, insert, select

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Member, Person, Shop
from springtide.domain.access.queries import shop_by_id
from springtide.domain.access.store import audit_log
from springtide.kit.db import Database, real_now
from springtide.kit.errors import N_
from springtide.kit.ids import floor7, outward, uuid7

#: So many refusals of one person in one shop are written down within an hour.
REFUSALS_AN_HOUR = 20
_HOUR = timedelta(hours=1)
_REFUSED = AuditAction("access.refused", N_("Refused: not allowed"), AuditGroup.REFUSALS)
#: Calls of the API that were refused to a key, counted.
API_REFUSED = AuditAction(
    "access.api_refused", N_("Refused: calls of the API"), AuditGroup.REFUSALS
)
_LINK_REFUSED = AuditAction(
    "invitation.refused",
    N_("Invitation refused: over, or of another address"),
    AuditGroup.TEAM,
)
#: What was tried in vain: a log-in, a confirmation, a link for a new password.
LOG_IN_FAILED = AuditAction(
    "person.log_in_failed", N_("Wrong password, code or passkey"), AuditGroup.ACCOUNTS
)
CONFIRM_FAILED = AuditAction(
    "person.confirm_failed", N_("Confirmation refused"), AuditGroup.ACCOUNTS
)
RECOVER_FAILED = AuditAction(
    "person.recover_failed", N_("Link for a new password came too late"), AuditGroup.ACCOUNTS
)


def record_audit(
    tx: Connection,
    *,
    shop: Shop | UUID | None,
    actor: Actor,
    action: AuditAction,
    subject: str,
    before: Any = None,
    after: Any = None,
) -> None:
    """Write down who did what to which subject, before and after, and when it truly happened.

    A shop's simulated clock is told beside the real instant; of a shop known by its id alone it
    is looked up. Entries are read in the order in which their transactions were committed.
    """
    at = real_now(tx)
    if isinstance(shop, UUID):
        shop = shop_by_id(tx, shop_id=shop)
    tx.execute(
        insert(audit_log).values(
            id=uuid7(at),
            shop_id=shop and shop.id,
            at=at,
            shop_at=shop.now(at) if shop and shop.clock else None,
            actor_kind=actor.kind,
            actor_id=actor.id[:80],
            actor_name=actor.name[:120],
            action=action.code,
            subject=subject[:200],
            before=before,
            after=after,
        )
    )


def record_act(
    act: Act, *, action: AuditAction, subject: str, before: Any = None, after: Any = None
) -> None:
    """Write down an act: what ``record_audit`` writes, of its shop and actor."""
    record_audit(
        act.tx,
        shop=act.shop,
        actor=act.actor,
        action=action,
        subject=subject,
        before=before,
        after=after,
    )


def record_refusal(
    tx: Connection, *, member: Member, path: str, permission: str, now: datetime
) -> None:
    """Write down that a member asked for what their role may not do; of one, so many an hour."""
    mine = audit_log.c.actor_id == member.actor.id
    if _is_room(tx, audit_log.c.shop_id == member.shop.id, mine, action=_REFUSED, now=now):
        record_audit(
            tx,
            shop=member.shop,
            actor=member.actor,
            action=_REFUSED,
            subject=path,
            after={"permission": permission},
        )


def record_of_person(
    tx: Connection,
    *,
    person: Person,
    action: AuditAction,
    after: Any = None,
    actor: Actor | None = None,
) -> None:
    """Write down what happened to a person's account, outside any shop.

    The person sees it with their account, and the owners of their shops in the audit log. Without
    an ``actor`` the person did it, or it was done in their name.
    """
    record_audit(
        tx,
        shop=None,
        actor=actor or Actor("person", str(person.id), person.name),
        action=action,
        subject=outward("per", person.id),
        after=after,
    )


def record_failure(
    db: Database, *, person: Person, action: AuditAction, now: datetime, after: Any = None
) -> None:
    """Write down what was tried in vain on a person's account; of each kind, so many an hour."""
    account = audit_log.c.subject == outward("per", person.id)
    which = (audit_log.c.shop_id.is_(None), account)
    # Asked before the write lock: what is tried on and on costs the others nothing.
    with db.read() as tx:
        if not _is_room(tx, *which, action=action, now=now):
            return

    def work(tx: Connection) -> None:
        if _is_room(tx, *which, action=action, now=now):
            record_of_person(tx, person=person, action=action, after=after)

    db.run(work)


def record_refused_link(
    db: Database, *, shop_id: UUID, subject: str, actor: Actor, after: Any, now: datetime
) -> None:
    """Write down that an invitation was refused to whoever held its link; of each, so many an hour.

    ``subject`` is the invitation.
    """
    which = (audit_log.c.shop_id == shop_id, audit_log.c.subject == subject)
    with db.read() as tx:
        if not _is_room(tx, *which, action=_LINK_REFUSED, now=now):
            return

    def work(tx: Connection) -> None:
        if _is_room(tx, *which, action=_LINK_REFUSED, now=now):
            record_audit(
                tx, shop=shop_id, actor=actor, action=_LINK_REFUSED, subject=subject, after=after
            )

    db.run(work)


def _is_room(
    tx: Connection, *which: ColumnElement[bool], action: AuditAction, now: datetime
) -> bool:
    """Tell whether the last hour holds fewer of such entries than are written down."""
    kept = tx.execute(
        select(func.count())
        .select_from(audit_log)
        .where(
            *which,
            # Ids begin with their time, so the index leads to the last hour.
            audit_log.c.id > floor7(now - _HOUR),
            audit_log.c.at > now - _HOUR,
            audit_log.c.action == action.code,
        )
    ).scalar_one()
    return int(kept) < REFUSALS_AN_HOUR
