"""Limits of rules: accounts of the ledger that an order fills, in orders and in money.

What an order uses is reserved with all else that it holds, posted when it is paid, voided when it
is closed, and reversed when it is returned whole; the bounds are the ledger's.
"""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.ledger.model import MONEY, Chain, Opening, Transfer
from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.pricing.model import Decision, Left
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.replay import plan_document
from springtide.domain.pricing.rule import Limits
from springtide.domain.pricing.store import price_plans
from springtide.kit.db import insert_into
from springtide.kit.errors import N_, Refusal

_ACCOUNTS = "uses:"
_PARTS = ("total", "money", "own")


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
    keys = [_account(rule.id, part, customer_key) for rule in limited for part in _PARTS]
    accounts = accounts_by_keys(tx, shop_id=shop_id, keys=keys)
    used = {key: account.balance + account.awaiting for key, account in accounts.items()}
    found = {}
    for rule in limited:
        limits = rule.limits
        total, money, own = (used.get(_account(rule.id, part, customer_key), 0) for part in _PARTS)
        mine = None if limits.per_customer is None else 0
        if customer_key:
            mine = _left(limits.per_customer, own)
        found[rule.id] = Left(
            customer=mine,
            total=_left(limits.total, total),
            money_minor=_left(limits.money_minor, money),
        )
    return found


def uses_of(
    plan: Plan, decision: Decision, *, order_key: str, customer_key: str | None, reference: str
) -> Chain:
    """Return what an order uses of its rules' limits, reserved.

    Raises LimitReached for somebody unknown where a rule counts by customer.
    """
    steps: list[Transfer] = []
    openings: list[Opening] = []
    for rule, amount in sorted(given_by(decision).items()):
        limits = plan.rules[plan.index[rule]].limits
        if not _is_limited(limits):
            continue
        if limits.per_customer is not None and not customer_key:
            raise LimitReached(rule=rule)
        parts = [("total", 1, limits.total), ("money", amount, limits.money_minor)]
        if customer_key:
            parts.append(("own", 1, limits.per_customer))
        for part, count, bound in parts:
            if not count:
                continue
            unit = MONEY if part == "money" else f"{_ACCOUNTS}{rule}"
            source = f"{_ACCOUNTS}{rule}:{'given' if part == 'money' else 'source'}"
            target = _account(rule, part, customer_key)
            steps.append(
                Transfer(
                    use_id(rule, part, order_key),
                    source,
                    target,
                    count,
                    reserve=True,
                    reference=reference,
                    customer_key=customer_key,
                )
            )
            openings += [
                Opening(source, unit, low=None),
                Opening(target, unit, high=bound),
            ]
    return Chain(tuple(steps), tuple(openings))


def use_id(rule: str, part: str, order_key: str) -> str:
    """Return the id of the transfer by which an order uses a part of a rule's limits."""
    return f"use:{rule}:{part}:{order_key}"


def use_ids(rules: Mapping[str, int], order_key: str) -> list[str]:
    """Return the ids of all transfers by which an order may have used its rules' limits."""
    return [use_id(rule, part, order_key) for rule in rules for part in _PARTS]


def limit_behind(account: str) -> LimitReached | None:
    """Return the refusal that a full account stands for, where it is one of a rule's limits."""
    if not account.startswith(_ACCOUNTS):
        return None
    return LimitReached(rule=account[len(_ACCOUNTS) :].partition(":")[0])


def keep_plan(tx: Connection, *, shop: Shop, plan: Plan) -> None:
    """Keep a plan that prices an order, once."""
    document = msgspec.to_builtins(plan_document(plan))
    tx.execute(
        insert_into(tx, price_plans)
        .values(shop_id=shop.id, digest=plan.digest.hex(), document=document)
        .on_conflict_do_nothing(index_elements=["shop_id", "digest"])
    )


def given_by(decision: Decision) -> Mapping[str, int]:
    """Return the money that each rule of a decision gave, gifts as nothing."""
    found = {rule.rule_id: rule.amount_minor for rule in decision.rules}
    for gift in decision.gifts:
        found.setdefault(gift.rule_id, 0)
    return found


def _account(rule: str, part: str, customer_key: str | None) -> str:
    key = f"{_ACCOUNTS}{rule}:{part}"
    return f"{key}:{customer_key or ''}" if part == "own" else key


def _left(bound: int | None, used: int) -> int | None:
    return None if bound is None else max(0, bound - used)


def _is_limited(limits: Limits) -> bool:
    return any(
        bound is not None for bound in (limits.per_customer, limits.total, limits.money_minor)
    )
