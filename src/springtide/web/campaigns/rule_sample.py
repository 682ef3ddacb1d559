"""The sample cart beside a rule's form: priced with the rule as it is typed, and explained."""

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.model import Member, PointsKeeper, Shop
from springtide.domain.campaigns.model import Campaign
from springtide.domain.campaigns.queries import sale_prices
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.pricing.book import SavedRule
from springtide.domain.pricing.explain import explain
from springtide.domain.pricing.model import Buyer, Cart, CartLine
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.queries import book_prices, campaign_guards, campaign_rules
from springtide.domain.pricing.rule import ActiveRule
from springtide.domain.pricing.rules import RULES, UnknownRule, checked_rule
from springtide.domain.pricing.sentences import sentences
from springtide.kit.errors import Invalid, Refusal
from springtide.kit.money import parse_minor
from springtide.web.campaigns.rule_terms import read_terms
from springtide.web.frame.forms import read_count
from springtide.web.frame.struct_fields import fields_of, read_fields

SAMPLE_ROWS = 3


def sample_of(
    tx: Connection, house: House, member: Member, campaign: Campaign, data: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the decision for what is typed, or what is wrong with it."""
    shop = member.shop
    nothing: dict[str, Any] = {"decision": None, "problems": [], "told": [], "product_names": {}}
    try:
        rules, titles = _rules_as_typed(tx, campaign, data, shop.currency)
        cart, buyer = _typed_cart(data, shop)
        if not cart.lines:
            return nothing
        guards = campaign_guards(tx, shop_id=shop.id, campaign_ids=[campaign.id])
        plan = Plan(rules, guards=guards, zone=shop.zone_name)
        keys = [line.product_key for line in cart.lines]
        book = sale_prices(
            tx, campaign=campaign, keys=[*keys, *plan.gift_keys], now=house.now(shop)
        )
        opens_at = campaign.selling.starts_at
        explained = explain(cart, plan=plan, book=book, now=opens_at, buyer=buyer)
    except Invalid as invalid:
        return {**nothing, "problems": list(invalid.fields.values())}
    except Refusal as refusal:
        return {**nothing, "problems": [refusal]}
    products = products_by_keys(tx, shop_id=shop.id, keys=keys)
    return {
        "decision": explained.decision,
        "problems": [],
        "told": [(titles.get(each.rule_id, each.kind), each, sentences(each))
                 for each in explained.outcomes],
        "product_names": {key: product.name for key, product in products.items()},
    }  # fmt: skip


def _rules_as_typed(
    tx: Connection, campaign: Campaign, data: Mapping[str, Any], currency: str
) -> tuple[list[ActiveRule], dict[str, str]]:
    """Return the campaign's rules as they will hold, the typed one as it is typed."""
    typed_key = str(data.get("rule", "")) or "rul_typed"
    saved = campaign_rules(tx, shop_id=campaign.shop_id, campaign_id=campaign.id)
    rules = [
        msgspec.structs.replace(each.active(), starts_at=None, ends_at=None)
        for each in saved
        if each.key != typed_key
    ]
    titles = {each.key: title_of(each) for each in saved}
    kind = str(data.get("kind", ""))
    if kind:
        refuse_unknown(kind)
        params, terms = (
            read_fields(fields_of(RULES[kind]), data, currency),
            read_terms(data, currency),
        )
        checked_rule(kind, params)
        titles[typed_key] = terms.name or RULES[kind].title
        rules.append(
            ActiveRule(
                typed_key,
                0,
                kind,
                params,
                terms.conditions,
                terms.stacking,
                campaign_key=campaign.key,
            )
        )
    return rules, titles


def _typed_cart(data: Mapping[str, Any], shop: Shop) -> tuple[Cart, Buyer]:
    currency = shop.currency
    lines = []
    for row in range(SAMPLE_ROWS):
        key = str(data.get(f"sample.{row}.product_key", "")).strip()
        if key:
            quantity = read_count(str(data.get(f"sample.{row}.quantity", "1")))
            lines.append(CartLine(key, quantity))
    shipping = str(data.get("sample.shipping", "")).strip()
    points = read_count(str(data.get("sample.points", "")).strip() or "0")
    codes = tuple(str(data.get("sample.codes", "")).replace(",", " ").split())
    cart = Cart(
        tuple(lines),
        currency,
        codes,
        parse_minor(shipping, currency) if shipping else 0,
        points,
    )
    buyer = Buyer(
        tier=str(data.get("sample.tier", "")).strip(),
        region=str(data.get("sample.region", "")).strip(),
        channel=str(data.get("sample.channel", "")).strip(),
        is_first_order="sample.is_first_order" in data,
        points=0 if shop.points_kept_by is PointsKeeper.NOBODY else points,
    )
    return cart, buyer


def sample_defaults(tx: Connection, campaign: Campaign) -> dict[str, str]:
    keys = [hero.product_key for hero in campaign.heroes][:SAMPLE_ROWS]
    known = book_prices(tx, shop_id=campaign.shop_id, keys=keys)
    found: dict[str, str] = {}
    for row, key in enumerate(each for each in keys if each in known):
        found[f"sample.{row}.product_key"] = key
        found[f"sample.{row}.quantity"] = "2" if row == 0 else "1"
    return found


def title_of(rule: SavedRule) -> str:
    return rule.terms.name or RULES[rule.kind].title


def refuse_unknown(kind: str) -> None:
    if kind not in RULES:
        raise UnknownRule(kind=kind[:60])
