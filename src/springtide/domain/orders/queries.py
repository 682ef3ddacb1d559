"""Reads of orders."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, select

from springtide.domain.orders.model import Order, OrderLine, OrderReturn, OrderState
from springtide.domain.orders.store import lines as lines_table
from springtide.domain.orders.store import orders as orders_table
from springtide.domain.orders.store import returns as returns_table
from springtide.kit.errors import NotFound

PAGE_LENGTH_MAX = 200


def order(tx: Connection, *, shop_id: UUID, key: str) -> Order:
    """Return one order with its lines; raise NotFound where there is none of this key."""
    query = select(orders_table).where(orders_table.c.shop_id == shop_id, orders_table.c.key == key)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise NotFound(what="order", key=key)
    return _with_lines(tx, [row])[0]


def orders_by_keys(tx: Connection, *, shop_id: UUID, keys: Sequence[str]) -> list[Order]:
    """Return the orders of some keys, the oldest first; unknown keys are left out."""
    query = (
        select(orders_table)
        .where(orders_table.c.shop_id == shop_id, orders_table.c.key.in_(keys))
        .order_by(orders_table.c.placed_at, orders_table.c.id)
    )
    return _with_lines(tx, tx.execute(query).all())


def unreceived_keys(
    tx: Connection, *, shop_id: UUID, paid_before: datetime, limit: int
) -> list[str]:
    """Return orders paid before an instant of which nobody said that they were received."""
    rows = tx.execute(
        select(orders_table.c.key)
        .where(
            orders_table.c.shop_id == shop_id,
            orders_table.c.state == OrderState.PAID,
            orders_table.c.received_at.is_(None),
            orders_table.c.paid_at < paid_before,
        )
        .order_by(orders_table.c.paid_at)
        .limit(limit)
    )
    return list(rows.scalars())


def orders_page(
    tx: Connection,
    *,
    shop_id: UUID,
    state: OrderState | None = None,
    customer_key: str | None = None,
    campaign_key: str | None = None,
    before_id: UUID | None = None,
    limit: int = 50,
) -> list[Order]:
    """Return orders, newest first, from before an order's id on."""
    query = select(orders_table).where(orders_table.c.shop_id == shop_id)
    if state is not None:
        query = query.where(orders_table.c.state == state)
    if customer_key is not None:
        query = query.where(orders_table.c.customer_key == customer_key)
    if campaign_key is not None:
        query = query.where(orders_table.c.campaign_key == campaign_key)
    if before_id is not None:
        query = query.where(orders_table.c.id < before_id)
    query = query.order_by(orders_table.c.id.desc()).limit(min(limit, PAGE_LENGTH_MAX))
    return _with_lines(tx, tx.execute(query).all())


def has_ordered(tx: Connection, *, shop_id: UUID, customer_key: str) -> bool:
    """Tell whether a customer has an order here that was not closed."""
    query = select(orders_table.c.id).where(
        orders_table.c.shop_id == shop_id,
        orders_table.c.customer_key == customer_key,
        orders_table.c.state != OrderState.CLOSED,
    )
    return tx.execute(query.limit(1)).first() is not None


def order_returns(tx: Connection, *, order_id: UUID) -> list[OrderReturn]:
    """Return what came back of an order, the oldest first."""
    rows = tx.execute(
        select(returns_table)
        .where(returns_table.c.order_id == order_id)
        .order_by(returns_table.c.id)
    )
    return [
        OrderReturn(row.key, row.lines, row.policy, row.refund_minor, row.returned_at)
        for row in rows
    ]


def count_by_state(
    tx: Connection, *, shop_id: UUID, campaign_key: str | None = None
) -> dict[OrderState, int]:
    """Return how many orders are in each state, of one campaign or of all."""
    query = (
        select(orders_table.c.state, func.count())
        .where(orders_table.c.shop_id == shop_id)
        .group_by(orders_table.c.state)
    )
    if campaign_key is not None:
        query = query.where(orders_table.c.campaign_key == campaign_key)
    counts = dict.fromkeys(OrderState, 0)
    counts |= {OrderState(state): number for state, number in tx.execute(query)}
    return counts


def _with_lines(tx: Connection, rows: Sequence[Row[Any]]) -> list[Order]:
    ids = [row.id for row in rows]
    query = (
        select(lines_table)
        .where(lines_table.c.order_id.in_(ids))
        .order_by(lines_table.c.order_id, lines_table.c.line_no)
    )
    by_order: dict[UUID, list[OrderLine]] = {identity: [] for identity in ids}
    for line in tx.execute(query):
        by_order[line.order_id].append(
            OrderLine(
                line_no=line.line_no,
                product_key=line.product_key,
                quantity=line.quantity,
                list_minor=line.list_minor,
                discount_minor=line.discount_minor,
                payable_minor=line.payable_minor,
            )
        )
    return [_order(row, by_order[row.id]) for row in rows]


def _order(row: Row[Any], lines: Sequence[OrderLine]) -> Order:
    return Order(
        id=row.id,
        shop_id=row.shop_id,
        key=row.key,
        customer_key=row.customer_key,
        visitor_key=row.visitor_key,
        campaign_key=row.campaign_key,
        state=OrderState(row.state),
        total_minor=row.total_minor,
        discount_minor=row.discount_minor,
        shipping_minor=row.shipping_minor,
        lines=tuple(lines),
        decision=row.decision,
        source_path=row.source_path,
        is_simulated=row.is_simulated,
        placed_at=row.placed_at,
        paid_at=row.paid_at,
        payment_key=row.payment_key,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        price_inputs=row.price_inputs,
        refunded_minor=row.refunded_minor,
        deposit_minor=row.deposit_minor,
        received_at=row.received_at,
        earned_at=row.earned_at,
    )
