"""A sample shop window of demo shops: what a shop's own site does with the public API.

The page's script uses the publishable key alone. Three routes here stand for the shop's own
server: they say who the visitor is, place the order, and tell that it was paid.
"""

import hashlib
import hmac
from typing import Any

from litestar import Request, Response, get, post
from msgspec import Struct
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import PUBLISHABLE_SCOPES, Actor, Public, Shop
from springtide.domain.access.operations import create_key
from springtide.domain.access.queries import caller, shop_by_slug
from springtide.domain.campaigns.queries import campaigns
from springtide.domain.catalog.queries import products_by_keys, search_products
from springtide.domain.orders.model import Order
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.queries import current_prices
from springtide.domain.pricing.rules import RULES
from springtide.domain.rewards.deposits import pay_deposit
from springtide.domain.rewards.queries import held_by
from springtide.flows.checkout import place as checkout
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.customer_tokens import customer_of, sign_customer
from springtide.flows.checkout.quotes import quoted_total
from springtide.flows.claims.standing import standing_by
from springtide.kit.errors import NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import outward, uuid7
from springtide.web.frame.render import page, view_of
from springtide.web.frame.tiers import SEGMENT_NAMES

_OPEN = {"access": Public("a sample window; only demo shops have one, with play money")}
_ACTOR = Actor("command", "storefront", "sample storefront")
SHOWN = 12
#: The room whose refusals a visitor meets.
REWARDS = "springtide.domain.rewards."


class LineIn(Struct, forbid_unknown_fields=True):
    """So many pieces of a product."""

    product_key: str
    quantity: int


class OrderIn(Struct, forbid_unknown_fields=True):
    """A visitor's cart, the quote they saw, and who they are."""

    lines: list[LineIn]
    customer_token: str
    quote: str
    points: int = 0


class DepositIn(Struct, forbid_unknown_fields=True):
    """A presale's claim, and who they are."""

    claim: str
    customer_token: str


@get("/store/{shop:str}", opt=_OPEN, sync_to_thread=True)
def store_page(request: Request[Any, Any, Any], house: House, shop: str) -> Response[Any]:
    """Show the window: products with their prices; all else the page asks of the API."""
    with house.db.read() as tx:
        found = _demo(tx, shop)
        shelf = _shelf(tx, house, found)
    language = view_of(request).language
    return page(
        request,
        "demo_storefront/store.html",
        store=found,
        shelf=shelf,
        publishable_key=_key(house, found),
        titles={kind: translate(rule.title, language) for kind, rule in RULES.items()},
        refusals=_refusals(language),
        tiers={tier: translate(tier, language) for tier in SEGMENT_NAMES},
    )


@post("/store/{shop:str}/visitor", opt=_OPEN, status_code=200, sync_to_thread=True)
def store_visitor(house: House, shop: str) -> dict[str, str]:
    """Say who a new visitor is, as a shop's server does at log-in: a customer of the demo."""
    with house.db.read() as tx:
        found = _demo(tx, shop)
    now = house.real_now()
    key = f"visitor-{uuid7(now).hex[-12:]}"
    token, _ = sign_customer(house.settings.secret, shop=found, customer_key=key, now=now)
    return {"customer_key": key, "customer_token": token}


@post("/store/{shop:str}/orders", opt=_OPEN, status_code=201, sync_to_thread=True)
def store_order(house: House, shop: str, data: OrderIn) -> dict[str, Any]:
    """Place an order at the price that was quoted."""
    with house.db.read() as tx:
        found = _demo(tx, shop)
    secret, now = house.settings.secret, house.now(found)
    customer = customer_of(secret, shop=found, token=data.customer_token, now=house.real_now())
    lines = tuple(CartLine(line.product_key, line.quantity) for line in data.lines)
    wanted = Wanted(lines, points=data.points, customer_key=customer)
    total = quoted_total(secret, shop=found, wanted=wanted, token=data.quote, now=now)

    def place(tx: Connection) -> Order:
        return checkout.place(
            Act.of(tx, found, _ACTOR, now),
            wanted=wanted,
            placing=checkout.Placing(quoted_minor=total),
            standing_of=standing_by(house.facts, shop=found, now=now),
        )

    order = house.db.run(place)
    return {"order": order.key, "total_minor": order.total_minor}


