"""A campaign's heroes with their prices, its ladder, and a live sample cart beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.campaigns import operations
from springtide.domain.campaigns.model import Campaign, Hero
from springtide.domain.catalog.model import Product
from springtide.domain.catalog.queries import products_by_keys, search_products
from springtide.domain.pricing.book import BookPrice, SavedRule, Terms, shared_price_points
from springtide.domain.pricing.operations import remove_rule, save_rule
from springtide.domain.pricing.queries import (
    book_prices,
    campaign_rules,
    lowest_prices,
)
from springtide.domain.pricing.rule import ProductSet
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.kit.money import parse_minor
from springtide.web.campaigns.campaign import frame
from springtide.web.campaigns.forms import (
    LADDER_ROWS,
    address,
    campaign_of,
    ladder_values,
    money_text,
    read_keys,
    read_ladder,
)
from springtide.web.campaigns.rule_sample import SAMPLE_ROWS, sample_of
from springtide.web.frame.forms import AnyRequest, Form, Posted
from springtide.web.frame.render import page, see_other, view_of

_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.PRICES_WRITE)}
_PATH = "/shops/{shop:str}/campaigns/{campaign:str}/prices"
LADDER = "threshold_ladder"
FOUND_MAX = 12
#: The price that the product picker proposes, in basis points of the regular price.
_PROPOSED_BPS = 8_500


@dataclass(frozen=True, slots=True)
class HeroRow:
    """One hero with what its price means."""

    hero: Hero
    name: str
    book: BookPrice | None
    lowest_minor: int | None

    @property
    def off_ratio(self) -> float | None:
        """How far below the regular price."""
        if self.book is None or not self.book.regular_minor:
            return None
        return self.hero.price_minor / self.book.regular_minor - 1

    @property
    def margin_ratio(self) -> float | None:
        """What of the campaign price is left above the cost, where one is known."""
        if self.book is None or self.book.cost_minor is None or not self.hero.price_minor:
            return None
        return 1 - self.book.cost_minor / self.hero.price_minor

    @property
    def over_floor_minor(self) -> int | None:
        """What is left above the floor."""
        return self.hero.price_minor - self.book.floor_minor if self.book else None


@dataclass(frozen=True, slots=True)
class FoundRow:
    """One product in the picker with the price it would get."""

    product: Product
    book: BookPrice | None
    proposed: str


@get(_PATH, opt=_READ, sync_to_thread=True)
def price_page(request: AnyRequest, house: House, member: Member, campaign: str) -> Response[Any]:
    """Show heroes, ladder and sample cart."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    return _page(request, house, member, found)


@get(f"{_PATH}/products", opt=_READ, sync_to_thread=True)
def product_search(
    request: AnyRequest, house: House, member: Member, campaign: str, q: str = ""
) -> Response[Any]:
    """Show the products that a text finds, each with a price to add it at."""
    shop = member.shop
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
        products = search_products(tx, shop_id=shop.id, text=q[:80].strip(), limit=60)
        book = book_prices(tx, shop_id=shop.id, keys=[each.key for each in products])
    taken = {hero.product_key for hero in found.heroes}
    priced = [each for each in products if each.key in book and each.key not in taken]
    rows = [
        FoundRow(each, book[each.key], money_text(_proposed(book[each.key]), shop.currency))
        for each in priced[:FOUND_MAX]
    ]
    return page(
        request,
        "campaigns/_product_picker.html",
        member=member,
        rows=rows,
        asked=q[:80].strip(),
        base=address(member, found),
    )


