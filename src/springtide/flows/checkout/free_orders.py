"""免单: a prize that makes the winner's next order free, once it is received."""

from datetime import datetime

from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.orders.model import Order, OrderReturn
from springtide.domain.orders.queries import order_returns
from springtide.domain.rewards.model import Claim
from springtide.domain.rewards.queries import held_by
from springtide.flows.checkout.net_paid import kept_pieces
from springtide.kit.ids import outward


def free_order(
    tx: Connection, *, shop: Shop, order: Order, now: datetime
) -> tuple[Claim, OrderReturn] | None:
    """Return the prize that pays an order back, and what it pays back, up to the prize's worth.

    The oldest prize that was won before the order was placed; none for an order that came back.
    """
    if order.customer_key is None:
        return None
    paid = order.total_minor + order.deposit_minor - order.refunded_minor
    held = held_by(tx, shop_id=shop.id, customer_key=order.customer_key, now=now)
    prizes = [
        each
        for each in held
        if each.granted.what == "free_order" and each.claimed_at <= order.placed_at
    ]
    if not prizes or paid <= 0:
        return None
    prize = prizes[0]
    pieces = kept_pieces(order, order_returns(tx, order_id=order.id))
    kept = [product for product, left in pieces.items() if left]
    amount = min(prize.granted.amount or paid, paid)
    key = f"free:{outward('clm', prize.id)}"
    return prize, OrderReturn(key, dict.fromkeys(kept, 0), "free", amount, now)
