"""Orders: placed, paid or closed; the shop's own server calls these."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import quote as quoted
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, QueryParameter
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.fields import (
    AmountMinor,
    Currency,
    OrderKey,
    PathKey,
    PaymentKey,
    ProductKey,
    Simulated,
    SourcePath,
    VisitorKey,
)
from springtide.api.paging import Cursor, Limit, Page, page_of, read_cursor
from springtide.api.quotes import CartIn, Priced, public_decision, wanted_of
from springtide.api.simulated import refuse_outside_demo
from springtide.api.writes import idempotent
from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Caller, Data, Key, Scope, Shop, key_reading
from springtide.domain.orders import model, queries
from springtide.domain.pricing.model import Decision
from springtide.flows.checkout import place as checkout
from springtide.flows.checkout.quotes import TOKEN_LENGTH_MAX, quoted_total
from springtide.flows.claims.standing import standing_by
from springtide.kit.ids import outward

State = Literal["placed", "paid", "closed"]
Filter = Annotated[str | None, QueryParameter(max_length=120)]


class OrderIn(CartIn, kw_only=True, forbid_unknown_fields=True):
    """What a buyer orders. Prices and times are the shop's: neither is taken from outside."""

    key: OrderKey | None = None
    quote: (
        Annotated[
            str,
            Meta(
                max_length=TOKEN_LENGTH_MAX,
                description="A quote's token; refused when the price is another by now.",
            ),
        ]
        | None
    ) = None
    dry_run: Annotated[bool, Meta(description="Price and check all; keep nothing.")] = False
    visitor_key: VisitorKey | None = None
    source_path: SourcePath | None = None
    simulated: Simulated = False


class PaymentIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A payment in full."""

    payment_key: PaymentKey
    amount_minor: (
        Annotated[AmountMinor, Meta(description="Refused when it is not the order's total.")] | None
    ) = None


class CloseIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Why an order is closed unpaid."""

    reason: Annotated[str, Meta(min_length=1, max_length=200, examples=["buyer cancelled"])] = (
        "cancelled"
    )


PlaceBody = Annotated[
    OrderIn,
    Body(
        examples=[
            Example(
                summary="Two products of a known customer",
                value={
                    "key": "A-20251111-0001",
                    "customer_key": "1228",
                    "visitor_key": "v-7f3a",
                    "source_path": "platform/search",
                    "lines": [
                        {"product_key": "1029743", "quantity": 2},
                        {"product_key": "916122", "quantity": 1},
                    ],
                },
            )
        ]
    ),
]
PayBody = Annotated[
    PaymentIn,
    Body(
        examples=[
            Example(
                summary="The whole amount",
                value={"payment_key": "pay_2025111100017", "amount_minor": 27900},
            )
        ]
    ),
]
CloseBody = Annotated[
    CloseIn, Body(examples=[Example(summary="Cancelled", value={"reason": "buyer cancelled"})])
]


class OrderLine(Struct, kw_only=True):
    """One line; amounts are of the whole line."""

    line_no: int
    product_key: ProductKey
    quantity: int
    list_minor: Annotated[int, Meta(description="At the regular price.")]
    discount_minor: Annotated[int, Meta(description="All that lies below the regular price.")]
    payable_minor: int


class Order(Struct, kw_only=True):
    """An order; every amount in minor units."""

    key: str
    id: Annotated[str, Meta(examples=["ord_01jcd4v1p8e3x9f6m2k7s0t5wq"])]
    state: State
    currency: Currency
    total_minor: Annotated[int, Meta(description="What is to be paid, shipping included.")]
    discount_minor: int
    shipping_minor: int
    lines: list[OrderLine]
    customer_key: str | None
    visitor_key: str | None
    campaign_key: str | None
    source_path: str | None
    simulated: bool
    placed_at: datetime
    paid_at: datetime | None
    payment_key: str | None
    closed_at: datetime | None
    close_reason: str | None
    refunded_minor: Annotated[int, Meta(description="Paid back for returns.")]
    deposit_minor: Annotated[int, Meta(description="Paid before, in a presale, beside the total.")]


class OrderWithDecision(Order, kw_only=True):
    """An order with the pricing decision it was made by."""

    decision: Priced


@post(
    "/v1/orders",
    opt={"access": Key(Scope.ORDERS_WRITE)},
    sync_to_thread=True,
    tags=["orders"],
    operation_id="placeOrder",
    summary="Place an order",
)
def place_order(
    request: Request[Any, Any, Any], house: House, caller: Caller, data: PlaceBody
) -> Response[OrderWithDecision]:
    """Price a cart and keep it as an order, by the shop's own clock.

    Without a `key` the order gets one. A key the shop has is refused with `order_key_taken`.
    """
    refuse_outside_demo(caller.shop, {"simulated": data.simulated})
    shop, now, wanted = caller.shop, house.now(caller.shop), wanted_of(data)
    secret = house.settings.secret
    quoted_minor = None
    if data.quote is not None:
        quoted_minor = quoted_total(secret, shop=shop, wanted=wanted, token=data.quote, now=now)
    placing = checkout.Placing(
        key=data.key,
        quoted_minor=quoted_minor,
        is_simulated=data.simulated,
        visit=checkout.Visit(data.visitor_key, data.source_path),
    )

    def place(tx: Connection) -> tuple[int, OrderWithDecision]:
        order = checkout.place(
            Act.of(tx, shop, caller.actor, now),
            wanted=wanted,
            placing=placing,
            standing_of=standing_by(house.facts, shop=shop, now=now),
        )
        return 201, _with_decision(shop, order)

    if data.dry_run:
        return _tried(house, place)
    answer = idempotent(house, caller, request, data, place)
    answer.headers["location"] = "/v1/orders/" + quoted(answer.content["key"], safe="")
    return answer


