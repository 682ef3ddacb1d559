"""Writes to orders: placed once, then either paid or closed, never both.

Every change is one guarded statement (``… where state = 'placed' returning``), so that of two who
try at once the database lets one win; its facts go into the same transaction (last, because
appends wait for each other till the commit).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Shop
from springtide.domain.access.operations import record_act
from springtide.domain.facts import operations as facts
from springtide.domain.orders import queries
from springtide.domain.orders.facts import (
    closed_fact,
    order_facts,
    payment_facts,
    refund_facts,
)
from springtide.domain.orders.model import (
    KEY_LENGTH_MAX,
    Order,
    OrderClosed,
    OrderKeyTaken,
    OrderLine,
    OrderNotPaid,
    OrderPaid,
    OrderReturn,
    OrderState,
    OrderTooLarge,
    WrongAmount,
    line_problems,
)
from springtide.domain.orders.store import lines as lines_table
from springtide.domain.orders.store import orders as orders_table
from springtide.domain.orders.store import returns as returns_table
from springtide.kit.db import insert_into
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import outward, uuid7
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.text import text_problem

PLACED = AuditAction("order.place", N_("Order placed"), AuditGroup.ORDERS)
PAID = AuditAction("order.pay", N_("Order paid"), AuditGroup.ORDERS)
RECEIVED = AuditAction("order.receive", N_("Order received"), AuditGroup.ORDERS)
RETURNED = AuditAction("order.return", N_("Return taken in"), AuditGroup.ORDERS)
CLOSED = AuditAction("order.close", N_("Order closed"), AuditGroup.ORDERS)
UNPAID_CLOSED = AuditAction("order.close_unpaid", N_("Unpaid orders closed"), AuditGroup.ORDERS)

SOURCE_PATH_LENGTH_MAX = 300
REASON_LENGTH_MAX = 200


def place_order(
    act: Act,
    *,
    key: str | None,
    customer_key: str | None,
    visitor_key: str | None,
    lines: Sequence[OrderLine],
    shipping_minor: int,
    decision: Mapping[str, Any],
    price_inputs: Mapping[str, Any] | None = None,
    campaign_key: str | None,
    source_path: str | None,
    is_simulated: bool = False,
    identity: UUID | None = None,
) -> Order:
    """Keep an order as it was priced, with one order fact a line.

    Without a key the order's own id becomes it; ``identity`` is that id where it is known.
    Raises OrderKeyTaken for a key the shop has, Invalid for lines nobody can buy, OrderTooLarge
    for a total out of range.
    """
    identity = identity or uuid7(act.now)
    order = Order(
        id=identity,
        shop_id=act.shop.id,
        key=key if key is not None else outward("ord", identity),
        customer_key=customer_key,
        visitor_key=visitor_key,
        campaign_key=campaign_key,
        state=OrderState.PLACED,
        total_minor=sum(line.payable_minor for line in lines) + shipping_minor,
        discount_minor=sum(line.discount_minor for line in lines),
        shipping_minor=shipping_minor,
        lines=tuple(lines),
        decision=decision,
        price_inputs=price_inputs,
        source_path=source_path,
        is_simulated=is_simulated,
        placed_at=act.now,
    )
    _refuse_bad(order)
    _insert(act.tx, order)
    record_act(act, action=PLACED, subject=f"order {order.key}", after=_told(order))
    facts.append(act.tx, order_facts(act.shop, order), now=act.now)
    return order


def pay_order(
    act: Act,
    *,
    key: str,
    payment_key: str,
    amount_minor: int | None = None,
    deposits: Mapping[str, int] | None = None,
) -> Order:
    """Mark a placed order as paid in full, with one payment fact a line.

    ``deposits`` were paid before, by product: they count as paid today, beside the total. The
    same payment key again is the same payment. Raises NotFound, OrderClosed, OrderPaid (by
    another payment), WrongAmount when ``amount_minor`` is given and is not the total.
    """
    problem = text_problem(payment_key, length_max=REASON_LENGTH_MAX, is_needed=True)
    if problem:
        raise Invalid({"payment_key": problem})
    before = queries.order(act.tx, shop_id=act.shop.id, key=key)
    if amount_minor is not None and amount_minor != before.total_minor:
        raise WrongAmount(key=key, total_minor=before.total_minor, amount_minor=amount_minor)
    deposit_minor = sum((deposits or {}).values())
    change = {
        "state": OrderState.PAID,
        "paid_at": act.now,
        "payment_key": payment_key,
        "deposit_minor": deposit_minor,
    }
    if not _change_placed(act.tx, before, change):
        stored = queries.order(act.tx, shop_id=act.shop.id, key=key)
        if stored.state is OrderState.CLOSED:
            raise OrderClosed(key=key)
        if stored.payment_key != payment_key:
            raise OrderPaid(key=key)
        return stored
    order = replace(
        before,
        state=OrderState.PAID,
        paid_at=act.now,
        payment_key=payment_key,
        deposit_minor=deposit_minor,
    )
    _tell_moved(act, PAID, before, order)
    facts.append(act.tx, payment_facts(act.shop, order, deposits or {}), now=act.now)
    return order


def receive_order(act: Act, *, key: str) -> Order:
    """Note that a paid order was received; again changes nothing. Raises NotFound, OrderNotPaid."""
    order = lock_paid_order(act.tx, shop=act.shop, key=key)
    if order.received_at is not None:
        return order
    act.tx.execute(
        update(orders_table).where(orders_table.c.id == order.id).values(received_at=act.now)
    )
    received = replace(order, received_at=act.now)
    _tell_moved(act, RECEIVED, order, received)
    return received


def lock_order(tx: Connection, *, shop: Shop, key: str) -> Order:
    """Return an order, held until the transaction ends. Raises NotFound."""
    tx.execute(
        select(orders_table.c.id)
        .where(orders_table.c.shop_id == shop.id, orders_table.c.key == key)
        .with_for_update()
    )
    return queries.order(tx, shop_id=shop.id, key=key)


def lock_paid_order(tx: Connection, *, shop: Shop, key: str) -> Order:
    """Return a paid order, held until the transaction ends. Raises NotFound, OrderNotPaid."""
    order = lock_order(tx, shop=shop, key=key)
    if order.state is not OrderState.PAID:
        raise OrderNotPaid(key=key)
    return order


def record_return(act: Act, *, order: Order, returned: OrderReturn) -> Order:
    """Keep a return of a locked order, with one refund fact a product."""
    now = returned.returned_at
    act.tx.execute(
        insert(returns_table).values(
            id=uuid7(now),
            order_id=order.id,
            key=returned.key,
            lines=dict(returned.lines),
            policy=returned.policy,
            refund_minor=returned.refund_minor,
            returned_at=now,
        )
    )
    refunded = order.refunded_minor + returned.refund_minor
    act.tx.execute(
        update(orders_table).where(orders_table.c.id == order.id).values(refunded_minor=refunded)
    )
    record_act(
        act,
        action=RETURNED,
        subject=f"order {order.key}",
        before={"refunded_minor": order.refunded_minor},
        after={"refunded_minor": refunded, "lines": dict(returned.lines)},
    )
    facts.append(act.tx, refund_facts(act.shop, order, returned), now=now)
    return replace(order, refunded_minor=refunded)


def close_order(act: Act, *, key: str, reason: str) -> Order:
    """Close a placed order; one closed before stays as it is. Raises NotFound, OrderPaid."""
    problem = text_problem(reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    if problem:
        raise Invalid({"reason": problem})
    before = queries.order(act.tx, shop_id=act.shop.id, key=key)
    change = {"state": OrderState.CLOSED, "closed_at": act.now, "close_reason": reason}
    if not _change_placed(act.tx, before, change):
        stored = queries.order(act.tx, shop_id=act.shop.id, key=key)
        if stored.state is OrderState.PAID:
            raise OrderPaid(key=key)
        return stored
    order = replace(before, state=OrderState.CLOSED, closed_at=act.now, close_reason=reason)
    _tell_moved(act, CLOSED, before, order)
    facts.append(act.tx, [closed_fact(act.shop, order)], now=act.now)
    return order


def close_unpaid(
    act: Act,
    *,
    campaign_key: str | None,
    placed_before: datetime,
    reason: str = "unpaid",
    limit: int = 500,
    giving_back: Callable[[Sequence[str]], object] | None = None,
) -> list[str]:
    """Close up to ``limit`` unpaid orders, the oldest first; return the keys of those it closed.

    Of one campaign, or of the whole shop for None. Call it, a transaction each, until it returns
    nothing; doing it all again closes nothing more. ``giving_back`` is called with the keys once
    the orders are locked, before their facts are appended.
    """
    query = (
        select(orders_table.c.key)
        .where(
            orders_table.c.shop_id == act.shop.id,
            orders_table.c.state == OrderState.PLACED,
            orders_table.c.placed_at < placed_before,
        )
        .order_by(orders_table.c.placed_at, orders_table.c.id)
        .limit(limit)
        .with_for_update()
    )
    if campaign_key is not None:
        query = query.where(orders_table.c.campaign_key == campaign_key)
    keys = list(act.tx.scalars(query))
    if not keys:
        return []
    if giving_back is not None:
        giving_back(keys)
    act.tx.execute(
        update(orders_table)
        .where(orders_table.c.shop_id == act.shop.id, orders_table.c.key.in_(keys))
        .values(state=OrderState.CLOSED, closed_at=act.now, close_reason=reason)
    )
    closed = queries.orders_by_keys(act.tx, shop_id=act.shop.id, keys=keys)
    record_act(
        act,
        action=UNPAID_CLOSED,
        subject=campaign_key or "orders",
        before={"state": OrderState.PLACED},
        after={"state": OrderState.CLOSED, "reason": reason, "orders": keys},
    )
    facts.append(act.tx, [closed_fact(act.shop, order) for order in closed], now=act.now)
    return keys


def _refuse_bad(order: Order) -> None:
    problems: dict[str, Refusal | None] = {
        "key": text_problem(order.key, length_max=KEY_LENGTH_MAX, is_needed=True),
        "customer_key": text_problem(order.customer_key or "", length_max=KEY_LENGTH_MAX),
        "visitor_key": text_problem(order.visitor_key or "", length_max=KEY_LENGTH_MAX),
        "source_path": text_problem(order.source_path or "", length_max=SOURCE_PATH_LENGTH_MAX),
        **line_problems([(line.product_key, line.quantity) for line in order.lines]),
    }
    if any(problems.values()):
        raise Invalid({field: problem for field, problem in problems.items() if problem})
    if order.total_minor + order.discount_minor > AMOUNT_MINOR_MAX:
        raise OrderTooLarge
    for line in order.lines:
        if not 0 <= line.payable_minor == line.list_minor - line.discount_minor:
            raise ValueError(f"line {line.line_no} does not add up")


def _insert(tx: Connection, order: Order) -> None:
    values = {
        column.name: getattr(order, column.name)
        for column in orders_table.columns
        if column.name not in ("decision", "price_inputs")
    }
    statement = (
        insert_into(tx, orders_table)
        .values(**values, decision=order.decision, price_inputs=order.price_inputs)
        .on_conflict_do_nothing(index_elements=["shop_id", "key"])
        .returning(orders_table.c.id)
    )
    if tx.scalar(statement) is None:
        raise OrderKeyTaken(key=order.key)
    tx.execute(
        insert(lines_table),
        [
            {
                "order_id": order.id,
                "line_no": line.line_no,
                "product_key": line.product_key,
                "quantity": line.quantity,
                "list_minor": line.list_minor,
                "discount_minor": line.discount_minor,
                "payable_minor": line.payable_minor,
            }
            for line in order.lines
        ],
    )


def _change_placed(tx: Connection, order: Order, values: Mapping[str, Any]) -> bool:
    """Change the order if it is still placed; tell whether this transaction was the one."""
    statement = (
        update(orders_table)
        .where(orders_table.c.id == order.id, orders_table.c.state == OrderState.PLACED)
        .values(**values)
        .returning(orders_table.c.id)
    )
    return tx.scalar(statement) is not None


def _tell_moved(act: Act, action: AuditAction, before: Order, after: Order) -> None:
    subject, old = f"order {after.key}", {"state": before.state}
    told = _told(after)
    record_act(act, action=action, subject=subject, before=old, after=told)


def _told(order: Order) -> dict[str, Any]:
    names = ("state", "total_minor", "payment_key", "close_reason")
    return {name: getattr(order, name) for name in names}
