"""Reads of the price book and of the promotion rules."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.pricing.book import (
    LOWEST_PRICE_DAYS,
    BookPrice,
    CampaignTerms,
    PriceChange,
    SavedRule,
    Terms,
)
from springtide.domain.pricing.model import PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.replay import PlanDocument, plan_of
from springtide.domain.pricing.rule import Guard
from springtide.domain.pricing.store import (
    campaign_prices,
    campaign_terms,
    price_book,
    price_changes,
    price_plans,
    price_rule_versions,
    price_rules,
)
from springtide.kit import ids
from springtide.kit.errors import NotFound

_KEYS_AT_ONCE = 5_000


def current_prices(
    tx: Connection, *, shop_id: UUID, keys: Iterable[str], now: datetime
) -> dict[str, PriceFacts]:
    """Return the prices that hold now for some products; those without a price are left out.

    With what rules choose products by: category, brand, and the attribute ``tags``.
    """
    found: dict[str, PriceFacts] = {}
    for some in _batches(keys):
        products = products_by_keys(tx, shop_id=shop_id, keys=some)
        campaign = _campaign_prices_now(tx, shop_id=shop_id, keys=some, now=now)
        rows = tx.execute(
            select(price_book)
            .where(price_book.c.shop_id == shop_id, price_book.c.product_key.in_(some))
            .order_by(price_book.c.product_key)
        )
        for row in rows:
            product = products.get(row.product_key)
            found[row.product_key] = PriceFacts(
                regular_minor=row.regular_minor,
                campaign_minor=campaign.get(row.product_key),
                floor_minor=row.floor_minor,
                cost_minor=row.cost_minor,
                tax_bps=row.tax_bps,
                category=product.category if product else "",
                brand=product.brand if product else "",
                tags=_tags(product.attributes.get("tags")) if product else (),
            )
    return found


def whole_book(tx: Connection, *, shop_id: UUID) -> dict[str, PriceFacts]:
    """Return regular price, floor, cost and product sets of everything the shop sells."""
    keys = tx.scalars(select(price_book.c.product_key).where(price_book.c.shop_id == shop_id))
    long_ago = datetime(1970, 1, 1, tzinfo=UTC)
    found = current_prices(tx, shop_id=shop_id, keys=keys.all(), now=long_ago)
    return {
        key: msgspec.structs.replace(facts, campaign_minor=None) for key, facts in found.items()
    }


def keys_priced_from(tx: Connection, *, shop_id: UUID, least_minor: int, limit: int) -> list[str]:
    """Return the products whose regular price is at least so much, the cheapest first."""
    query = (
        select(price_book.c.product_key)
        .where(price_book.c.shop_id == shop_id, price_book.c.regular_minor >= least_minor)
        .order_by(price_book.c.regular_minor, price_book.c.product_key)
        .limit(limit)
    )
    return list(tx.scalars(query))


def book_prices(tx: Connection, *, shop_id: UUID, keys: Iterable[str]) -> dict[str, BookPrice]:
    """Return regular price, floor and cost of some products."""
    found: dict[str, BookPrice] = {}
    for some in _batches(keys):
        rows = tx.execute(
            select(price_book)
            .where(price_book.c.shop_id == shop_id, price_book.c.product_key.in_(some))
            .order_by(price_book.c.product_key)
        )
        for row in rows:
            found[row.product_key] = BookPrice(
                row.regular_minor, row.floor_minor, row.cost_minor, row.tax_bps
            )
    return found


def campaign_prices_standing(tx: Connection, *, shop_id: UUID, campaign_id: UUID) -> dict[str, int]:
    """Return the campaign prices that stand for a campaign, in minor units by product."""
    rows = tx.execute(
        select(campaign_prices.c.product_key, campaign_prices.c.price_minor).where(
            campaign_prices.c.shop_id == shop_id, campaign_prices.c.campaign_id == campaign_id
        )
    )
    return {row.product_key: row.price_minor for row in rows}


def active_plan(tx: Connection, *, shop_id: UUID, zone: str, now: datetime) -> Plan:
    """Return the rules that are switched on and have not closed, compiled, with their guards.

    A plan is compiled once for a set of rules' versions and windows.
    """
    rows = tx.execute(
        select(
            price_rules.c.id,
            price_rules.c.version,
            price_rules.c.starts_at,
            price_rules.c.ends_at,
            price_rules.c.campaign_id,
        )
        .where(*_are_open(shop_id, now))
        .order_by(price_rules.c.id)
    ).all()
    guards = campaign_guards(tx, shop_id=shop_id, campaign_ids={row.campaign_id for row in rows})
    key = (shop_id, zone, tuple(map(tuple, rows)), tuple(sorted(guards.items())))
    plan = _plans.get(key)
    if plan is None:
        saved = tx.execute(select(price_rules).where(*_are_open(shop_id, now)))
        plan = Plan([_saved(row).active() for row in saved], guards=guards, zone=zone)
        if len(_plans) >= _PLANS_MAX:
            _plans.clear()
        _plans[key] = plan
    return plan


_PLANS_MAX = 64
# Plans by all that they are made from, so that any process compiles a sale's rules once.
_plans: dict[Hashable, Plan] = {}


def _are_open(shop_id: UUID, now: datetime) -> tuple[ColumnElement[bool], ...]:
    return (
        price_rules.c.shop_id == shop_id,
        price_rules.c.is_active.is_(True),
        price_rules.c.removed_at.is_(None),
        or_(price_rules.c.ends_at.is_(None), price_rules.c.ends_at > now),
    )


def campaign_guards(
    tx: Connection, *, shop_id: UUID, campaign_ids: Iterable[UUID]
) -> dict[str, Guard]:
    """Return the guards of some campaigns, by the campaign's key; allowing ones are left out."""
    found = {}
    for campaign_id in campaign_ids:
        terms = terms_of_campaign(tx, shop_id=shop_id, campaign_id=campaign_id)
        if terms.guard.mode != "allow":
            found[ids.outward("cmp", campaign_id)] = terms.guard
    return found


