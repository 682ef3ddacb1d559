"""What an order says to the facts: one order fact and one payment fact a line."""

from collections.abc import Mapping
from datetime import datetime

from springtide.domain.access.model import Shop
from springtide.domain.facts import fact_ids
from springtide.domain.facts.model import Fact
from springtide.domain.orders.model import Order, OrderReturn
from springtide.kit.money import split


def order_facts(shop: Shop, order: Order) -> list[Fact]:
    """Return the facts of an order that was placed; their amounts sum to its total."""
    return _line_facts(shop, order, "order", order.placed_at)


def payment_facts(shop: Shop, order: Order, deposits: Mapping[str, int]) -> list[Fact]:
    """Return the facts of an order that was paid; their amounts sum to its total and deposits.

    A deposit counts as paid on the day of the balance, as the platforms count it.
    """
    if order.paid_at is None:
        raise ValueError("an order that was not paid has no payment facts")
    return [
        *_line_facts(shop, order, "payment", order.paid_at),
        *(
            _fact(
                shop,
                order,
                "payment",
                order.paid_at,
                part=("deposit", product),
                product_key=product,
                amount_minor=amount,
            )
            for product, amount in sorted(deposits.items())
        ),
    ]


def closed_fact(shop: Shop, order: Order) -> Fact:
    """Return the fact of an order that was closed unpaid; its amount is what was not paid."""
    if order.closed_at is None:
        raise ValueError("an order that was not closed has no such fact")
    return _fact(
        shop,
        order,
        "order_closed",
        order.closed_at,
        part=(),
        quantity=sum(line.quantity for line in order.lines),
        amount_minor=order.total_minor,
        discount_minor=order.discount_minor,
        reference=order.close_reason,
    )


def refund_facts(shop: Shop, order: Order, returned: OrderReturn) -> list[Fact]:
    """Return one refund fact a product that came back; their amounts sum to the refund.

    The refund is split by the money paid for what came back; all of it stands on the first
    product where nothing was paid for any.
    """
    paid = {line.product_key: line for line in order.lines}
    keys = sorted(returned.lines)
    weights = [paid[key].payable_minor * returned.lines[key] // paid[key].quantity for key in keys]
    return [
        _fact(
            shop,
            order,
            "refund",
            returned.returned_at,
            part=(returned.key, key),
            product_key=key,
            quantity=returned.lines[key],
            amount_minor=amount,
            reference=returned.key,
        )
        for key, amount in zip(keys, split(returned.refund_minor, weights), strict=True)
    ]


def _line_facts(shop: Shop, order: Order, kind: str, occurred_at: datetime) -> list[Fact]:
    facts = [
        _fact(
            shop,
            order,
            kind,
            occurred_at,
            part=(str(line.line_no),),
            product_key=line.product_key,
            quantity=line.quantity,
            amount_minor=line.payable_minor,
            discount_minor=line.discount_minor,
        )
        for line in order.lines
    ]
    if order.shipping_minor:
        # Shipping is paid too: a fact without a product, so that the sums stay whole.
        facts.append(
            _fact(
                shop,
                order,
                kind,
                occurred_at,
                part=(fact_ids.SHIPPING,),
                amount_minor=order.shipping_minor,
            )
        )
    return facts


def _fact(
    shop: Shop,
    order: Order,
    kind: str,
    occurred_at: datetime,
    *,
    part: tuple[str, ...],
    product_key: str | None = None,
    quantity: int = 0,
    amount_minor: int = 0,
    discount_minor: int = 0,
    reference: str | None = None,
) -> Fact:
    return Fact(
        shop=shop.slug,
        kind=kind,
        occurred_at=occurred_at,
        source="simulated" if order.is_simulated else "api",
        external_id=fact_ids.build(kind, order.key, *part),
        visitor_key=order.visitor_key,
        customer_key=order.customer_key,
        product_key=product_key,
        order_key=order.key,
        quantity=quantity,
        amount_minor=amount_minor,
        discount_minor=discount_minor,
        source_path=order.source_path,
        campaign_key=order.campaign_key,
        reference=reference or order.payment_key,
        props={"simulated": True} if order.is_simulated else {},
    )
