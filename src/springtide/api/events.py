"""What visitors do, batch by batch: views, favourites, carts, clicks."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from litestar import Request, Response, post
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.fields import (
    KEY_PATTERN,
    CustomerKey,
    InstantText,
    Plain,
    ProductKey,
    PropName,
    Simulated,
    SourcePath,
    VisitorKey,
    instant_of,
)
from springtide.api.simulated import refuse_outside_demo
from springtide.api.stated import NeedsServerKey, customer_proven
from springtide.api.writes import HEADER, idempotent
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.domain.facts import fact_ids
from springtide.domain.facts.kinds import said
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.flows.checkout.customer_tokens import TOKEN_LENGTH_MAX, BadCustomerToken
from springtide.kit.ids import outward, uuid7

EVENTS_MAX = 500
PROPS_MAX = 20
#: How far a visitor's clock may lie behind or ahead of the shop's.
BEHIND_MAX = timedelta(days=7)
AHEAD_MAX = timedelta(minutes=5)


if TYPE_CHECKING:
    EventName = str
else:
    #: The kinds that a shop's site tells.
    EventName = Literal[tuple(said("is_sent"))]


class Event(Struct, kw_only=True, forbid_unknown_fields=True):
    """One thing that a visitor did."""

    kind: EventName
    id: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=150,
                pattern=KEY_PATTERN,
                description="Your name of the event: sent again, it is the same event.",
                examples=["0192f3c1-7a4e"],
            ),
        ]
        | None
    ) = None
    occurred_at: (
        Annotated[
            InstantText,
            Meta(
                description="When, up to 7 days back. Left out or out of bounds: now, by the "
                "shop's clock.",
            ),
        ]
        | None
    ) = None
    visitor_key: VisitorKey | None = None
    customer_key: (
        Annotated[
            CustomerKey,
            Meta(
                description="With a publishable key it counts only where customer_token proves it; "
                "else the event is kept without a customer."
            ),
        ]
        | None
    ) = None
    product_key: ProductKey | None = None
    sku_key: Annotated[str, Meta(min_length=1, max_length=120, pattern=KEY_PATTERN)] | None = None
    quantity: Annotated[int, Meta(ge=0, le=1_000_000, description="Pieces put in the cart.")] = 1
    source_path: SourcePath | None = None
    campaign_key: Annotated[str, Meta(min_length=1, max_length=120, pattern=KEY_PATTERN)] | None = (
        None
    )
    reference: Annotated[str, Meta(max_length=200, description="Page or link.")] | None = None
    props: Annotated[
        dict[PropName, Plain],
        Meta(max_length=PROPS_MAX, description=f"Anything else, at most {PROPS_MAX} plain values."),
    ] = {}
    simulated: Simulated = False


class Events(Struct, kw_only=True, forbid_unknown_fields=True):
    """A batch of events: all are taken, or none."""

    events: Annotated[list[Event], Meta(min_length=1, max_length=EVENTS_MAX)]
    customer_token: (
        Annotated[
            str,
            Meta(
                max_length=TOKEN_LENGTH_MAX,
                description="From a browser: whose events these are, unless one names another.",
            ),
        ]
        | None
    ) = None


EventsBody = Annotated[
    Events,
    Body(
        examples=[
            Example(
                summary="A view and a cart",
                value={
                    "events": [
                        {
                            "kind": "view",
                            "id": "0192f3c1-7a4e",
                            "visitor_key": "v-7f3a",
                            "product_key": "1029743",
                            "source_path": "platform/search",
                        },
                        {"kind": "cart", "visitor_key": "v-7f3a", "product_key": "1029743"},
                    ]
                },
            )
        ]
    ),
]


class Taken(Struct, kw_only=True):
    """What became of a batch."""

    new: Annotated[int, Meta(description="Events that were not known.")]
    known: Annotated[int, Meta(description="Events whose id came before; they change nothing.")]
    moved: Annotated[
        int, Meta(description="Events whose time was out of bounds and became the shop's now.")
    ]
    anonymous: Annotated[
        int, Meta(description="Events kept without the customer whom they named: not proven.")
    ]


@post(
    "/v1/events",
    opt={"access": Key(Scope.EVENTS_WRITE, publishable=True), "idempotency": "optional"},
    status_code=200,
    sync_to_thread=True,
    tags=["events"],
    operation_id="takeEvents",
    summary="Take what visitors did",
)
def take_events(
    request: Request[Any, Any, Any], house: House, caller: Caller, data: EventsBody
) -> Response[Taken]:
    """Take up to 500 events in one transaction. An event with an id counts once.

    With a publishable key only `customer_token` names a customer; other events are a visitor's.
    """
    refuse_outside_demo(
        caller.shop,
        {f"events.{i}.simulated": event.simulated for i, event in enumerate(data.events)},
    )
    now = house.now(caller.shop)
    named = [_named(house, caller, data, event) for event in data.events]
    anonymous = sum(is_unproven for _, is_unproven in named)
    prepared = [
        _fact(caller, event, f"events.{i}", customer, now)
        for i, (event, (customer, _)) in enumerate(zip(data.events, named, strict=True))
    ]
    moved = sum(is_moved for _, is_moved in prepared)

    def take(tx: Connection) -> tuple[int, Taken]:
        done = append(tx, [fact for fact, _ in prepared], now=now, keep_first=True)
        return 200, Taken(new=done.new, known=done.unchanged, moved=moved, anonymous=anonymous)

    if HEADER in request.headers:
        return idempotent(house, caller, request, data, take)
    _, taken = house.db.run(take)
    return Response(taken)


def _named(house: House, caller: Caller, data: Events, event: Event) -> tuple[str | None, bool]:
    """Return whose an event is, and whether it named somebody whom it could not prove."""
    if event.customer_key is not None and not caller.key.is_publishable:
        return event.customer_key, False
    try:
        customer = customer_proven(house, caller, event.customer_key, data.customer_token)
    except (BadCustomerToken, NeedsServerKey):
        # What happened is kept all the same: a page may be open longer than its token holds.
        return None, True
    return customer, False


def _fact(
    caller: Caller, event: Event, place: str, customer: str | None, now: datetime
) -> tuple[Fact, bool]:
    """Return the fact of an event, and whether its time had to be moved to now."""
    text = event.occurred_at
    said = None if text is None else instant_of(text, f"{place}.occurred_at")
    is_moved = said is not None and not now - BEHIND_MAX <= said <= now + AHEAD_MAX
    props: dict[str, Any] = dict(event.props)
    if event.simulated:
        props["simulated"] = True
    if is_moved and said is not None:
        props["said_at"] = said.isoformat()
    fact = Fact(
        shop=caller.shop.slug,
        kind=event.kind,
        occurred_at=now if said is None or is_moved else said,
        source="simulated" if event.simulated else "api",
        external_id=fact_ids.build(event.kind, event.id or outward("evt", uuid7(now))),
        visitor_key=event.visitor_key,
        customer_key=customer,
        product_key=event.product_key,
        sku_key=event.sku_key,
        quantity=event.quantity,
        source_path=event.source_path,
        campaign_key=event.campaign_key,
        reference=event.reference,
        props=props,
    )
    return fact, is_moved


routes = [take_events]
