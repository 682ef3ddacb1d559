"""Deposits of presales, and the money that the shop owes buyers by itself."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.fields import AmountMinor, PaymentKey
from springtide.api.paging import Cursor, Limit, Page, page_of, read_cursor
from springtide.api.writes import idempotent
from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Caller, Data, Key, Scope, key_reading
from springtide.domain.rewards import refunds
from springtide.domain.rewards.deposits import pay_deposit
from springtide.domain.rewards.model import Claim
from springtide.kit.ids import outward


class DepositIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """The payment of a deposit."""

    claim: Annotated[str, Meta(max_length=40, description="The presale's claim, clm_…")]
    payment_key: PaymentKey
    amount_minor: Annotated[AmountMinor, Meta(description="Refused when it is not the deposit.")]


class Deposit(Struct, kw_only=True):
    """A paid deposit, and when its balance may be paid."""

    claim: str
    customer_key: str
    product_key: str | None
    deposit_minor: int
    worth_minor: Annotated[int, Meta(description="What it counts as in the balance's order.")]
    balance_from: datetime | None
    balance_until: datetime | None


class RefundOut(Struct, kw_only=True):
    """Money to be paid back to a buyer: a short group's, what a larger group saves, a deposit."""

    key: str
    about: Annotated[str, Meta(description="The order, or the claim of a presale.")]
    customer_key: str | None
    amount_minor: int
    owed_at: datetime
    repaid_by: Annotated[str | None, Meta(description="The payment that paid it back.")]


class RepaidIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A refund that was paid back."""

    refund: Annotated[str, Meta(min_length=1, max_length=180)]
    payment_key: PaymentKey


class Repaid(Struct, kw_only=True):
    """A refund and its payment."""

    refund: str
    repaid_by: str


DepositBody = Annotated[
    DepositIn,
    Body(
        examples=[
            Example(
                summary="A deposit",
                value={
                    "claim": "clm_01jcd4v1p8e3x9f6m2k7s0t5wq",
                    "payment_key": "pay_2025110100017",
                    "amount_minor": 5000,
                },
            )
        ]
    ),
]


@post(
    "/v1/deposits",
    opt={"access": Key(Scope.ORDERS_WRITE)},
    status_code=201,
    sync_to_thread=True,
    tags=["orders"],
    operation_id="payDeposit",
    summary="Record the deposit of a presale",
)
def record_deposit(
    request: Request[Any, Any, Any], house: House, caller: Caller, data: DepositBody
) -> Response[Deposit]:
    """Take a presale's piece and keep its deposit; the balance is an order of its own later.

    Refused with `deposit_late` when the time to pay it is over: pay it back then.
    """

    def pay(tx: Connection) -> tuple[int, Deposit]:
        claim = pay_deposit(
            Act.of(tx, caller.shop, caller.actor),
            claim_key=data.claim,
            payment_key=data.payment_key,
            amount_minor=data.amount_minor,
        )
        return 201, _out(claim)

    return idempotent(house, caller, request, data, pay)


@get(
    "/v1/refunds",
    opt={"access": key_reading(Data.ORDERS)},
    sync_to_thread=True,
    tags=["orders"],
    operation_id="listRefunds",
    summary="List the money owed to buyers",
)
def list_refunds(
    house: House, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> Page[RefundOut]:
    """List what is to be paid back by itself, the newest first, with what was paid back."""
    scope = f"refunds {caller.shop.id}"
    before = read_cursor(house, scope=scope, cursor=cursor)
    with house.db.read() as tx:
        rows = refunds.refunds_page(tx, shop_id=caller.shop.id, before=before, limit=limit + 1)
    found, next_cursor = page_of(
        house, scope=scope, rows=rows, limit=limit, position=lambda each: each.seq
    )
    items = [
        RefundOut(
            key=each.key,
            about=each.about,
            customer_key=each.customer_key,
            amount_minor=each.amount_minor,
            owed_at=each.owed_at,
            repaid_by=each.repaid_by,
        )
        for each in found
    ]
    return Page(items=items, next_cursor=next_cursor)


@post(
    "/v1/refunds/paid",
    opt={"access": Key(Scope.ORDERS_WRITE)},
    status_code=200,
    sync_to_thread=True,
    tags=["orders"],
    operation_id="repayRefund",
    summary="Note that a refund was paid back",
)
def repay_refund(
    request: Request[Any, Any, Any], house: House, caller: Caller, data: RepaidIn
) -> Response[Repaid]:
    """Take a refund off the list of what is owed; another payment for it is refused."""

    def repay(tx: Connection) -> tuple[int, Repaid]:
        payment = refunds.repay(
            Act.of(tx, caller.shop, caller.actor), key=data.refund, payment_key=data.payment_key
        )
        return 200, Repaid(refund=data.refund, repaid_by=payment)

    return idempotent(house, caller, request, data, repay)


def _out(claim: Claim) -> Deposit:
    granted = claim.granted
    return Deposit(
        claim=outward("clm", claim.id),
        customer_key=claim.customer_key,
        product_key=granted.product_key,
        deposit_minor=granted.deposit_minor,
        worth_minor=granted.amount,
        balance_from=granted.usable_from,
        balance_until=claim.expires_at,
    )


routes = [record_deposit, list_refunds, repay_refund]
