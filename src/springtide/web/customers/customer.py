"""One customer's file: standing, money, orders, messages, and whether they may be written to."""

import json
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Data, Member, Needs, Permission, reading
from springtide.domain.access.operations import record_audit
from springtide.domain.customers import operations, queries
from springtide.domain.customers.model import Customer, OrderLine
from springtide.domain.outreach.model import Message
from springtide.domain.outreach.queries import messages_to
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.points import balance_of
from springtide.domain.rewards.privileges import privileges_of
from springtide.domain.rewards.queries import held_by
from springtide.domain.rewards.states import GRANTED
from springtide.flows.claims.gifts import WAITS, give_points
from springtide.flows.people.erasure import HELD_TAKEN, ask, held
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward, outward
from springtide.web.frame.forms import Posted, read_count
from springtide.web.frame.render import language_of, page, see_other, view_of
from springtide.web.frame.tiers import COLOURS
from springtide.web.frame.words import refusal as told

_ADDRESS = "/shops/{shop:str}/customers/{customer:str}"
_ORDERS_SHOWN = 50


@get(_ADDRESS, opt={"access": reading(Data.CUSTOMERS)}, sync_to_thread=True)
def customer_page(
    request: Request[Any, Any, Any], house: House, member: Member, customer: str
) -> Response[str]:
    """Show a customer's file."""
    shop = member.shop
    now = house.now(shop)
    with house.db.read() as tx:
        found = _find(tx, member, customer)
        messages = messages_to(tx, shop_id=shop.id, customer_key=found.key)
        points = balance_of(tx, shop_id=shop.id, customer_key=found.key)
        held = held_by(tx, shop_id=shop.id, customer_key=found.key, now=now)
    activity, orders = queries.history_of(house.facts, shop=shop, key=found.key)
    orders = orders[:_ORDERS_SHOWN]
    standings = queries.standings(house.facts, shop=shop, as_of=queries.last_full_day(shop, now))
    standing = standings.by_key.get(found.key)
    privileges: list[Reward] = []
    if standing is not None:
        with house.db.read() as tx:
            privileges = privileges_of(tx, shop=shop, tier=standing.segment, now=now)
    return page(
        request,
        "customers/customer.html",
        member=member,
        customer=found,
        activity=activity,
        standing=standing,
        privileges=privileges,
        messages=messages,
        events=timeline(orders, messages, found),
        colours=COLOURS,
        points=points,
        held=[
            each
            for each in held
            if each.granted.what not in ("points", "packet", "tickets", "nothing")
        ],
        granted_titles=GRANTED,
        may_write=member.may(Permission.CUSTOMERS_WRITE),
        may_erase=member.may(Permission.SETTINGS_WRITE),
    )


@post(
    _ADDRESS + "/opt-out",
    opt={"access": Needs(Permission.CUSTOMERS_WRITE)},
    sync_to_thread=True,
)
def opt_out(
    request: Request[Any, Any, Any], house: House, member: Member, customer: str
) -> Response[Any]:
    """Take the customer off all outreach, because they asked a person for it."""

    def work(tx: Connection) -> Customer:
        found = _find(tx, member, customer)
        operations.opt_out(
            Act.of(tx, member.shop, member.actor), key=found.key, by="customer service"
        )
        return found

    found = house.db.run(work)
    return _back(request, member, found, N_("They will get no more messages."))


@post(
    _ADDRESS + "/opt-in",
    opt={"access": Needs(Permission.CUSTOMERS_WRITE)},
    sync_to_thread=True,
)
def opt_in(
    request: Request[Any, Any, Any], house: House, member: Member, customer: str
) -> Response[Any]:
    """Let the customer be written to again, because they asked for it."""

    def work(tx: Connection) -> Customer:
        found = _find(tx, member, customer)
        operations.opt_in(
            Act.of(tx, member.shop, member.actor), key=found.key, by="customer service"
        )
        return found

    found = house.db.run(work)
    return _back(request, member, found, N_("They may be written to again."))