def terms_of_campaign(tx: Connection, *, shop_id: UUID, campaign_id: UUID) -> CampaignTerms:
    """Return a campaign's guard and policy of returns; the defaults when none were set."""
    row = tx.execute(
        select(campaign_terms).where(
            campaign_terms.c.shop_id == shop_id, campaign_terms.c.campaign_id == campaign_id
        )
    ).one_or_none()
    if row is None:
        return CampaignTerms()
    return CampaignTerms(Guard(row.guard_mode, row.guard_bps), row.returns)


def kept_plan(tx: Connection, *, shop_id: UUID, digest: str) -> Plan:
    """Return a plan that priced orders, its rules as they were."""
    row = tx.execute(
        select(price_plans.c.document).where(
            price_plans.c.shop_id == shop_id, price_plans.c.digest == digest
        )
    ).one_or_none()
    if row is None:
        raise NotFound(what="plan", key=digest)

    def version_of(rule_id: str, version: int) -> tuple[str, Mapping[str, Any], Terms]:
        return rule_version(
            tx, shop_id=shop_id, rule_id=ids.inward("rul", rule_id), version=version
        )

    return plan_of(msgspec.convert(row.document, PlanDocument), version_of)


def campaign_rules(tx: Connection, *, shop_id: UUID, campaign_id: UUID) -> list[SavedRule]:
    """Return the rules of a campaign that were not removed."""
    rows = tx.execute(
        select(price_rules)
        .where(
            price_rules.c.shop_id == shop_id,
            price_rules.c.campaign_id == campaign_id,
            price_rules.c.removed_at.is_(None),
        )
        .order_by(price_rules.c.id)
    )
    return [_saved(row) for row in rows]


