"""What a cart costs now: the same decision as at checkout."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import post
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct

from springtide.api.fields import Currency, CustomerKey, ProductKey, Quantity
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.domain.pricing.explain import Outcome
from springtide.domain.pricing.model import CartLine, Decision
from springtide.flows import checkout
from springtide.flows.checkout import Wanted
from springtide.flows.quoting import sign_quote
from springtide.flows.standing import standing_by


class CartLineIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """So many pieces of one product; prices are never sent."""

    product_key: ProductKey
    quantity: Quantity


Code = Annotated[str, Meta(min_length=1, max_length=60)]
#: Lines of a cart or an order.
LinesIn = Annotated[
    list[CartLineIn], Meta(min_length=1, max_length=500, description="At most 500 lines.")
]


class CartIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A cart, with all that its price depends on."""

    lines: LinesIn
    codes: Annotated[list[Code], Meta(max_length=20, description="Codes the buyer typed.")] = []
    points: Annotated[int, Meta(ge=0, le=10**12, description="Points the buyer wants to use.")] = 0
    shipping_minor: Annotated[
        int, Meta(ge=0, le=10**9, description="The shipping fee, before free shipping.")
    ] = 0
    customer_key: CustomerKey | None = None
    channel: Annotated[str, Meta(max_length=60, examples=["app"])] = ""
    region: Annotated[str, Meta(max_length=60, examples=["浙江"])] = ""


class QuoteIn(CartIn, kw_only=True, forbid_unknown_fields=True):
    """A cart to price."""

    explain: Annotated[bool, Meta(description="Say what became of every rule.")] = True


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
    tax_minor: Annotated[int, Meta(description="The tax in it.")]


class AppliedRule(Struct, kw_only=True):
    """A promotion rule of the best legal stack."""

    rule_id: str
    version: int
    kind: Annotated[str, Meta(examples=["threshold_ladder"])]
    lane: Annotated[str, Meta(examples=["shop"])]
    amount_minor: int
    shares: Annotated[list[int], Meta(description="Minor units a line, in the order of lines.")]
    points: Annotated[int, Meta(description="Points the buyer pays with.")] = 0


class Gift(Struct, kw_only=True):
    """Pieces of a product that go with the order for nothing."""

    rule_id: str
    product_key: ProductKey
    quantity: int


class Priced(Struct, kw_only=True):
    """A pricing decision: every amount in minor units."""

    currency: Currency
    priced_at: datetime
    input_hash: Annotated[str, Meta(description="SHA-256 of all that the price was made from.")]
    lines: list[PricedLine]
    rules: list[AppliedRule]
    gifts: list[Gift]
    regular_total_minor: int
    gross_minor: int
    discount_minor: int
    shipping_minor: Annotated[int, Meta(description="Shipping to be paid.")]
    shipping_discount_minor: int
    tax_minor: Annotated[int, Meta(description="The tax in the lines.")]
    total_minor: Annotated[int, Meta(description="What is to be paid.")]
    is_proven: Annotated[bool, Meta(description="No legal stack of rules is cheaper.")]
    engine: str


class RuleReason(Struct, kw_only=True):
    """Why a rule gave nothing."""

    code: Annotated[str, Meta(examples=["below_threshold"])]
    observed: int | str = 0
    needed: int | str = 0
    others: list[str] = []


class NextStep(Struct, kw_only=True):
    """Add so much money or so many pieces to the cart, save so much more."""

    saves_minor: int
    missing_minor: int = 0
    missing_pieces: int = 0


class RuleOutcome(Struct, kw_only=True):
    """What became of one promotion rule."""

    rule_id: str
    version: int
    kind: Annotated[str, Meta(examples=["threshold_ladder"])]
    lane: Annotated[str, Meta(examples=["shop"])]
    is_applied: bool
    amount_minor: int = 0
    reason: RuleReason | None = None
    next_step: NextStep | None = None


class Quote(Struct, kw_only=True):
    """The price of a cart now, the campaign it is sold in, and a signed promise of it."""

    campaign_key: str | None
    decision: Priced
    outcomes: list[RuleOutcome]
    quote: Annotated[str, Meta(description="Name it in the order to be held to this price.")]
    valid_until: datetime


def public_decision(decision: Decision) -> Priced:
    """Return what a buyer may see of a decision."""
    return msgspec.convert(decision.public_document(), Priced)


def wanted_of(data: CartIn) -> Wanted:
    """Return a cart as the checkout takes it."""
    return Wanted(
        lines=tuple(CartLine(line.product_key, line.quantity) for line in data.lines),
        codes=tuple(data.codes),
        points=data.points,
        shipping_minor=data.shipping_minor,
        customer_key=data.customer_key,
        channel=data.channel,
        region=data.region,
    )


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
    shop, now, wanted = caller.shop, house.now(caller.shop), wanted_of(data)
    standing_of = standing_by(house.facts, shop=shop, now=now)
    with house.db.read() as tx:
        prepared = checkout.prepare(tx, shop=shop, wanted=wanted, now=now, standing_of=standing_of)
    outcomes: tuple[Outcome, ...] = ()
    if data.explain:
        explained = prepared.explain()
        decision, outcomes = explained.decision, explained.outcomes
    else:
        decision = prepared.price()
    token, valid_until = sign_quote(
        house.settings.secret, shop=shop, wanted=wanted, decision=decision
    )
    return Quote(
        campaign_key=prepared.campaign_key,
        decision=public_decision(decision),
        outcomes=[msgspec.convert(msgspec.to_builtins(each), RuleOutcome) for each in outcomes],
        quote=token,
        valid_until=valid_until,
    )


routes: list[Any] = [quote]
