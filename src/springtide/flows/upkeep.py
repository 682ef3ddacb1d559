"""What comes with time: unpaid orders close, points expire, paid orders earn, rewards end."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Shop
from springtide.domain.ledger.operations import expire_due
from springtide.domain.orders.model import OrderPaid
from springtide.domain.rewards.deposits import end_presale, failed_presales
from springtide.domain.rewards.operations import settle_over
from springtide.domain.rewards.redemption import end_claims, overdue_orders
from springtide.flows.checkout import place
from springtide.flows.checkout.earned import earn, receive_old
from springtide.flows.checkout.groups import settle_groups
from springtide.flows.claims.standing import TierOf
from springtide.kit.db import Database
from springtide.kit.turns import all_in_turn

BATCH = 500
UPKEEP = Actor("worker", "upkeep", "upkeep")


def look_after_rewards(
    db: Database, *, shop: Shop, now: datetime, tiers: Callable[[], TierOf]
) -> int:
    """End what is over in one shop; return of how many things. Again ends nothing more.

    What fails stops nothing else: it is raised at the end, and tried again the next time.

    ``tiers`` says in which tier customers are; it is asked only where a reward asks for it.
    """
    return all_in_turn(
        f"looking after the rewards of {shop.slug}",
        [
            # Orders first: what they hold goes back with them, not piece by piece.
            lambda: _close_overdue(db, shop, now),
            lambda: _end_presales(db, shop, now),
            lambda: _written(db, lambda tx: expire_due(tx, shop=shop, now=now, limit=BATCH)),
            lambda: settle_groups(db, shop=shop, actor=UPKEEP, now=now),
            lambda: earn(db, shop=shop, now=now, tiers=tiers),
            lambda: receive_old(db, shop=shop, actor=UPKEEP, now=now),
            lambda: _written(db, lambda tx: end_claims(tx, shop_id=shop.id, now=now)),
            lambda: _written(db, lambda tx: settle_over(tx, shop=shop, now=now)),
        ],
    )


def _written(db: Database, do: Callable[[Connection], int]) -> int:
    with db.write() as tx:
        return do(tx)


def _close_overdue(db: Database, shop: Shop, now: datetime) -> int:
    with db.read() as tx:
        keys = overdue_orders(tx, shop_id=shop.id, now=now, limit=BATCH)
    return all_in_turn("closing orders", [partial(_close, db, shop, key, now) for key in keys])


def _end_presales(db: Database, shop: Shop, now: datetime) -> int:
    with db.read() as tx:
        keys = failed_presales(tx, shop_id=shop.id, now=now, limit=BATCH)
    return all_in_turn(
        "ending presales", [partial(_end_presale, db, shop, key, now) for key in keys]
    )


def _end_presale(db: Database, shop: Shop, key: str, now: datetime) -> int:
    with db.write() as tx:
        return end_presale(tx, shop=shop, claim_key=key, now=now)


def _close(db: Database, shop: Shop, key: str, now: datetime) -> int:
    try:
        with db.write() as tx:
            place.close(Act.of(tx, shop, UPKEEP, now), key=key, reason="unpaid")
    except OrderPaid:
        return 0  # it was paid in the last moment
    return 1
