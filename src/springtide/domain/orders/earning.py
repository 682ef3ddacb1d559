"""Which paid orders still have to be looked at for what they earn."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, select, update

from springtide.domain.access.model import Shop
from springtide.domain.orders import queries
from springtide.domain.orders.model import Order, OrderState
from springtide.domain.orders.store import orders as orders_table


def take_unearned(tx: Connection, *, shop: Shop, now: datetime, limit: int) -> list[Order]:
    """Return paid orders whose rewards are not worked out yet, held, and mark them as done.

    Those that another transaction holds are left for later.
    """
    found = tx.execute(
        select(orders_table.c.key)
        .where(
            orders_table.c.shop_id == shop.id,
            orders_table.c.state == OrderState.PAID,
            orders_table.c.earned_at.is_(None),
        )
        .order_by(orders_table.c.paid_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).scalars()
    keys = list(found)
    if not keys:
        return []
    tx.execute(
        update(orders_table)
        .where(orders_table.c.shop_id == shop.id, orders_table.c.key.in_(keys))
        .values(earned_at=now)
    )
    return queries.orders_by_keys(tx, shop_id=shop.id, keys=keys)


def unearned_customers(tx: Connection, *, shop_id: UUID, limit: int) -> list[str]:
    """Return the customers of paid orders whose rewards are not worked out yet."""
    rows = tx.execute(
        select(orders_table.c.customer_key)
        .where(
            orders_table.c.shop_id == shop_id,
            orders_table.c.state == OrderState.PAID,
            orders_table.c.earned_at.is_(None),
            orders_table.c.customer_key.is_not(None),
        )
        .order_by(orders_table.c.paid_at)
        .limit(limit)
    )
    return list(dict.fromkeys(rows.scalars()))
