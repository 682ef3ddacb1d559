"""Orders to test with: lines, and the price decision behind them."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.orders.model import Order, OrderLine
from springtide.domain.orders.operations import place_order
from tests.kit.shops import ACTOR


def line(line_no: int, payable_minor: int, *, quantity: int = 1, discount: int = 0) -> OrderLine:
    """Return a line of its own product."""
    return OrderLine(
        line_no=line_no,
        product_key=f"p{line_no}",
        quantity=quantity,
        list_minor=payable_minor + discount,
        discount_minor=discount,
        payable_minor=payable_minor,
    )


def place(
    tx: Connection,
    *,
    shop: Shop,
    key: str | None,
    now: datetime,
    lines: Sequence[OrderLine] = (),
    shipping_minor: int = 0,
    campaign_key: str | None = None,
    customer_key: str | None = "c1",
    is_simulated: bool = False,
) -> Order:
    """Place an order."""
    return place_order(
        Act.of(tx, shop, ACTOR, now),
        key=key,
        customer_key=customer_key,
        visitor_key="v1",
        lines=lines or [line(1, 1000)],
        shipping_minor=shipping_minor,
        decision={"engine": "test", "lines": [1, 2]},
        campaign_key=campaign_key,
        source_path="platform/search",
        is_simulated=is_simulated,
    )