@post("/store/{shop:str}/deposits", opt=_OPEN, status_code=201, sync_to_thread=True)
def store_deposit(house: House, shop: str, data: DepositIn) -> dict[str, str]:
    """Tell that a visitor's deposit was paid, as a payment service does."""
    with house.db.read() as tx:
        found = _demo(tx, shop)
    token, now = data.customer_token, house.now(found)
    customer = customer_of(house.settings.secret, shop=found, token=token, now=house.real_now())

    def work(tx: Connection) -> None:
        held = held_by(tx, shop_id=found.id, customer_key=customer, now=now)
        mine = [each for each in held if outward("clm", each.id) == data.claim]
        if not mine:
            raise NotFound(what="claim", key=data.claim[:40])
        pay_deposit(
            Act.of(tx, found, _ACTOR, now),
            claim_key=data.claim,
            payment_key=f"play-{data.claim}",
            amount_minor=mine[0].granted.deposit_minor,
        )

    house.db.run(work)
    return {"claim": data.claim, "state": "deposited"}


@post("/store/{shop:str}/orders/{order:str}/pay", opt=_OPEN, status_code=200, sync_to_thread=True)
def store_pay(house: House, shop: str, order: str) -> dict[str, str]:
    """Tell that an order was paid, as a payment service does."""

    def work(tx: Connection) -> None:
        found = _demo(tx, shop)
        checkout.pay(Act.of(tx, found, _ACTOR), key=order, payment_key=f"play-{order}")

    house.db.run(work)
    return {"order": order, "state": "paid"}


def _demo(tx: Connection, slug: str) -> Shop:
    found = shop_by_slug(tx, slug=slug)
    if not found.is_demo:
        raise NotFound(what="shop", key=slug[:60])
    return found


def _shelf(tx: Connection, house: House, shop: Shop) -> list[dict[str, Any]]:
    """Return the heroes of the newest campaign, else some products, with the prices of now."""
    found = campaigns(tx, shop_id=shop.id)
    keys = [hero.product_key for hero in found[0].heroes][:SHOWN] if found else []
    known = products_by_keys(tx, shop_id=shop.id, keys=keys)
    if not known:
        known = {each.key: each for each in search_products(tx, shop_id=shop.id, limit=SHOWN)}
    prices = current_prices(tx, shop_id=shop.id, keys=known, now=house.now(shop))
    return [
        {
            "key": key,
            "name": product.name,
            "regular_minor": prices[key].regular_minor,
            "unit_minor": prices[key].unit_minor,
        }
        for key, product in known.items()
        if key in prices
    ]


def _refusals(language: str) -> dict[str, str]:
    """Return the sentences of what claims are refused with, by code, facts to be filled in."""
    found, kinds = {}, [Refusal]
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith(REWARDS):
            found[kind.code] = translate(kind.text, language)
    return found


def _key(house: House, shop: Shop) -> str:
    """Return the window's publishable key, the same after every start."""
    seal = hmac.new(house.settings.secret.encode(), b"window:" + shop.id.bytes, hashlib.sha256)
    token = f"pk_live_{seal.hexdigest()[:40]}"
    with house.db.read() as tx:
        if caller(tx, token=token) is not None:
            return token
    house.db.run(
        lambda tx: create_key(
            Act.of(tx, shop, _ACTOR),
            name="Sample storefront",
            scopes=PUBLISHABLE_SCOPES,
            is_publishable=True,
            token=token,
        )
    )
    return token


routes = [store_page, store_visitor, store_order, store_deposit, store_pay]
