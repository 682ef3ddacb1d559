"""Writes of the promotion rules: saved in versions, switched on and off."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Shop
from springtide.domain.access.operations import record_act
from springtide.domain.catalog.model import UnknownProduct
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.pricing.book import CampaignTerms, SavedRule, Terms
from springtide.domain.pricing.queries import campaign_rules, terms_of_campaign
from springtide.domain.pricing.rule import LANES, ActiveRule
from springtide.domain.pricing.rules import checked_rule, read_rule
from springtide.domain.pricing.stacking import stacking_problems, without_missing
from springtide.domain.pricing.store import campaign_terms, price_rule_versions, price_rules
from springtide.domain.pricing.terms import LaddersOverlap, ladders_overlap, terms_problems
from springtide.kit import ids
from springtide.kit.db import insert_into
from springtide.kit.errors import N_, Invalid, NotFound, Refusal

SAVED = AuditAction("rule.saved", N_("Promotion rule saved"), AuditGroup.PRICES)
REMOVED = AuditAction("rule.removed", N_("Promotion rule removed"), AuditGroup.PRICES)
ACTIVATED = AuditAction("rule.activated", N_("Promotion rule switched on"), AuditGroup.PRICES)
DEACTIVATED = AuditAction("rule.deactivated", N_("Promotion rule switched off"), AuditGroup.PRICES)
TERMS_SET = AuditAction(
    "campaign.terms", N_("Margin guard and returns of a campaign set"), AuditGroup.PRICES
)

NO_TERMS = Terms()


class KindFixed(Refusal):
    """A saved rule asked to become another kind."""

    code = "rule_kind_fixed"
    text = N_("A rule's kind cannot change; it stays {kind}. Make a new rule for another kind.")


def save_rule(
    act: Act,
    *,
    campaign_id: UUID,
    rule_id: UUID | None,
    kind: str,
    params: Mapping[str, Any],
    terms: Terms = NO_TERMS,
) -> SavedRule:
    """Save a new rule, or the next version of one; unchanged parameters and terms make none.

    Refuses (``Invalid``, by field: parameters, ``conditions.…``, ``stacking``, ``limits.…``)
    what may not be saved, products nobody sells, and rules whose stacking has no order.
    """
    rule = checked_rule(kind, params)
    is_new = rule_id is None
    if rule_id is None:
        rule_id = ids.uuid7(act.now)
    _refuse_unknown(act.tx, act.shop, rule.products_named(), terms)
    _refuse_terms(act.tx, act.shop, campaign_id, rule_id, kind, params, terms)
    before = None
    plain_terms = msgspec.to_builtins(terms)
    if is_new:
        version = 1
        act.tx.execute(
            insert(price_rules).values(
                id=rule_id,
                shop_id=act.shop.id,
                campaign_id=campaign_id,
                kind=kind,
                version=version,
                params=dict(params),
                terms=plain_terms,
                is_active=False,
            )
        )
    else:
        stored = _rule(act.tx, shop=act.shop, campaign_id=campaign_id, rule_id=rule_id)
        if stored.kind != kind:
            raise Invalid({"kind": KindFixed(kind=stored.kind)})
        if stored.params == params and stored.terms == terms:
            return stored
        before = {"params": stored.params, "terms": msgspec.to_builtins(stored.terms)}
        version = stored.version + 1
        act.tx.execute(
            update(price_rules)
            .where(price_rules.c.id == rule_id)
            .values(version=version, params=dict(params), terms=plain_terms)
        )
    _keep_version(act, rule_id, version, kind, params, terms)
    after = {"params": dict(params), "terms": plain_terms}
    key = ids.outward("rul", rule_id)
    record_act(act, action=SAVED, subject=key, before=before, after=after)
    return _rule(act.tx, shop=act.shop, campaign_id=campaign_id, rule_id=rule_id)


def remove_rule(act: Act, *, campaign_id: UUID, rule_id: UUID) -> None:
    """Take a rule off its campaign; its versions stay for the decisions made with them."""
    stored = _rule(act.tx, shop=act.shop, campaign_id=campaign_id, rule_id=rule_id)
    act.tx.execute(
        update(price_rules)
        .where(price_rules.c.id == rule_id)
        .values(is_active=False, removed_at=act.now)
    )
    record_act(act, action=REMOVED, subject=ids.outward("rul", rule_id), before=stored.params)


def activate_rules(
    act: Act,
    *,
    campaign_id: UUID,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> dict[str, Any]:
    """Let all rules of a campaign hold; return the receipt that undoes it. Twice is once."""
    rules = campaign_rules(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)
    act.tx.execute(
        update(price_rules)
        .where(price_rules.c.id.in_([rule.id for rule in rules]))
        .values(is_active=True, starts_at=starts_at, ends_at=ends_at)
    )
    for rule in rules:
        if not rule.is_active:
            record_act(
                act, action=ACTIVATED, subject=ids.outward("rul", rule.id), before=False, after=True
            )
    return {"campaign_id": str(campaign_id), "rules": [str(rule.id) for rule in rules]}


def deactivate_rules(act: Act, *, receipt: Mapping[str, Any]) -> int:
    """Switch the rules of a receipt off; return how many were on (again: none)."""
    wanted = [UUID(text) for text in receipt["rules"]]
    rows = act.tx.execute(
        update(price_rules)
        .where(
            price_rules.c.shop_id == act.shop.id,
            price_rules.c.id.in_(wanted),
            price_rules.c.is_active.is_(True),
        )
        .values(is_active=False, starts_at=None, ends_at=None)
        .returning(price_rules.c.id)
    ).all()
    for row in rows:
        record_act(
            act, action=DEACTIVATED, subject=ids.outward("rul", row.id), before=True, after=False
        )
    return len(rows)


def save_campaign_terms(act: Act, *, campaign_id: UUID, terms: CampaignTerms) -> None:
    """Set a campaign's guard of the margin and its policy of returns."""
    before = terms_of_campaign(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)
    if before == terms:
        return
    values = {
        "guard_mode": terms.guard.mode,
        "guard_bps": terms.guard.margin_bps,
        "returns": terms.returns,
    }
    act.tx.execute(
        insert_into(act.tx, campaign_terms)
        .values(shop_id=act.shop.id, campaign_id=campaign_id, **values)
        .on_conflict_do_update(index_elements=["shop_id", "campaign_id"], set_=values)
    )
    record_act(
        act,
        action=TERMS_SET,
        subject=ids.outward("cmp", campaign_id),
        before=msgspec.to_builtins(before),
        after=msgspec.to_builtins(terms),
    )