def rule_version(
    tx: Connection, *, shop_id: UUID, rule_id: UUID, version: int
) -> tuple[str, dict[str, Any], Terms]:
    """Return the kind, the parameters and the terms that a rule had in a version."""
    row = tx.execute(
        select(
            price_rule_versions.c.kind, price_rule_versions.c.params, price_rule_versions.c.terms
        ).where(
            price_rule_versions.c.rule_id == rule_id,
            price_rule_versions.c.version == version,
            price_rule_versions.c.shop_id == shop_id,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(what="rule", key=f"{ids.outward('rul', rule_id)} v{version}")
    return row.kind, row.params, msgspec.convert(row.terms, Terms)


def price_history(
    tx: Connection, *, shop_id: UUID, product_key: str, limit: int = 100
) -> list[PriceChange]:
    """Return the newest changes of a product's prices, newest first."""
    rows = tx.execute(
        select(price_changes)
        .where(price_changes.c.shop_id == shop_id, price_changes.c.product_key == product_key)
        .order_by(price_changes.c.changed_at.desc(), price_changes.c.id.desc())
        .limit(limit)
    )
    return [_change(row) for row in rows]


def lowest_prices(
    tx: Connection,
    *,
    shop_id: UUID,
    keys: Sequence[str],
    now: datetime,
    days: int = LOWEST_PRICE_DAYS,
) -> dict[str, int]:
    """Return the lowest price of some products over the last days, in minor units.

    A price set before that time counts while it held in it. Source: directive 98/6/EC, art. 6a,
    which asks for the lowest price of the 30 days before a reduction.
    """
    since = now - timedelta(days=days)
    lowest: dict[str, int] = {}
    held: dict[tuple[str, UUID | None], int | None] = {}
    for some in _batches(keys):
        rows = tx.execute(
            select(price_changes)
            .where(
                price_changes.c.shop_id == shop_id,
                price_changes.c.product_key.in_(some),
                price_changes.c.what.in_(("regular", "campaign")),
                price_changes.c.changed_at <= now,
            )
            .order_by(price_changes.c.changed_at, price_changes.c.id)
        )
        for row in rows:
            if row.changed_at <= since:
                held[row.product_key, row.campaign_id] = row.to_minor
            elif row.to_minor is not None:
                _lower(lowest, row.product_key, row.to_minor)
    # What still held at the start of the time was a price of it, too.
    for (key, _campaign), amount in held.items():
        if amount is not None:
            _lower(lowest, key, amount)
    return lowest


def _lower(lowest: dict[str, int], key: str, amount: int) -> None:
    lowest[key] = min(amount, lowest.get(key, amount))


def _campaign_prices_now(
    tx: Connection, *, shop_id: UUID, keys: Sequence[str], now: datetime
) -> dict[str, int]:
    rows = tx.execute(
        select(
            campaign_prices.c.product_key,
            func.min(campaign_prices.c.price_minor).label("price_minor"),
        )
        .where(
            campaign_prices.c.shop_id == shop_id,
            campaign_prices.c.product_key.in_(keys),
            or_(campaign_prices.c.starts_at.is_(None), campaign_prices.c.starts_at <= now),
            or_(campaign_prices.c.ends_at.is_(None), campaign_prices.c.ends_at > now),
        )
        .group_by(campaign_prices.c.product_key)
    )
    return {row.product_key: row.price_minor for row in rows}


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    wanted = sorted(set(keys))
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        yield wanted[start : start + _KEYS_AT_ONCE]


def _tags(value: object) -> tuple[str, ...]:
    """Return a product's tags: a list of texts, or one text with commas."""
    if isinstance(value, str):
        return tuple(sorted({each.strip() for each in value.split(",") if each.strip()}))
    if isinstance(value, list):
        return tuple(sorted({str(each) for each in value}))
    return ()


def _saved(row: Row[Any]) -> SavedRule:
    return SavedRule(
        id=row.id,
        campaign_id=row.campaign_id,
        kind=row.kind,
        version=row.version,
        params=row.params,
        terms=msgspec.convert(row.terms, Terms),
        is_active=row.is_active,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
    )


def _change(row: Row[Any]) -> PriceChange:
    return PriceChange(
        product_key=row.product_key,
        what=row.what,
        campaign_id=row.campaign_id,
        from_minor=row.from_minor,
        to_minor=row.to_minor,
        why=row.why,
        actor=row.actor,
        changed_at=row.changed_at,
    )
