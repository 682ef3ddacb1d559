"""Limits of rules, kept by the database: used when an order is placed, given back on its end.

One conditional statement for each account: two orders at one moment never pass a bound together.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection, insert, select, update

from springtide.domain.access.model import Shop
from springtide.domain.pricing.model import Decision, Left
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.replay import plan_document
from springtide.domain.pricing.store import price_plans, rule_accounts, rule_uses
from springtide.kit import ids
from springtide.kit.db import insert_into
from springtide.kit.errors import N_, Refusal

_ORDERS, _MONEY = "orders", "money"
_UNBOUND = 1 << 62


class LimitReached(Refusal):
    """A rule whose limit another order used up at this moment."""

    code = "rule_limit_reached"
    status = 409
    text = N_("Rule {rule} was used up by another order; price the cart again.")


def left_of(
    tx: Connection, *, shop_id: UUID, plan: Plan, customer_key: str | None
) -> dict[str, Left]:
    """Return what the limits of a plan's rules still allow a customer, by rule.

    Somebody unknown has no limit of their own: such a rule is not for them.
    """
    limited = [rule for rule in plan.rules if _is_limited(rule.limits)]
    if not limited:
        return {}
    wanted = [ids.inward("rul", rule.id) for rule in limited]
    rows = tx.execute(
        select(rule_accounts).where(
            rule_accounts.c.shop_id == shop_id,
            rule_accounts.c.rule_id.in_(wanted),
            rule_accounts.c.owner.in_(["", customer_key or ""]),
        )
    )
    used = {(row.rule_id, row.owner, row.unit): row.used for row in rows}
    found = {}
    for rule, rule_id in zip(limited, wanted, strict=True):
        limits = rule.limits
        own = used.get((rule_id, customer_key or "", _ORDERS), 0)
        found[rule.id] = Left(
            customer=(
                None
                if limits.per_customer is None
                else max(0, limits.per_customer - own)
                if customer_key
                else 0
            ),
            total=_left(limits.total, used.get((rule_id, "", _ORDERS), 0)),
            money_minor=_left(limits.money_minor, used.get((rule_id, "", _MONEY), 0)),
        )
    return found


def use_rules(
    tx: Connection,
    *,
    shop: Shop,
    plan: Plan,
    decision: Decision,
    order_key: str,
    customer_key: str | None,
    now: datetime,
) -> None:
    """Count an order against the limits of its rules; raises LimitReached when one is used up."""
    for rule_id, amount in sorted(given_by(decision).items()):
        limits = plan.rules[plan.index[rule_id]].limits
        if not _is_limited(limits):
            continue
        rule = ids.inward("rul", rule_id)
        if limits.per_customer is not None and not customer_key:
            raise LimitReached(rule=rule_id)
        accounts = [
            ("", _ORDERS, 1, limits.total),
            ("", _MONEY, amount, limits.money_minor),
        ]
        if customer_key:
            accounts.append((customer_key, _ORDERS, 1, limits.per_customer))
        for owner, unit, amount_used, bound in accounts:
            if not _take(tx, shop, rule, owner, unit, amount_used, bound or _UNBOUND):
                raise LimitReached(rule=rule_id)
        tx.execute(
            insert(rule_uses).values(
                order_key=order_key,
                rule_id=rule,
                shop_id=shop.id,
                customer_key=customer_key,
                amount_minor=amount,
                used_at=now,
            )
        )


def keep_plan(tx: Connection, *, shop: Shop, plan: Plan) -> None:
    """Keep a plan that prices an order, once."""
    document = msgspec.to_builtins(plan_document(plan))
    tx.execute(
        insert_into(tx, price_plans)
        .values(shop_id=shop.id, digest=plan.digest.hex(), document=document)
        .on_conflict_do_nothing(index_elements=["shop_id", "digest"])
    )


def give_back_rules(tx: Connection, *, shop: Shop, order_key: str, now: datetime) -> int:
    """Give back what an order used of limits; return of how many rules (again: none)."""
    rows = tx.execute(
        update(rule_uses)
        .where(
            rule_uses.c.shop_id == shop.id,
            rule_uses.c.order_key == order_key,
            rule_uses.c.given_back_at.is_(None),
        )
        .values(given_back_at=now)
        .returning(rule_uses.c.rule_id, rule_uses.c.customer_key, rule_uses.c.amount_minor)
    ).all()
    for row in rows:
        amounts = [("", _ORDERS, 1), ("", _MONEY, row.amount_minor)]
        amounts += [(row.customer_key, _ORDERS, 1)] if row.customer_key else []
        for owner, unit, amount in amounts:
            tx.execute(
                update(rule_accounts)
                .where(
                    rule_accounts.c.rule_id == row.rule_id,
                    rule_accounts.c.owner == owner,
                    rule_accounts.c.unit == unit,
                )
                .values(used=rule_accounts.c.used - amount)
            )
    return len(rows)


def given_by(decision: Decision) -> Mapping[str, int]:
    """Return the money that each rule of a decision gave, gifts as nothing."""
    found = {rule.rule_id: rule.amount_minor for rule in decision.rules}
    for gift in decision.gifts:
        found.setdefault(gift.rule_id, 0)
    return found


def _take(
    tx: Connection, shop: Shop, rule_id: UUID, owner: str, unit: str, amount: int, bound: int
) -> bool:
    """Add to an account if it stays within its bound; tell whether it did."""
    key = {"rule_id": rule_id, "owner": owner, "unit": unit}
    tx.execute(
        insert_into(tx, rule_accounts)
        .values(**key, shop_id=shop.id, used=0, bound=bound)
        .on_conflict_do_nothing(index_elements=["rule_id", "owner", "unit"])
    )
    taken = tx.execute(
        update(rule_accounts)
        .where(
            rule_accounts.c.rule_id == rule_id,
            rule_accounts.c.owner == owner,
            rule_accounts.c.unit == unit,
            rule_accounts.c.used + amount <= bound,
        )
        .values(used=rule_accounts.c.used + amount, bound=bound)
        .returning(rule_accounts.c.used)
    ).one_or_none()
    return taken is not None


def _left(bound: int | None, used: int) -> int | None:
    return None if bound is None else max(0, bound - used)


def _is_limited(limits: object) -> bool:
    return any(
        getattr(limits, name) is not None for name in ("per_customer", "total", "money_minor")
    )
