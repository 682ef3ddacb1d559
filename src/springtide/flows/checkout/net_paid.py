"""What a buyer paid beside an order's total: deposits before, less what was given back after.

A larger group and a free order pay back money without a piece coming back.
"""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.orders.model import Order, OrderReturn
from springtide.domain.pricing.returns import kept_share
from springtide.domain.rewards.redemption import deposits_of
from springtide.kit.money import split


def kept_pieces(order: Order, returns: Iterable[OrderReturn]) -> dict[str, int]:
    """Return how many pieces of each product of an order did not come back."""
    back = pieces_back(returns)
    return {line.product_key: line.quantity - back.get(line.product_key, 0) for line in order.lines}


def pieces_back(returns: Iterable[OrderReturn]) -> dict[str, int]:
    """Return how many pieces of each product came back."""
    back: dict[str, int] = {}
    for each in returns:
        for product, pieces in each.lines.items():
            back[product] = back.get(product, 0) + pieces
    return back


def paid_beside(
    tx: Connection, *, shop: Shop, order: Order, returns: Iterable[OrderReturn]
) -> dict[str, int]:
    """Return, by product, deposits less what was paid back without a piece coming back."""
    found = deposits_of(tx, shop_id=shop.id, order_key=order.key)
    for each in returns:
        if not any(each.lines.values()):
            less(found, order, each)
    return found


def less(beside: dict[str, int], order: Order, made: OrderReturn) -> None:
    """Take off what was paid back without a piece, by the money of the products it is for."""
    lines = [line for line in order.lines if line.product_key in made.lines]
    parts = split(made.refund_minor, [line.payable_minor for line in lines])
    for line, part in zip(lines, parts, strict=True):
        beside[line.product_key] = beside.get(line.product_key, 0) - part


def kept_beside(order: Order, beside: Mapping[str, int], kept: Mapping[str, int]) -> dict[str, int]:
    """Return the part of it, by product, that the kept pieces carry, in minor units."""
    return {
        line.product_key: kept_share(
            beside[line.product_key], kept.get(line.product_key, 0), line.quantity
        )
        for line in order.lines
        if line.product_key in beside
    }
