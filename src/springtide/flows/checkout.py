"""Checkout: catalog, prices, rules and campaign meet here, so a quote is the order's price.

The buyer's side never sends a price. What a quote shows and what an order keeps come from the same
function over the same reads; only the instant may differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from springtide.domain.access.model import Actor, Shop
from springtide.domain.campaigns.queries import live_campaign
from springtide.domain.catalog.model import UnknownProduct
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.orders import operations as orders
from springtide.domain.orders.model import Order, OrderLine, line_problems
from springtide.domain.pricing import engine
from springtide.domain.pricing.model import Cart, CartLine, Decision
from springtide.domain.pricing.queries import active_rules, current_prices
from springtide.kit.errors import Invalid, Refusal


@dataclass(frozen=True, slots=True)
class Quote:
    """The price of a cart now, and the campaign it is sold in."""

    decision: Decision
    campaign_key: str | None


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys, by the shop's own keys, and the traffic source they came by."""

    customer_key: str | None = None
    visitor_key: str | None = None
    source_path: str | None = None


def quote(tx: Connection, *, shop: Shop, lines: Sequence[CartLine], now: datetime) -> Quote:
    """Price a cart as an order placed now would be priced.

    Raises Invalid with fields such as ``lines.0.quantity``.
    """
    _refuse_bad(tx, shop, lines)
    decision = engine.price(
        Cart(tuple(lines), shop.currency),
        rules=active_rules(tx, shop_id=shop.id, now=now),
        book=current_prices(
            tx, shop_id=shop.id, keys=[line.product_key for line in lines], now=now
        ),
        now=now,
    )
    campaign = live_campaign(tx, shop_id=shop.id, now=now)
    return Quote(decision, campaign.key if campaign else None)


def place(
    tx: Connection,
    *,
    shop: Shop,
    actor: Actor,
    key: str | None,
    buyer: Buyer,
    lines: Sequence[CartLine],
    now: datetime,
    real_now: datetime | None = None,
    is_simulated: bool = False,
) -> Order:
    """Price a cart and keep it as an order, with the decision that made its price.

    A customer who is not on file yet comes on it, by key alone.
    """
    quoted = quote(tx, shop=shop, lines=lines, now=now)
    if buyer.customer_key is not None:
        upsert_customers(
            tx,
            shop_id=shop.id,
            entries=[CustomerEntry(buyer.customer_key)],
            actor=actor,
            now=real_now or now,
        )
    return orders.place_order(
        tx,
        shop=shop,
        actor=actor,
        key=key,
        customer_key=buyer.customer_key,
        visitor_key=buyer.visitor_key,
        lines=order_lines(quoted.decision),
        shipping_minor=0,
        decision=quoted.decision.document(),
        campaign_key=quoted.campaign_key,
        source_path=buyer.source_path,
        now=now,
        real_now=real_now,
        is_simulated=is_simulated,
    )


def order_lines(decision: Decision) -> list[OrderLine]:
    """Return an order's lines: the discount is all that lies below the regular price."""
    lines = []
    for line_no, line in enumerate(decision.lines, 1):
        list_minor = line.regular_minor * line.quantity
        lines.append(
            OrderLine(
                line_no=line_no,
                product_key=line.product_key,
                quantity=line.quantity,
                list_minor=list_minor,
                discount_minor=list_minor - line.payable_minor,
                payable_minor=line.payable_minor,
            )
        )
    return lines


def _refuse_bad(tx: Connection, shop: Shop, lines: Sequence[CartLine]) -> None:
    problems: dict[str, Refusal] = line_problems(
        [(line.product_key, line.quantity) for line in lines]
    )
    if problems:
        raise Invalid(problems)
    keys = {line.product_key for line in lines}
    known = products_by_keys(tx, shop_id=shop.id, keys=keys)
    for index, line in enumerate(lines):
        if line.product_key not in known:
            problems[f"lines.{index}.product_key"] = UnknownProduct(key=line.product_key)
    if problems:
        raise Invalid(problems)
