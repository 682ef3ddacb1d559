"""Writing down who did what."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert

from springtide.domain.access.model import Actor
from springtide.domain.access.store import audit_log
from springtide.kit.ids import uuid7


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