@post(f"{_PATH}/heroes", opt=_WRITE, sync_to_thread=True)
def heroes_save(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Save the heroes' prices; with ``add`` one more, with ``remove`` one less."""
    shop = member.shop
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    try:
        heroes = _typed_heroes(found, data, shop.currency)
        house.db.run(
            lambda tx: operations.set_heroes(
                Act.of(tx, shop, member.actor), campaign_id=found.id, heroes=heroes
            )
        )
    except Refusal as refusal:
        form = Form.refused(data, refusal)
        return _page(request, house, member, found, hero_form=form, status=422)
    return _back(request, member, found, N_("Heroes saved."))


@post(f"{_PATH}/ladder", opt=_WRITE, sync_to_thread=True)
def ladder_save(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Save the ladder; an empty one takes it off the campaign."""
    shop, now = member.shop, house.now(member.shop)
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
        kept = _ladder(tx, found)
    try:
        params = read_ladder(data, shop.currency)

        def work(tx: Connection) -> None:
            if kept is not None and not params["steps"]:
                remove_rule(
                    Act.of(tx, shop, member.actor, now), campaign_id=found.id, rule_id=kept.id
                )
            else:
                save_rule(
                    Act.of(tx, shop, member.actor, now),
                    campaign_id=found.id,
                    rule_id=kept.id if kept else None,
                    kind=LADDER,
                    params=params,
                    terms=_ladder_terms(kept, data),
                )

        house.db.run(work)
    except Refusal as refusal:
        form = Form.refused(data, refusal)
        return _page(request, house, member, found, ladder_form=form, status=422)
    return _back(request, member, found, N_("Ladder saved."))


@post(f"{_PATH}/sample", opt=_READ, sync_to_thread=True)
def sample_cart(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Price the sample cart with the ladder as it stands in the form."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
        context = _sample(tx, house, member, found, data)
    return page(request, "campaigns/_rule_sample.html", member=member, **context)


def _sample(
    tx: Connection, house: House, member: Member, campaign: Campaign, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the decision for the sample cart with the ladder as it is typed."""
    kept = _ladder(tx, campaign)
    has_steps = any(str(data[name]).strip() for name in data if name.startswith("steps."))
    typed = {
        **data,
        "kind": LADDER if has_steps else "",
        "rule": kept.key if kept else "",
        "conditions.products.keys": ",".join(read_keys(str(data.get("products", "")))),
    }
    return sample_of(tx, house, member, campaign, typed)


def _ladder_terms(kept: SavedRule | None, data: Mapping[str, Any]) -> Terms:
    """Return a ladder's terms with the products that were typed; the others stay as they are."""
    terms = kept.terms if kept else Terms()
    products = ProductSet(keys=read_keys(str(data.get("products", ""))))
    conditions = msgspec.structs.replace(terms.conditions, products=products)
    return msgspec.structs.replace(terms, conditions=conditions)


def _typed_heroes(campaign: Campaign, data: Mapping[str, Any], currency: str) -> list[Hero]:
    problems: dict[str, Refusal] = {}
    heroes: list[Hero] = []
    keys = [hero.product_key for hero in campaign.heroes]
    added = str(data.get("add", "")).strip()
    if added and added not in keys:
        keys.append(added)
    for key in keys:
        if key == data.get("remove"):
            continue
        kept = next((each.price_minor for each in campaign.heroes if each.product_key == key), 0)
        text = data.get(f"heroes.{key}")
        try:
            heroes.append(Hero(key, kept if text is None else parse_minor(str(text), currency)))
        except Refusal as refusal:
            problems[f"heroes.{key}"] = refusal
    if problems:
        raise Invalid(problems)
    return heroes


def _page(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: Campaign,
    *,
    hero_form: Form | None = None,
    ladder_form: Form | None = None,
    status: int = 200,
) -> Response[Any]:
    shop, now = member.shop, house.now(member.shop)
    with house.db.read() as tx:
        rows = _hero_rows(tx, member, campaign, house)
        ladder = _ladder(tx, campaign)
        samples = _sample_defaults(tx, campaign, shop.id)
        values = ladder_values(ladder, shop.currency) if ladder else {}
        sample = _sample(tx, house, member, campaign, {**values, **samples})
    return page(
        request,
        "campaigns/campaign_prices.html",
        member=member,
        status=status,
        **frame(member, campaign, campaign.status(now), "prices"),
        **sample,
        rows=rows,
        crowded=_crowded(rows),
        hero_form=hero_form or Form(),
        ladder=ladder,
        ladder_form=ladder_form or Form(),
        ladder_defaults=values,
        ladder_rows=LADDER_ROWS,
        samples=samples,
        sample_rows=SAMPLE_ROWS,
        prices={
            row.hero.product_key: money_text(row.hero.price_minor, shop.currency) for row in rows
        },
    )


def _hero_rows(
    tx: Connection, member: Member, campaign: Campaign, house: House
) -> Sequence[HeroRow]:
    shop = member.shop
    keys = [hero.product_key for hero in campaign.heroes]
    book = book_prices(tx, shop_id=shop.id, keys=keys)
    before = min(house.now(shop), campaign.selling.starts_at)
    lowest = lowest_prices(tx, shop_id=shop.id, keys=keys, now=before)
    products = products_by_keys(tx, shop_id=shop.id, keys=keys)
    return [
        HeroRow(
            hero,
            products[hero.product_key].name if hero.product_key in products else hero.product_key,
            book.get(hero.product_key),
            lowest.get(hero.product_key),
        )
        for hero in campaign.heroes
    ]


def _crowded(rows: Sequence[HeroRow]) -> list[str]:
    """Return the heroes that stand at one price point, a text for each point."""
    names = {row.hero.product_key: row.name for row in rows}
    points = shared_price_points({row.hero.product_key: row.hero.price_minor for row in rows})
    return [" / ".join(names[key] for key in keys) for keys in points]


def _ladder(tx: Connection, campaign: Campaign) -> SavedRule | None:
    rules = campaign_rules(tx, shop_id=campaign.shop_id, campaign_id=campaign.id)
    return next((rule for rule in rules if rule.kind == LADDER), None)


def _sample_defaults(tx: Connection, campaign: Campaign, shop_id: UUID) -> dict[str, str]:
    keys = [hero.product_key for hero in campaign.heroes][:SAMPLE_ROWS]
    if not keys:
        some = search_products(tx, shop_id=shop_id, limit=60)
        book = book_prices(tx, shop_id=shop_id, keys=[each.key for each in some])
        keys = [each.key for each in some if each.key in book][:1]
    defaults: dict[str, str] = {}
    for row, key in enumerate(keys):
        defaults[f"sample.{row}.product_key"] = key
        defaults[f"sample.{row}.quantity"] = "1"
    return defaults


def _proposed(book: BookPrice) -> int:
    wanted = book.regular_minor * _PROPOSED_BPS // 10_000
    return max(book.floor_minor, wanted)


def _back(request: AnyRequest, member: Member, campaign: Campaign, message: str) -> Response[Any]:
    text = translate(message, view_of(request, member).language)
    return see_other(address(member, campaign, "prices"), message=text)


routes = [
    price_page,
    product_search,
    heroes_save,
    ladder_save,
    sample_cart,
]
