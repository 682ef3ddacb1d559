"""What a cart costs now: the same decision as at checkout."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct

from springtide.api.fields import Currency, ProductKey, Quantity
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.domain.pricing.model import CartLine, Decision
from springtide.flows import checkout


class CartLineIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """So many pieces of one product; prices are never sent."""

    product_key: ProductKey
    quantity: Quantity


#: Lines of a cart or an order.
LinesIn = Annotated[
    list[CartLineIn], Meta(min_length=1, max_length=500, description="At most 500 lines.")
]


class QuoteIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A cart."""

    lines: LinesIn


QuoteBody = Annotated[
    QuoteIn,
    Body(
        examples=[
            Example(
                summary="Two pieces of one product",
                value={"lines": [{"product_key": "1029743", "quantity": 2}]},
            )
        ]
    ),
]


class PricedLine(Struct, kw_only=True):
    """One product of the cart; lines of the same product are joined."""

    product_key: ProductKey
    quantity: int
    regular_minor: Annotated[int, Meta(description="Regular price a piece.")]
    campaign_minor: Annotated[int | None, Meta(description="Price a piece in the sale.")]
    unit_minor: Annotated[int, Meta(description="Price a piece before rules.")]
    gross_minor: Annotated[int, Meta(description="The line before rules.")]
    discount_minor: Annotated[int, Meta(description="The line's share of what rules take off.")]
    payable_minor: Annotated[int, Meta(description="What is to be paid for the line.")]


class RuleReason(Struct, kw_only=True):
    """Why a rule gave nothing."""

    code: Annotated[str, Meta(examples=["below_threshold"])]
    observed: int | str
    needed: int | str
    others: list[str] = []


class NextStep(Struct, kw_only=True):
    """Add so much to the cart, save so much more."""

    missing_minor: int
    saves_minor: int


class AppliedRule(Struct, kw_only=True):
    """What became of one promotion rule."""

    rule_id: str
    version: int
    kind: Annotated[str, Meta(examples=["threshold_ladder"])]
    is_applied: bool
    amount_minor: int
    shares: Annotated[list[int], Meta(description="Minor units a line, in the order of lines.")]
    reason: RuleReason | None = None
    next_step: NextStep | None = None


class Priced(Struct, kw_only=True):
    """A pricing decision: every amount in minor units."""

    currency: Currency
    priced_at: datetime
    input_hash: Annotated[str, Meta(description="SHA-256 of all that the price was made from.")]
    lines: list[PricedLine]
    rules: list[AppliedRule]
    regular_total_minor: int
    gross_minor: int
    discount_minor: int
    total_minor: Annotated[int, Meta(description="What is to be paid.")]
    engine: str


class Quote(Struct, kw_only=True):
    """The price of a cart now, and the campaign it is sold in."""

    campaign_key: str | None
    decision: Priced


def public_decision(decision: Decision) -> Priced:
    """Return what a buyer may see of a decision."""
    return msgspec.convert(decision.public_document(), Priced)


def cart_lines(lines: list[CartLineIn]) -> list[CartLine]:
    """Return lines as the checkout takes them."""
    return [CartLine(line.product_key, line.quantity) for line in lines]


@post(
    "/v1/quotes",
    opt={"access": Key(Scope.QUOTES_WRITE, publishable=True), "idempotency": "none"},
    status_code=200,
    sync_to_thread=True,
    tags=["orders"],
    operation_id="quote",
    summary="Price a cart",
)
def quote(house: House, caller: Caller, data: QuoteBody) -> Quote:
    """Price a cart as an order placed now would be priced; nothing is kept."""
    with house.db.read() as tx:
        quoted = checkout.quote(
            tx, shop=caller.shop, lines=cart_lines(data.lines), now=house.now(caller.shop)
        )
    return Quote(campaign_key=quoted.campaign_key, decision=public_decision(quoted.decision))


routes: list[Any] = [quote]
