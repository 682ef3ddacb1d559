"""凑单: products that would lift a cart to the next step of a rule, the cheapest that do."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.pricing.explain import Outcome
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.queries import current_prices, keys_priced_from

#: Products named for one step, rules that get any, and candidates that are looked at.
PRODUCTS_SHOWN = 3
RULES_SHOWN = 3
_LOOKED_AT = 60


@dataclass(frozen=True, slots=True)
class TopUp:
    """One piece of a product that would do."""

    product_key: str
    name: str
    unit_minor: int


def top_ups(
    tx: Connection,
    *,
    shop: Shop,
    plan: Plan,
    outcomes: Sequence[Outcome],
    in_cart: Collection[str],
    now: datetime,
) -> dict[str, list[TopUp]]:
    """Return, by rule, products of its set that bring the money its next step misses.

    For the steps that save most; each product costs at least what is missing, the cheapest first.
    """
    steps = [
        (outcome.next_step.saves_minor, outcome.rule_id, outcome.next_step.missing_minor)
        for outcome in outcomes
        if outcome.next_step is not None and outcome.next_step.missing_minor
    ]
    found: dict[str, list[TopUp]] = {}
    for _, rule_id, missing in sorted(steps, reverse=True)[:RULES_SHOWN]:
        keys = keys_priced_from(tx, shop_id=shop.id, least_minor=missing, limit=_LOOKED_AT)
        prices = current_prices(tx, shop_id=shop.id, keys=keys, now=now)
        place = plan.index[rule_id]
        fitting = sorted(
            (facts.unit_minor, key)
            for key, facts in prices.items()
            if key not in in_cart
            and facts.unit_minor >= missing
            and (plan.everywhere >> place & 1 or place in plan.match(key, facts))
        )[:PRODUCTS_SHOWN]
        names = products_by_keys(tx, shop_id=shop.id, keys=[key for _, key in fitting])
        found[rule_id] = [
            TopUp(key, names[key].name if key in names else key, unit) for unit, key in fitting
        ]
    return found
