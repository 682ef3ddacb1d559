"""Writes of the price book; each leaves its history and an audit entry."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_act
from springtide.domain.pricing.book import (
    BelowFloor,
    BookPrice,
    BookSaved,
    FloorAboveCampaign,
    FloorAbovePrice,
    NotBelowRegular,
    PriceOutOfRange,
)
from springtide.domain.pricing.model import UnknownPrice
from springtide.domain.pricing.queries import book_prices, campaign_prices_standing
from springtide.domain.pricing.store import campaign_prices, price_book, price_changes
from springtide.kit import ids
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.money import to_decimal

PRICES_SET = AuditAction("prices.set", N_("Prices set"), AuditGroup.PRICES)
CAMPAIGN_PRICES_SET = AuditAction(
    "prices.campaign_set", N_("Campaign prices set"), AuditGroup.PRICES
)
CAMPAIGN_PRICES_RESTORED = AuditAction(
    "prices.campaign_restored", N_("Campaign prices put back"), AuditGroup.PRICES
)

#: Wrong products that one refusal names; a person reads no more of them at once.
PROBLEMS_MAX = 100


def set_book_prices(act: Act, *, prices: Mapping[str, BookPrice], why: str) -> BookSaved:
    """Set regular price, floor and cost of many products; what is unchanged leaves no history.

    Refuses all (``Invalid``, by field ``prices.<product>``) when one is out of range, has a floor
    above its regular price, or a floor above a campaign price that stands.
    """
    stored = book_prices(act.tx, shop_id=act.shop.id, keys=prices)
    _refuse_bad_book(act.tx, shop=act.shop, prices=prices)
    # In one order for everybody: two batches of the same products do not wait in a ring.
    keys = sorted(prices)
    new = [key for key in keys if key not in stored]
    changed = [key for key in keys if key in stored and stored[key] != prices[key]]
    if new:
        act.tx.execute(
            insert(price_book), [_book_row(act.shop, key, prices[key], act.now) for key in new]
        )
    if changed:
        statement = (
            update(price_book)
            .where(
                price_book.c.shop_id == bindparam("of_shop"),
                price_book.c.product_key == bindparam("of_product"),
            )
            .values(
                regular_minor=bindparam("regular_minor"),
                floor_minor=bindparam("floor_minor"),
                cost_minor=bindparam("cost_minor"),
                tax_bps=bindparam("tax_bps"),
                changed_at=bindparam("changed_at"),
            )
        )
        rows = [_book_row(act.shop, key, prices[key], act.now) for key in changed]
        for row in rows:
            row["of_shop"], row["of_product"] = row.pop("shop_id"), row.pop("product_key")
        act.tx.execute(statement, rows)
    history = [
        _change(act.shop, key, what, None, before, after, why, act.actor, act.now)
        for key in (*new, *changed)
        for what, before, after in _differences(stored.get(key), prices[key])
    ]
    if history:
        act.tx.execute(insert(price_changes), history)
        record_act(
            act, action=PRICES_SET, subject=why, after={"new": len(new), "changed": len(changed)}
        )
    return BookSaved(len(new), len(changed), len(prices) - len(new) - len(changed))


def check_campaign_prices(
    tx: Connection, *, shop: Shop, prices: Mapping[str, int]
) -> dict[str, Refusal]:
    """Return what is wrong with campaign prices, by product; empty when they may be set."""
    book = book_prices(tx, shop_id=shop.id, keys=prices)
    problems: dict[str, Refusal] = {}
    for key, price_minor in prices.items():
        facts = book.get(key)
        price = to_decimal(price_minor, shop.currency)
        if facts is None:
            problems[key] = UnknownPrice(product_key=key)
        elif price_minor <= 0:
            problems[key] = PriceOutOfRange(product_key=key)
        elif price_minor < facts.floor_minor:
            floor = to_decimal(facts.floor_minor, shop.currency)
            problems[key] = BelowFloor(product_key=key, price=price, floor=floor)
        elif price_minor >= facts.regular_minor:
            regular = to_decimal(facts.regular_minor, shop.currency)
            problems[key] = NotBelowRegular(product_key=key, price=price, regular=regular)
        if len(problems) >= PROBLEMS_MAX:
            break
    return problems


def set_campaign_prices(
    act: Act,
    *,
    campaign_id: UUID,
    prices: Mapping[str, int],
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> dict[str, Any]:
    """Let campaign prices (minor units by product) hold; return the receipt that undoes it.

    Doing it twice changes nothing more and gives the same receipt. Refuses all (``Invalid``, by
    field ``prices.<product>``) when one is below its floor or not below its regular price.
    """
    problems = check_campaign_prices(act.tx, shop=act.shop, prices=prices)
    if problems:
        raise Invalid({f"prices.{key}": refusal for key, refusal in problems.items()})
    standing = _standing(act.tx, shop=act.shop, campaign_id=campaign_id)
    receipt: dict[str, Any] = {}
    for key in sorted(prices):
        wanted = _price_document(prices[key], starts_at, ends_at)
        row = standing.get(key)
        if row and {name: row[name] for name in wanted} == wanted:
            receipt[key] = row["replaced"]
            continue
        receipt[key] = row
        _put(act, campaign_id, key, {**wanted, "replaced": row}, row, "set")
    _audit_prices(act, campaign_id, CAMPAIGN_PRICES_SET, len(prices))
    return {"campaign_id": str(campaign_id), "before": receipt}


def restore_prices(act: Act, *, receipt: Mapping[str, Any]) -> int:
    """Put back what stood before a receipt; return how many prices changed (again: none)."""
    campaign_id = UUID(receipt["campaign_id"])
    standing = _standing(act.tx, shop=act.shop, campaign_id=campaign_id)
    count = 0
    for key, before in sorted(receipt["before"].items()):
        row = standing.get(key)
        if row != before:
            _put(act, campaign_id, key, before, row, "restored")
            count += 1
    if count:
        _audit_prices(act, campaign_id, CAMPAIGN_PRICES_RESTORED, count)
    return count


def _refuse_bad_book(tx: Connection, *, shop: Shop, prices: Mapping[str, BookPrice]) -> None:
    standing = _lowest_standing(tx, shop=shop)
    problems: dict[str, Refusal] = {}
    for key, price in prices.items():
        floor = to_decimal(price.floor_minor, shop.currency)
        if not price.is_in_range:
            problems[f"prices.{key}"] = PriceOutOfRange(product_key=key)
        elif price.floor_minor > price.regular_minor:
            regular = to_decimal(price.regular_minor, shop.currency)
            problems[f"prices.{key}"] = FloorAbovePrice(
                product_key=key, floor=floor, regular=regular
            )
        elif key in standing and price.floor_minor > standing[key]:
            campaign = to_decimal(standing[key], shop.currency)
            problems[f"prices.{key}"] = FloorAboveCampaign(
                product_key=key, floor=floor, price=campaign
            )
        if len(problems) >= PROBLEMS_MAX:
            break
    if problems:
        raise Invalid(problems)


def _lowest_standing(tx: Connection, *, shop: Shop) -> dict[str, int]:
    rows = tx.execute(
        select(campaign_prices.c.product_key, campaign_prices.c.price_minor)
        .where(campaign_prices.c.shop_id == shop.id)
        .order_by(campaign_prices.c.price_minor.desc())
    )
    return {row.product_key: row.price_minor for row in rows}


def _standing(tx: Connection, *, shop: Shop, campaign_id: UUID) -> dict[str, dict[str, Any]]:
    rows = tx.execute(
        select(campaign_prices)
        .where(campaign_prices.c.shop_id == shop.id, campaign_prices.c.campaign_id == campaign_id)
        .order_by(campaign_prices.c.product_key)
        .with_for_update()
    )
    return {
        row.product_key: {
            **_price_document(row.price_minor, row.starts_at, row.ends_at),
            "replaced": row.replaced,
        }
        for row in rows
    }


def _price_document(
    price_minor: int, starts_at: datetime | None, ends_at: datetime | None
) -> dict[str, Any]:
    return {
        "price_minor": price_minor,
        "starts_at": starts_at and starts_at.isoformat(),
        "ends_at": ends_at and ends_at.isoformat(),
    }


def _put(
    act: Act,
    campaign_id: UUID,
    key: str,
    wanted: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    why: str,
) -> None:
    """Make one campaign price what is wanted (None: no campaign price), with its history."""
    here = (
        (campaign_prices.c.shop_id == act.shop.id)
        & (campaign_prices.c.campaign_id == campaign_id)
        & (campaign_prices.c.product_key == key)
    )
    act.tx.execute(delete(campaign_prices).where(here))
    if wanted is not None:
        row = {
            **wanted,
            "starts_at": _instant(wanted["starts_at"]),
            "ends_at": _instant(wanted["ends_at"]),
        }
        act.tx.execute(
            insert(campaign_prices).values(
                shop_id=act.shop.id, campaign_id=campaign_id, product_key=key, set_at=act.now, **row
            )
        )
    change = _change(
        act.shop,
        key,
        "campaign",
        campaign_id,
        before["price_minor"] if before else None,
        wanted["price_minor"] if wanted else None,
        why,
        act.actor,
        act.now,
    )
    act.tx.execute(insert(price_changes), [change])


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _audit_prices(act: Act, campaign_id: UUID, action: AuditAction, count: int) -> None:
    standing = campaign_prices_standing(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)
    record_act(
        act,
        action=action,
        subject=ids.outward("cmp", campaign_id),
        after={"products": count, "standing": len(standing)},
    )


def _book_row(shop: Shop, key: str, price: BookPrice, now: datetime) -> dict[str, Any]:
    return {
        "shop_id": shop.id,
        "product_key": key,
        "regular_minor": price.regular_minor,
        "floor_minor": price.floor_minor,
        "cost_minor": price.cost_minor,
        "tax_bps": price.tax_bps,
        "changed_at": now,
    }


def _differences(
    before: BookPrice | None, after: BookPrice
) -> list[tuple[str, int | None, int | None]]:
    pairs = [
        ("regular", before.regular_minor if before else None, after.regular_minor),
        ("floor", before.floor_minor if before else 0, after.floor_minor),
        ("cost", before.cost_minor if before else None, after.cost_minor),
        ("tax", before.tax_bps if before else 0, after.tax_bps),
    ]
    return [pair for pair in pairs if pair[1] != pair[2]]


def _change(
    shop: Shop,
    key: str,
    what: str,
    campaign_id: UUID | None,
    before: int | None,
    after: int | None,
    why: str,
    actor: Actor,
    now: datetime,
) -> dict[str, Any]:
    return {
        "shop_id": shop.id,
        "product_key": key,
        "what": what,
        "campaign_id": campaign_id,
        "from_minor": before,
        "to_minor": after,
        "why": why[:200],
        "actor": f"{actor.kind}: {actor.name}"[:200],
        "changed_at": now,
    }
