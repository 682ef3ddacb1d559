"""Writes of the promotion rules: saved in versions, switched on and off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_audit
from springtide.domain.catalog.model import UnknownProduct
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.pricing.book import SavedRule
from springtide.domain.pricing.queries import campaign_rules
from springtide.domain.pricing.rules import checked_rule
from springtide.domain.pricing.store import price_rule_versions, price_rules
from springtide.kit import ids
from springtide.kit.errors import Invalid, NotFound


def save_rule(
    tx: Connection,
    *,
    shop: Shop,
    campaign_id: UUID,
    rule_id: UUID | None,
    kind: str,
    params: Mapping[str, Any],
    actor: Actor,
    now: datetime,
) -> SavedRule:
    """Save a new rule, or the next version of one; unchanged parameters make no version.

    Refuses (``Invalid``, by field) parameters with problems, and products nobody sells.
    """
    checked_rule(kind, params)
    _refuse_unknown(tx, shop, params.get("products") or ())
    before = None
    if rule_id is None:
        rule_id = ids.uuid7(now)
        version = 1
        tx.execute(
            insert(price_rules).values(
                id=rule_id,
                shop_id=shop.id,
                campaign_id=campaign_id,
                kind=kind,
                version=version,
                params=dict(params),
                is_active=False,
            )
        )
    else:
        stored = _rule(tx, shop=shop, campaign_id=campaign_id, rule_id=rule_id)
        if stored.params == params:
            return stored
        before, version = stored.params, stored.version + 1
        tx.execute(
            update(price_rules)
            .where(price_rules.c.id == rule_id)
            .values(version=version, params=dict(params))
        )
    tx.execute(
        insert(price_rule_versions).values(
            rule_id=rule_id,
            version=version,
            shop_id=shop.id,
            kind=kind,
            params=dict(params),
            actor=f"{actor.kind}: {actor.name}"[:200],
            saved_at=now,
        )
    )
    _audit(tx, shop, "rule.saved", rule_id, before, dict(params), actor, now)
    return _rule(tx, shop=shop, campaign_id=campaign_id, rule_id=rule_id)


def remove_rule(
    tx: Connection,
    *,
    shop: Shop,
    campaign_id: UUID,
    rule_id: UUID,
    actor: Actor,
    now: datetime,
) -> None:
    """Take a rule off its campaign; its versions stay for the decisions made with them."""
    stored = _rule(tx, shop=shop, campaign_id=campaign_id, rule_id=rule_id)
    tx.execute(
        update(price_rules)
        .where(price_rules.c.id == rule_id)
        .values(is_active=False, removed_at=now)
    )
    _audit(tx, shop, "rule.removed", rule_id, stored.params, None, actor, now)


def activate_rules(
    tx: Connection,
    *,
    shop: Shop,
    campaign_id: UUID,
    actor: Actor,
    now: datetime,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> dict[str, Any]:
    """Let all rules of a campaign hold; return the receipt that undoes it. Twice is once."""
    rules = campaign_rules(tx, shop_id=shop.id, campaign_id=campaign_id)
    tx.execute(
        update(price_rules)
        .where(price_rules.c.id.in_([rule.id for rule in rules]))
        .values(is_active=True, starts_at=starts_at, ends_at=ends_at)
    )
    for rule in rules:
        if not rule.is_active:
            _audit(tx, shop, "rule.activated", rule.id, False, True, actor, now)
    return {"campaign_id": str(campaign_id), "rules": [str(rule.id) for rule in rules]}


def deactivate_rules(
    tx: Connection, *, shop: Shop, receipt: Mapping[str, Any], actor: Actor, now: datetime
) -> int:
    """Switch the rules of a receipt off; return how many were on (again: none)."""
    wanted = [UUID(text) for text in receipt["rules"]]
    rows = tx.execute(
        update(price_rules)
        .where(
            price_rules.c.shop_id == shop.id,
            price_rules.c.id.in_(wanted),
            price_rules.c.is_active.is_(True),
        )
        .values(is_active=False, starts_at=None, ends_at=None)
        .returning(price_rules.c.id)
    ).all()
    for row in rows:
        _audit(tx, shop, "rule.deactivated", row.id, True, False, actor, now)
    return len(rows)


def _refuse_unknown(tx: Connection, shop: Shop, products: Sequence[str]) -> None:
    """Refuse a product set with a slip of the keyboard: its rule would not hold on the day."""
    known = products_by_keys(tx, shop_id=shop.id, keys=products)
    for key in products:
        if key not in known:
            raise Invalid({"products": UnknownProduct(key=key[:60])})


def _rule(tx: Connection, *, shop: Shop, campaign_id: UUID, rule_id: UUID) -> SavedRule:
    tx.execute(select(price_rules.c.id).where(price_rules.c.id == rule_id).with_for_update())
    for rule in campaign_rules(tx, shop_id=shop.id, campaign_id=campaign_id):
        if rule.id == rule_id:
            return rule
    raise NotFound(what="rule", key=ids.outward("rul", rule_id))


def _audit(
    tx: Connection,
    shop: Shop,
    action: str,
    rule_id: UUID,
    before: Any,
    after: Any,
    actor: Actor,
    now: datetime,
) -> None:
    record_audit(
        tx,
        shop_id=shop.id,
        actor=actor,
        action=action,
        subject=ids.outward("rul", rule_id),
        before=before,
        after=after,
        now=now,
    )
