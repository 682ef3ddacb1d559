"""Checkout: catalog, prices, rules, buyer and campaign meet here, so a quote is the order's price.

The buyer's side never sends a price. What a quote shows and what an order keeps come from the same
function over the same reads; only the instant may differ, and an order that names a quote is
refused when its price is another one by then.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import PointsKeeper, Shop
from springtide.domain.campaigns.queries import live_campaign
from springtide.domain.catalog.model import UnknownProduct
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.orders import operations as orders
from springtide.domain.orders.model import Order, OrderLine, OrderState, line_problems
from springtide.domain.pricing import engine
from springtide.domain.pricing.explain import Explained, explain
from springtide.domain.pricing.model import (
    Buyer,
    Cart,
    CartLine,
    Decision,
    MixedCurrency,
    PriceFacts,
)
from springtide.domain.pricing.operations import (
    given_by,
    keep_plan,
    uses_of,
)
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.queries import active_plan, current_prices
from springtide.domain.pricing.replay import Inputs, inputs_of
from springtide.domain.rewards import redemption
from springtide.domain.rewards.redemption import Spending
from springtide.domain.rewards.wallet import NOTHING, Wallet
from springtide.flows.checkout.buyer import Wanted, buyer_of, held_of, refuse_stated
from springtide.flows.claims.standing import StandingOf
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import outward, uuid7


class QuoteChanged(Refusal):
    """An order whose price is another one than its quote's."""

    code = "quote_changed"
    status = 409
    text = N_("The price is {now_minor} minor units now, the quote was {quoted_minor}.")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cart with all that its price is made from."""

    cart: Cart
    plan: Plan
    book: dict[str, PriceFacts]
    buyer: Buyer
    campaign_key: str | None
    now: datetime
    held: Wallet = NOTHING

    def price(self) -> Decision:
        """Return the decision."""
        return engine.price(
            self.cart, plan=self.plan, book=self.book, now=self.now, buyer=self.buyer
        )

    def explain(self) -> Explained:
        """Return the decision, and what became of every rule."""
        return explain(self.cart, plan=self.plan, book=self.book, now=self.now, buyer=self.buyer)

    def inputs(self) -> Inputs:
        """Return what is kept with an order, to make the decision again."""
        return inputs_of(self.cart, plan=self.plan, book=self.book, buyer=self.buyer, now=self.now)


@dataclass(frozen=True, slots=True)
class Visit:
    """Where an order comes from: visitor and traffic source, by the shop's own keys."""

    visitor_key: str | None = None
    source_path: str | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """How an order is placed: its key, and the total that was quoted."""

    key: str | None = None
    quoted_minor: int | None = None
    is_simulated: bool = False
    visit: Visit = field(default_factory=Visit)


def prepare(
    tx: Connection,
    *,
    shop: Shop,
    wanted: Wanted,
    now: datetime,
    standing_of: StandingOf | None = None,
) -> Prepared:
    """Read all that the price of a cart is made from, as an order placed now would find it.

    Raises Invalid with fields such as ``lines.0.quantity``.
    """
    if wanted.currency not in (None, shop.currency):
        raise Invalid({"currency": MixedCurrency(cart=wanted.currency, shop=shop.currency)})
    _refuse_bad(tx, shop, wanted.lines)
    refuse_stated(tx, shop, wanted)
    plan = active_plan(tx, shop_id=shop.id, zone=shop.zone_name, now=now)
    keys = {line.product_key for line in wanted.lines} | set(plan.gift_keys)
    cart = Cart(wanted.lines, shop.currency, wanted.codes, wanted.shipping_minor, wanted.points)
    campaign = live_campaign(tx, shop_id=shop.id, now=now)
    held = held_of(tx, shop, wanted, plan, now)
    return Prepared(
        cart=cart,
        plan=plan,
        book=current_prices(tx, shop_id=shop.id, keys=keys, now=now),
        buyer=buyer_of(tx, shop, wanted, plan, standing_of, held),
        campaign_key=campaign.key if campaign else None,
        now=now,
        held=held,
    )


