"""What a cart costs now: the same decision as at checkout."""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, post
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.door import address_of
from springtide.api.fields import Currency, CustomerKey, ProductKey, Quantity
from springtide.api.guesses import GUESSES
from springtide.api.stated import customer_proven, refuse_servers_words
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope, Shop
from springtide.domain.pricing.explain import Outcome
from springtide.domain.pricing.model import CartLine, Decision
from springtide.flows.checkout import place
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.customer_tokens import TOKEN_LENGTH_MAX
from springtide.flows.checkout.place import Prepared
from springtide.flows.checkout.quotes import sign_quote
from springtide.flows.checkout.upsell import top_ups
from springtide.flows.claims.standing import standing_by


class CartLineIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """So many pieces of one product; prices are never sent."""

    product_key: ProductKey
    quantity: Quantity


Code = Annotated[str, Meta(min_length=1, max_length=60)]
#: Lines of a cart or an order.
LinesIn = Annotated[
    list[CartLineIn], Meta(min_length=1, max_length=500, description="At most 500 lines.")
]


Name = Annotated[str, Meta(min_length=1, max_length=60)]


class Holding(Struct, kw_only=True, forbid_unknown_fields=True):
    """A rule that only its holders may use, and the amount where it is the holder's own."""

    rule_id: Annotated[str, Meta(max_length=60, examples=["rul_01jcd4v1p8e3x9f6m2k7s0t5wq"])]
    amount_minor: Annotated[int, Meta(ge=0, le=10**9)] = 0


class CartIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A cart, with all that its price depends on."""

    lines: LinesIn
    codes: Annotated[list[Code], Meta(max_length=20, description="Codes the buyer typed.")] = []
    points: Annotated[int, Meta(ge=0, le=10**12, description="Points the buyer wants to use.")] = 0
    points_balance: (
        Annotated[
            int,
            Meta(
                ge=0,
                le=10**12,
                description="With a secret key, where your own site keeps the shop's points: what "
                "the buyer has there. Left out, none.",
            ),
        ]
        | None
    ) = None
    shipping_minor: Annotated[
        int, Meta(ge=0, le=10**9, description="The shipping fee, before free shipping.")
    ] = 0
    customer_key: CustomerKey | None = None
    channel: Annotated[str, Meta(max_length=60, examples=["app"])] = ""
    region: Annotated[str, Meta(max_length=60, examples=["浙江"])] = ""
    segments: Annotated[
        list[Name],
        Meta(max_length=50, description="With a secret key: the customer's segments."),
    ] = []
    holds: Annotated[
        list[Holding],
        Meta(
            max_length=50,
            description="With a secret key: coupons and packets of your own that this customer "
            "holds. What Springtide's rewards give out it knows itself; stated, it is refused.",
        ),
    ] = []
    currency: (
        Annotated[
            str,
            Meta(
                max_length=3,
                description="Refused where the shop's is another.",
                examples=["CNY"],
            ),
        ]
        | None
    ) = None


class QuoteIn(CartIn, kw_only=True, forbid_unknown_fields=True):
    """A cart to price."""

    explain: Annotated[bool, Meta(description="Say what became of every rule.")] = True
    customer_token: (
        Annotated[
            str,
            Meta(
                max_length=TOKEN_LENGTH_MAX,
                description="From a browser: whose coupons, packets and points count.",
            ),
        ]
        | None
    ) = None


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


class TopUp(Struct, kw_only=True):
    """A product of which one piece reaches the next step."""

    product_key: ProductKey
    name: str
    unit_minor: int


class NextStep(Struct, kw_only=True):
    """Add so much money or so many pieces to the cart, save so much more."""

    saves_minor: int
    missing_minor: int = 0
    missing_pieces: int = 0
    products: Annotated[list[TopUp], Meta(description="The cheapest that would do.")] = []


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


_SECRET = frozenset({"no_code", "not_issued"})


def _outcomes(
    tx: Connection, shop: Shop, prepared: Prepared, found: Sequence[Outcome]
) -> list[RuleOutcome]:
    """Return what became of every rule, with products that would reach the next step.

    Codes that were not typed and coupons that are not held are nobody's business but the shop's.
    """
    found = [each for each in found if each.reason is None or each.reason.code not in _SECRET]
    in_cart = {line.product_key for line in prepared.cart.lines}
    more = top_ups(
        tx, shop=shop, plan=prepared.plan, outcomes=found, in_cart=in_cart, now=prepared.now
    )
    outcomes = []
    for each in found:
        outcome = msgspec.convert(msgspec.to_builtins(each), RuleOutcome)
        if outcome.next_step is not None:
            outcome.next_step.products = [
                TopUp(product_key=top.product_key, name=top.name, unit_minor=top.unit_minor)
                for top in more.get(each.rule_id, ())
            ]
        outcomes.append(outcome)
    return outcomes


def wanted_of(data: CartIn) -> Wanted:
    """Return a cart as the checkout takes it."""
    return Wanted(
        lines=tuple(CartLine(line.product_key, line.quantity) for line in data.lines),
        codes=tuple(data.codes),
        points=data.points,
        points_balance=data.points_balance,
        shipping_minor=data.shipping_minor,
        customer_key=data.customer_key,
        channel=data.channel,
        region=data.region,
        segments=tuple(data.segments),
        holds=tuple((each.rule_id, each.amount_minor) for each in data.holds),
        currency=data.currency,
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
def quote(request: Request[Any, Any, Any], house: House, caller: Caller, data: QuoteBody) -> Quote:
    """Price a cart as an order placed now would be priced; nothing is kept.

    Who typed too many wrong codes has to wait (`too_many_guesses`), with a right one too.
    """
    refuse_servers_words(caller, data)
    customer = customer_proven(house, caller, data.customer_key, data.customer_token)
    shop, now = caller.shop, house.now(caller.shop)
    wanted = replace(wanted_of(data), customer_key=customer)
    address = address_of(request.scope) if caller.key.is_publishable else None
    if data.codes:
        GUESSES.refuse(shop.id, customer=customer, address=address, at_seconds=time.monotonic())
    standing_of = standing_by(house.facts, shop=shop, now=now)
    with house.db.read() as tx:
        prepared = place.prepare(tx, shop=shop, wanted=wanted, now=now, standing_of=standing_of)
        if wrong := prepared.plan.codes_unknown(data.codes):
            GUESSES.wrong(
                shop.id, wrong, customer=customer, address=address, at_seconds=time.monotonic()
            )
        outcomes: list[RuleOutcome] = []
        if data.explain:
            explained = prepared.explain()
            decision = explained.decision
            outcomes = _outcomes(tx, shop, prepared, explained.outcomes)
        else:
            decision = prepared.price()
    token, valid_until = sign_quote(
        house.settings.secret, shop=shop, wanted=wanted, decision=decision
    )
    return Quote(
        campaign_key=prepared.campaign_key,
        decision=public_decision(decision),
        outcomes=outcomes,
        quote=token,
        valid_until=valid_until,
    )


routes: list[Any] = [quote]