@get(
    "/v1/orders",
    opt={"access": key_reading(Data.ORDERS)},
    sync_to_thread=True,
    tags=["orders"],
    operation_id="listOrders",
    summary="List orders",
)
def list_orders(
    house: House,
    caller: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
    order_state: Annotated[State | None, QueryParameter(name="state")] = None,
    customer_key: Filter = None,
    campaign_key: Filter = None,
) -> Page[Order]:
    """List orders, newest first."""
    filters = (order_state, customer_key, campaign_key)
    scope = f"orders {caller.shop.id} {filters!r}"
    after = read_cursor(house, scope=scope, cursor=cursor)
    with house.db.read() as tx:
        rows = queries.orders_page(
            tx,
            shop_id=caller.shop.id,
            state=model.OrderState(order_state) if order_state else None,
            customer_key=customer_key,
            campaign_key=campaign_key,
            before_id=UUID(after) if after else None,
            limit=limit + 1,
        )
    found, next_cursor = page_of(
        house, scope=scope, rows=rows, limit=limit, position=lambda order: str(order.id)
    )
    return Page(items=[_order(caller.shop, order) for order in found], next_cursor=next_cursor)


@get(
    "/v1/orders/{key:str}",
    opt={"access": key_reading(Data.ORDERS)},
    sync_to_thread=True,
    tags=["orders"],
    operation_id="readOrder",
    summary="Read an order",
)
def read_order(house: House, caller: Caller, key: PathKey) -> OrderWithDecision:
    """Read one order by its key, with the decision that made its price."""
    with house.db.read() as tx:
        order = queries.order(tx, shop_id=caller.shop.id, key=key)
    return _with_decision(caller.shop, order)


@post(
    "/v1/orders/{key:str}/payments",
    opt={"access": Key(Scope.ORDERS_WRITE)},
    status_code=200,
    sync_to_thread=True,
    tags=["orders"],
    operation_id="payOrder",
    summary="Record the payment of an order",
)
def pay_order(
    request: Request[Any, Any, Any], house: House, caller: Caller, key: PathKey, data: PayBody
) -> Response[OrderWithDecision]:
    """Mark an order as paid in full.

    The same `payment_key` again is the same payment. Another one is refused with `order_paid`, a
    closed order with `order_closed`, another amount than the total with `wrong_amount`.
    """

    def pay(tx: Connection) -> tuple[int, OrderWithDecision]:
        order = checkout.pay(
            Act.of(tx, caller.shop, caller.actor),
            key=key,
            payment_key=data.payment_key,
            amount_minor=data.amount_minor,
        )
        return 200, _with_decision(caller.shop, order)

    return idempotent(house, caller, request, data, pay)


@post(
    "/v1/orders/{key:str}/close",
    opt={"access": Key(Scope.ORDERS_WRITE)},
    status_code=200,
    sync_to_thread=True,
    tags=["orders"],
    operation_id="closeOrder",
    summary="Close an unpaid order",
)
def close_order(
    request: Request[Any, Any, Any], house: House, caller: Caller, key: PathKey, data: CloseBody
) -> Response[OrderWithDecision]:
    """Close an order that was not paid; a closed one stays as it is, a paid one is refused."""

    def close(tx: Connection) -> tuple[int, OrderWithDecision]:
        order = checkout.close(Act.of(tx, caller.shop, caller.actor), key=key, reason=data.reason)
        return 200, _with_decision(caller.shop, order)

    return idempotent(house, caller, request, data, close)


class _TriedError(Exception):
    """Carries the answer of a dry run out of a transaction that is not to be kept."""

    def __init__(self, answer: OrderWithDecision) -> None:
        self.answer = answer
        super().__init__()


def _tried(
    house: House, place: Callable[[Connection], tuple[int, OrderWithDecision]]
) -> Response[OrderWithDecision]:
    """Place an order in a transaction that is undone, and return what it would have been."""

    def trying(tx: Connection) -> NoReturn:
        raise _TriedError(place(tx)[1])

    try:
        house.db.run(trying)
    except _TriedError as tried:
        return Response(tried.answer, status_code=200)


def _order(shop: Shop, order: model.Order) -> Order:
    return Order(**_fields(shop, order))


def _with_decision(shop: Shop, order: model.Order) -> OrderWithDecision:
    decision = public_decision(Decision.from_document(order.decision))
    return OrderWithDecision(**_fields(shop, order), decision=decision)


def _fields(shop: Shop, order: model.Order) -> dict[str, Any]:
    return {
        "key": order.key,
        "id": outward("ord", order.id),
        "state": order.state.value,
        "currency": shop.currency,
        "total_minor": order.total_minor,
        "discount_minor": order.discount_minor,
        "shipping_minor": order.shipping_minor,
        "lines": [
            OrderLine(
                line_no=line.line_no,
                product_key=line.product_key,
                quantity=line.quantity,
                list_minor=line.list_minor,
                discount_minor=line.discount_minor,
                payable_minor=line.payable_minor,
            )
            for line in order.lines
        ],
        "customer_key": order.customer_key,
        "visitor_key": order.visitor_key,
        "campaign_key": order.campaign_key,
        "source_path": order.source_path,
        "simulated": order.is_simulated,
        "placed_at": order.placed_at,
        "paid_at": order.paid_at,
        "payment_key": order.payment_key,
        "closed_at": order.closed_at,
        "close_reason": order.close_reason,
        "refunded_minor": order.refunded_minor,
        "deposit_minor": order.deposit_minor,
    }


routes: list[Any] = [
    place_order,
    list_orders,
    read_order,
    pay_order,
    close_order,
]