def place(
    act: Act, *, wanted: Wanted, placing: Placing, standing_of: StandingOf | None = None
) -> Order:
    """Price a cart and keep it as an order, with the decision and all that it was made from.

    A customer who is not on file yet comes on it, by key alone. Raises QuoteChanged when a total
    was quoted and is another one now.
    """
    prepared = prepare(act.tx, shop=act.shop, wanted=wanted, now=act.now, standing_of=standing_of)
    decision = prepared.price()
    if placing.quoted_minor is not None and decision.total_minor != placing.quoted_minor:
        raise QuoteChanged(now_minor=decision.total_minor, quoted_minor=placing.quoted_minor)
    identity = uuid7(act.now)
    key = placing.key if placing.key is not None else outward("ord", identity)
    if wanted.customer_key is not None:
        entries = [CustomerEntry(wanted.customer_key)]
        upsert_customers(act, entries=entries)
    redemption.reserve(
        act.tx,
        shop=act.shop,
        held=prepared.held,
        spending=_spending(key, act.shop, wanted.customer_key or "", prepared, decision),
        uses=uses_of(
            prepared.plan,
            decision,
            order_key=key,
            customer_key=wanted.customer_key,
            reference=redemption.reference_of(key),
        ),
        now=act.now,
    )
    order = orders.place_order(
        act,
        key=key,
        identity=identity,
        customer_key=wanted.customer_key,
        visitor_key=placing.visit.visitor_key,
        lines=order_lines(decision),
        shipping_minor=decision.shipping_minor,
        decision=decision.document(),
        price_inputs=prepared.inputs().document(),
        campaign_key=prepared.campaign_key,
        source_path=placing.visit.source_path,
        is_simulated=placing.is_simulated,
    )
    keep_plan(act.tx, shop=act.shop, plan=prepared.plan)
    return order


def close(act: Act, *, key: str, reason: str) -> Order:
    """Close an unpaid order; give back what it reserved, and what it used of its rules' limits."""
    if orders.lock_order(act.tx, shop=act.shop, key=key).state is OrderState.PLACED:
        redemption.void(act.tx, shop=act.shop, order_keys=[key], now=act.now)
    return orders.close_order(act, key=key, reason=reason)


def pay(act: Act, *, key: str, payment_key: str, amount_minor: int | None = None) -> Order:
    """Record the payment of an order, and spend what it reserved.

    Raises what ``orders.pay_order`` does, and HeldForOther when flash stock went back before.
    """
    deposits: dict[str, int] = {}
    if orders.lock_order(act.tx, shop=act.shop, key=key).state is OrderState.PLACED:
        deposits = redemption.post(act.tx, shop=act.shop, order_key=key, now=act.now)
    return orders.pay_order(
        act, key=key, payment_key=payment_key, amount_minor=amount_minor, deposits=deposits
    )


def close_unpaid(
    act: Act, *, campaign_key: str | None, placed_before: datetime, reason: str, limit: int
) -> list[str]:
    """Close unpaid orders as ``orders.close_unpaid`` does, and give back all that they hold."""

    def giving_back(keys: Sequence[str]) -> None:
        redemption.void(act.tx, shop=act.shop, order_keys=keys, now=act.now)

    return orders.close_unpaid(
        act,
        campaign_key=campaign_key,
        placed_before=placed_before,
        reason=reason,
        limit=limit,
        giving_back=giving_back,
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


def _spending(
    key: str, shop: Shop, customer_key: str, prepared: Prepared, decision: Decision
) -> Spending:
    is_ledger = shop.points_kept_by is PointsKeeper.LEDGER
    return Spending(
        order_key=key,
        customer_key=customer_key,
        rules=given_by(decision),
        points=decision.points if is_ledger else 0,
        pieces={line.product_key: line.quantity for line in decision.lines},
        campaign_key=prepared.campaign_key,
    )


def _refuse_bad(tx: Connection, shop: Shop, lines: tuple[CartLine, ...]) -> None:
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