def _keep_version(
    act: Act, rule_id: UUID, version: int, kind: str, params: Mapping[str, Any], terms: Terms
) -> None:
    act.tx.execute(
        insert(price_rule_versions).values(
            rule_id=rule_id,
            version=version,
            shop_id=act.shop.id,
            kind=kind,
            params=dict(params),
            terms=msgspec.to_builtins(terms),
            actor=f"{act.actor.kind}: {act.actor.name}"[:200],
            saved_at=act.now,
        )
    )


def _refuse_unknown(tx: Connection, shop: Shop, named: Sequence[str], terms: Terms) -> None:
    """Refuse a product set with a slip of the keyboard: its rule would not hold on the day."""
    products = terms.conditions.products
    fields = {
        "params": named,
        "conditions.products.keys": products.keys,
        "conditions.products.except_keys": products.except_keys,
    }
    for field, keys in fields.items():
        known = products_by_keys(tx, shop_id=shop.id, keys=keys)
        for key in keys:
            if key not in known:
                raise Invalid({field: UnknownProduct(key=key[:60])})


def _refuse_terms(
    tx: Connection,
    shop: Shop,
    campaign_id: UUID,
    rule_id: UUID,
    kind: str,
    params: Mapping[str, Any],
    terms: Terms,
) -> None:
    """Refuse terms that cannot hold, by themselves or beside the campaign's other rules."""
    problems = terms_problems(terms)
    if problems:
        raise Invalid(problems)
    new = ActiveRule(ids.outward("rul", rule_id), 0, kind, params, terms.conditions, terms.stacking)
    saved = campaign_rules(tx, shop_id=shop.id, campaign_id=campaign_id)
    # What a removed rule leaves behind in the others' stacking stops nobody from saving.
    here = {ids.outward("rul", each.id) for each in saved} | {new.id}
    others = [without_missing(each.active(), here) for each in saved if each.id != rule_id]
    lanes = {
        each.id: LANES.index(read_rule(each.kind, each.params).compiled().lane)
        for each in (*others, new)
    }
    wrong = stacking_problems((*others, new), lanes)
    if wrong:
        raise Invalid({"stacking": wrong.get(new.id) or next(iter(wrong.values()))})
    for other in others:
        if ladders_overlap(new, other):
            raise Invalid({"conditions.products": LaddersOverlap(other=other.id)})


def _rule(tx: Connection, *, shop: Shop, campaign_id: UUID, rule_id: UUID) -> SavedRule:
    tx.execute(select(price_rules.c.id).where(price_rules.c.id == rule_id).with_for_update())
    for rule in campaign_rules(tx, shop_id=shop.id, campaign_id=campaign_id):
        if rule.id == rule_id:
            return rule
    raise NotFound(what="rule", key=ids.outward("rul", rule_id))
