"""What must not go on by itself after a restore: what goes out of the house, and was due since."""

from datetime import datetime

from sqlalchemy import Connection, update

from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor
from springtide.domain.access.operations import record_audit
from springtide.domain.access.queries import all_shops
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.model import State, Trouble
from springtide.flows.timeline.store import actions
from springtide.kit.errors import N_

RESTORED = AuditAction("backup.restore", N_("Restored from a backup"), AuditGroup.DATA)

RESTORER = Actor("command", "restore", "springtide restore")
_HELD = N_(
    "This was restored from a backup of {at}, and may have gone out since. Look at what was sent; "
    "then try again to send the rest, or leave it as it is."
)


def hold_outward(tx: Connection, *, backed_up_at: datetime, now: datetime) -> int:
    """Leave to a person what goes out of the house and was due by now; return how many actions.

    It may have been done between the backup and the restore, and nothing here can tell.
    """
    kinds = [kind for kind in KINDS if KINDS[kind].is_outward]
    total = 0
    for shop in all_shops(tx):
        at = f"{backed_up_at.astimezone(shop.tz):%Y-%m-%d %H:%M}"
        trouble = Trouble("restored", _HELD, {"at": at})
        held = tx.execute(
            update(actions)
            .where(
                actions.c.shop_id == shop.id,
                actions.c.kind.in_(kinds),
                actions.c.state.in_((State.PLANNED, State.RUNNING)),
                actions.c.due_at <= shop.now(now),
            )
            .values(
                state=State.NEEDS_PERSON, error=trouble.to_json(), lease=None, retry_at=None,
                run=actions.c.run + 1,
            )
        ).rowcount  # fmt: skip
        record_audit(
            tx,
            shop=shop,
            actor=RESTORER,
            action=RESTORED,
            subject="",
            after={"backed_up_at": backed_up_at.isoformat(), "held": held},
        )
        total += held
    return total
