"""What comes with time: unpaid orders close, points expire, paid orders earn, rewards end."""

from collections.abc import Callable
from datetime import datetime

from springtide.domain.access.model import Actor, Shop
from springtide.domain.ledger.operations import expire_due
from springtide.domain.orders.model import OrderPaid
from springtide.domain.rewards.deposits import end_presale, failed_presales
from springtide.domain.rewards.operations import settle_over
from springtide.domain.rewards.using import end_claims, overdue_orders
from springtide.flows import checkout
from springtide.flows.earning import earn, receive_old
from springtide.flows.grouping import settle_groups
from springtide.flows.standing import TierOf
from springtide.kit.db import Database
from springtide.kit.ids import outward

BATCH = 500
UPKEEP = Actor("worker", "upkeep", "upkeep")


def look_after_rewards(
    db: Database, *, shop: Shop, now: datetime, tiers: Callable[[], TierOf]
) -> int:
    """End what is over in one shop; return of how many things. Again ends nothing more.

    ``tiers`` says in which tier customers are; it is asked only where a reward asks for it.
    """
    count = 0
    with db.read() as tx:
        keys = overdue_orders(tx, shop_id=shop.id, now=now, limit=BATCH)
    for key in keys:
        count += _close(db, shop, key, now)
    with db.read() as tx:
        failed = failed_presales(tx, shop_id=shop.id, now=now, limit=BATCH)
    for _, claim_id in failed:
        with db.write() as tx:
            count += end_presale(tx, shop=shop, claim_key=outward("clm", claim_id), now=now)
    with db.write() as tx:
        # Orders first: what they hold goes back with them, not piece by piece.
        count += expire_due(tx, shop=shop, now=now, limit=BATCH)
    count += settle_groups(db, shop=shop, actor=UPKEEP, now=now)
    count += earn(db, shop=shop, now=now, tiers=tiers)
    count += receive_old(db, shop=shop, actor=UPKEEP, now=now)
    with db.write() as tx:
        count += end_claims(tx, shop_id=shop.id, now=now)
    with db.write() as tx:
        count += settle_over(tx, shop=shop, now=now)
    return count


def _close(db: Database, shop: Shop, key: str, now: datetime) -> int:
    try:
        with db.write() as tx:
            checkout.close(tx, shop=shop, actor=UPKEEP, key=key, reason="unpaid", now=now)
    except OrderPaid:
        return 0  # it was paid in the last moment
    return 1