@post(
    _ADDRESS + "/points",
    opt={"access": Needs(Permission.CUSTOMERS_WRITE)},
    sync_to_thread=True,
)
def points_adjust(
    request: Request[Any, Any, Any], house: House, member: Member, customer: str, data: Posted
) -> Response[Any]:
    """Give the customer points, or take some, for a stated reason."""
    with house.db.read() as tx:
        found = _find(tx, member, customer)
    address = f"/shops/{member.shop.slug}/customers/{outward('cus', found.id)}"
    try:
        text = str(data.get("amount", "")).strip().replace("−", "-")
        amount = read_count(text.lstrip("+-"))
        waits = house.db.run(
            lambda tx: give_points(
                Act.of(tx, member.shop, member.actor),
                customer_key=found.key,
                amount=-amount if text.startswith("-") else amount,
                reason=str(data.get("reason", "")),
            )
        )
    except Refusal as refusal:
        wrong = next(iter(getattr(refusal, "fields", {}).values()), refusal)
        view = view_of(request, member)
        return see_other(address, message=told(view, wrong), kind="danger")
    if waits is not None:
        return _back(request, member, found, WAITS)
    return _back(request, member, found, N_("The points are adjusted."))


@get(_ADDRESS + "/held.json", opt={"access": reading(Data.CUSTOMERS)}, sync_to_thread=True)
def held_file(house: House, member: Member, customer: str) -> Response[bytes]:
    """Give all that is kept of the customer, for whoever asks what is held of them."""

    def work(tx: Connection) -> Customer:
        found = _find(tx, member, customer)
        record_audit(
            tx,
            shop=member.shop,
            actor=member.actor,
            action=HELD_TAKEN,
            subject=outward("cus", found.id),
        )
        return found

    found = house.db.run(work)
    document = {
        "key": found.key,
        "name": found.name,
        "email": found.email,
        "attributes": found.attributes,
        "held": held(house, member.shop, key=found.key),
    }
    return Response(
        json.dumps(document, ensure_ascii=False, indent=1, default=str).encode(),
        media_type="application/json",
        headers={"content-disposition": 'attachment; filename="customer.json"'},
    )


@post(
    _ADDRESS + "/erase",
    opt={"access": Needs(Permission.SETTINGS_WRITE, fresh=True)},
    sync_to_thread=True,
)
def erase_customer(
    request: Request[Any, Any, Any], house: House, member: Member, customer: str, data: Posted
) -> Response[Any]:
    """Erase the customer for good, because they asked for it."""
    with house.db.read() as tx:
        found = _find(tx, member, customer)
    ask(house, member.shop, key=found.key, block=bool(data.get("block")), actor=member.actor)
    text = translate(N_("The customer is being erased."), language_of(request, member))
    return see_other(f"/shops/{member.shop.slug}/customers", message=text)


def timeline(
    orders: list[OrderLine], messages: list[tuple[Message, str]], customer: Customer
) -> list[tuple[datetime, str, Any]]:
    """Return what happened between us, newest first: (instant, kind, what)."""
    events: list[tuple[datetime, str, Any]] = [(o.ordered_at, "order", o) for o in orders]
    events += [(m.sent_at, "message", (m, name)) for m, name in messages if m.sent_at]
    if customer.opted_out_at:
        events.append((customer.opted_out_at, "opt_out", None))
    return sorted(events, key=lambda event: event[0], reverse=True)


def _find(tx: Any, member: Member, customer: str) -> Customer:
    customer_id: UUID = inward("cus", customer)
    return queries.customer_by_id(tx, shop_id=member.shop.id, customer_id=customer_id)


def _back(
    request: Request[Any, Any, Any], member: Member, customer: Customer, text: str
) -> Response[Any]:
    address = f"/shops/{member.shop.slug}/customers/{outward('cus', customer.id)}"
    return see_other(address, message=translate(text, language_of(request, member)))


routes = [customer_page, opt_out, opt_in, points_adjust, held_file, erase_customer]
