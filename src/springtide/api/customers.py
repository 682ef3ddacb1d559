"""Customers: written by the shop, read with what they bought."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.openapi.spec import Example
from litestar.params import Body, QueryParameter
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.fields import Currency, CustomerKey, PathKey, Plain, PropName
from springtide.api.paging import Cursor, Limit, Page, read_cursor, write_cursor
from springtide.api.writes import idempotent
from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Caller, Data, Key, Scope, Shop, key_reading
from springtide.domain.customers import model, queries
from springtide.domain.customers.operations import checked_entry, upsert_customers
from springtide.flows.people.erasure import ask_within
from springtide.kit.errors import Invalid, Refusal
from springtide.kit.ids import outward

#: Customers of one request.
CUSTOMERS_MAX = 1_000


class CustomerIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A customer as the shop knows them; what is left out stays as it is."""

    key: CustomerKey
    name: Annotated[str, Meta(max_length=300)] | None = None
    email: Annotated[str, Meta(max_length=254, examples=["li@example.com"])] | None = None
    attributes: (
        Annotated[
            dict[PropName, Plain],
            Meta(max_length=30, description="At most 30 plain values."),
        ]
        | None
    ) = None


class Customers(Struct, kw_only=True, forbid_unknown_fields=True):
    """Customers to add or to change: all go in, or none."""

    customers: Annotated[list[CustomerIn], Meta(min_length=1, max_length=CUSTOMERS_MAX)]


CustomersBody = Annotated[
    Customers,
    Body(
        examples=[
            Example(
                summary="One customer",
                value={"customers": [{"key": "1228", "name": "Li Mei", "email": "li@example.com"}]},
            )
        ]
    ),
]


class Filed(Struct, kw_only=True):
    """What became of a batch, in customers."""

    new: int
    changed: int
    unchanged: int


class Standing(Struct, kw_only=True):
    """What a customer did so far; scores go from 1 to 5, 5 being best."""

    currency: Currency
    order_count: int
    money_minor: int
    last_order_on: date
    recency_days: int
    recency_score: int
    frequency_score: int
    money_score: int
    segment: Annotated[str, Meta(description="The customer's tier.")]


class Customer(Struct, kw_only=True):
    """One customer; `standing` counts full days of the shop, and is null for one new today."""

    key: str
    id: Annotated[str | None, Meta(description="Null for one that only the facts know.")]
    name: str
    email: str | None
    opted_out_at: datetime | None
    attributes: dict[str, Any]
    standing: Standing | None


class EraseIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """How to erase."""

    block: Annotated[
        bool, Meta(description="Keep a hash that holds whoever has this key off outreach.")
    ] = False


class ErasureOut(Struct, kw_only=True):
    """An erasure that was begun."""

    erasure: Annotated[str, Meta(examples=["ers_01jcd4v1p8e3x9f6m2k7s0t5wq"])]


@get(
    "/v1/customers",
    opt={"access": key_reading(Data.CUSTOMERS)},
    sync_to_thread=True,
    tags=["customers"],
    operation_id="listCustomers",
    summary="List and search customers",
)
def list_customers(
    house: House,
    caller: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
    text: Annotated[
        str, QueryParameter(max_length=120, description="Looked for in key, name and e-mail.")
    ] = "",
    segment: Annotated[str | None, QueryParameter(max_length=60)] = None,
) -> Page[Customer]:
    """List customers: those with orders by key, then those without."""
    scope = f"customers {caller.shop.id} {(text, segment)!r}"
    after = read_cursor(house, scope=scope, cursor=cursor)
    with house.db.read() as tx:
        page = queries.customers_page(
            tx,
            reader=house.facts,
            shop=caller.shop,
            as_of=queries.last_full_day(caller.shop, house.now(caller.shop)),
            text=text,
            segment=segment,
            sort="key",
            after=after,
            limit=limit,
        )
    following = page.next_cursor and write_cursor(house, scope=scope, position=page.next_cursor)
    return Page(
        items=[_customer(caller.shop, customer, standing) for customer, standing in page.rows],
        next_cursor=following,
    )


@get(
    "/v1/customers/{key:str}",
    opt={"access": key_reading(Data.CUSTOMERS)},
    sync_to_thread=True,
    tags=["customers"],
    operation_id="readCustomer",
    summary="Read a customer",
)
def read_customer(house: House, caller: Caller, key: PathKey) -> Customer:
    """Read one customer by the shop's own key."""
    with house.db.read() as tx:
        customer = queries.customer(tx, shop_id=caller.shop.id, key=key)
    day = queries.last_full_day(caller.shop, house.now(caller.shop))
    ranked = queries.standings(house.facts, shop=caller.shop, as_of=day)
    return _customer(caller.shop, customer, ranked.by_key.get(key))


@post(
    "/v1/customers",
    opt={"access": Key(Scope.CUSTOMERS_WRITE)},
    status_code=200,
    sync_to_thread=True,
    tags=["customers"],
    operation_id="writeCustomers",
    summary="Add or change customers",
)
def write_customers(
    request: Request[Any, Any, Any], house: House, caller: Caller, data: CustomersBody
) -> Response[Filed]:
    """Add up to 1,000 customers or change them by their keys. Nothing here opts anyone in."""
    entries = [
        model.CustomerEntry(each.key, each.name, each.email, each.attributes)
        for each in data.customers
    ]
    _refuse_bad(entries)

    def write(tx: Connection) -> tuple[int, Filed]:
        done = upsert_customers(Act.of(tx, caller.shop, caller.actor), entries=entries)
        return 200, Filed(new=done.new, changed=done.changed, unchanged=done.unchanged)

    return idempotent(house, caller, request, data, write)


@post(
    "/v1/customers/{key:str}/erase",
    opt={"access": Key(Scope.CUSTOMERS_ERASE)},
    status_code=202,
    sync_to_thread=True,
    tags=["customers"],
    operation_id="eraseCustomer",
    summary="Erase a customer for good",
)
def erase_customer(
    request: Request[Any, Any, Any], house: House, caller: Caller, key: PathKey, data: EraseIn
) -> Response[ErasureOut]:
    """Erase a customer who asks for it: contact details and key go, sums stay.

    The worker does it; the key of the answer tells the erasure in the audit log.
    """

    def begin(tx: Connection) -> tuple[int, ErasureOut]:
        found = ask_within(Act.of(tx, caller.shop, caller.actor), key=key, block=data.block)
        return 202, ErasureOut(erasure=found.key)

    return idempotent(house, caller, request, data, begin)


def _refuse_bad(entries: Sequence[model.CustomerEntry]) -> None:
    problems: dict[str, Refusal] = {}
    for index, entry in enumerate(entries):
        try:
            checked_entry(entry)
        except Refusal as refusal:
            problems[f"customers.{index}"] = refusal
    if problems:
        raise Invalid(problems)


def _customer(shop: Shop, customer: model.Customer, standing: model.Standing | None) -> Customer:
    return Customer(
        key=customer.key,
        id=outward("cus", customer.id) if customer.id.int else None,
        name=customer.name,
        email=customer.email,
        opted_out_at=customer.opted_out_at,
        attributes=dict(customer.attributes),
        standing=None
        if standing is None
        else Standing(
            currency=shop.currency,
            order_count=standing.order_count,
            money_minor=standing.money_minor,
            last_order_on=standing.last_order_on,
            recency_days=standing.recency_days,
            recency_score=standing.recency_score,
            frequency_score=standing.frequency_score,
            money_score=standing.money_score,
            segment=standing.segment,
        ),
    )


routes: list[Any] = [list_customers, read_customer, write_customers, erase_customer]
