"""Reads of the price book and of the promotion rules."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, or_, select

from springtide.domain.pricing.book import LOWEST_PRICE_DAYS, BookPrice, PriceChange, SavedRule
from springtide.domain.pricing.model import ActiveRule, PriceFacts
from springtide.domain.pricing.store import (
    campaign_prices,
    price_book,
    price_changes,
    price_rule_versions,
    price_rules,
)
from springtide.kit import ids
from springtide.kit.errors import NotFound

_KEYS_AT_ONCE = 5_000


def current_prices(
    tx: Connection, *, shop_id: UUID, keys: Iterable[str], now: datetime
) -> dict[str, PriceFacts]:
    """Return the prices that hold now for some products; those without a price are left out."""
    found: dict[str, PriceFacts] = {}
    for some in _batches(keys):
        campaign = _campaign_prices_now(tx, shop_id=shop_id, keys=some, now=now)
        rows = tx.execute(
            select(price_book).where(
                price_book.c.shop_id == shop_id, price_book.c.product_key.in_(some)
            )
        )
        for row in rows:
            found[row.product_key] = PriceFacts(
                regular_minor=row.regular_minor,
                campaign_minor=campaign.get(row.product_key),
                floor_minor=row.floor_minor,
                cost_minor=row.cost_minor,
            )
    return found


def book_prices(tx: Connection, *, shop_id: UUID, keys: Iterable[str]) -> dict[str, BookPrice]:
    """Return regular price, floor and cost of some products."""
    found: dict[str, BookPrice] = {}
    for some in _batches(keys):
        rows = tx.execute(
            select(price_book).where(
                price_book.c.shop_id == shop_id, price_book.c.product_key.in_(some)
            )
        )
        for row in rows:
            found[row.product_key] = BookPrice(row.regular_minor, row.floor_minor, row.cost_minor)
    return found


def priced_count(tx: Connection, *, shop_id: UUID) -> int:
    """Return how many products have a price."""
    query = select(func.count()).select_from(price_book).where(price_book.c.shop_id == shop_id)
    return int(tx.execute(query).scalar_one())


def campaign_prices_standing(tx: Connection, *, shop_id: UUID, campaign_id: UUID) -> dict[str, int]:
    """Return the campaign prices that stand for a campaign, in minor units by product."""
    rows = tx.execute(
        select(campaign_prices.c.product_key, campaign_prices.c.price_minor).where(
            campaign_prices.c.shop_id == shop_id, campaign_prices.c.campaign_id == campaign_id
        )
    )
    return {row.product_key: row.price_minor for row in rows}


def active_rules(tx: Connection, *, shop_id: UUID, now: datetime) -> list[ActiveRule]:
    """Return the rules that hold now, in the order of their ids."""
    rows = tx.execute(
        select(price_rules)
        .where(
            price_rules.c.shop_id == shop_id,
            price_rules.c.is_active.is_(True),
            price_rules.c.removed_at.is_(None),
            or_(price_rules.c.starts_at.is_(None), price_rules.c.starts_at <= now),
            or_(price_rules.c.ends_at.is_(None), price_rules.c.ends_at > now),
        )
        .order_by(price_rules.c.id)
    )
    return [as_active(_saved(row)) for row in rows]


def as_active(rule: SavedRule) -> ActiveRule:
    """Return a saved rule as the engine takes it, whether it holds yet or not."""
    return ActiveRule(
        id=ids.outward("rul", rule.id),
        version=rule.version,
        kind=rule.kind,
        params=rule.params,
        campaign_key=ids.outward("cmp", rule.campaign_id),
        starts_at=rule.starts_at,
        ends_at=rule.ends_at,
    )


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


def rule_version(tx: Connection, *, shop_id: UUID, rule_id: UUID, version: int) -> dict[str, Any]:
    """Return the parameters a rule had in a version."""
    row = tx.execute(
        select(price_rule_versions.c.params).where(
            price_rule_versions.c.rule_id == rule_id,
            price_rule_versions.c.version == version,
            price_rule_versions.c.shop_id == shop_id,
        )
    ).one_or_none()
    if row is None:
        raise NotFound(what="rule", key=f"{ids.outward('rul', rule_id)} v{version}")
    params: dict[str, Any] = row.params
    return params


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


def _saved(row: Row[Any]) -> SavedRule:
    return SavedRule(
        id=row.id,
        campaign_id=row.campaign_id,
        kind=row.kind,
        version=row.version,
        params=row.params,
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
