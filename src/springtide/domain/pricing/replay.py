"""What a decision was made from, kept with the order, so that it can be made again.

Rules are kept by id and version: their parameters and terms come from the versions, which are
never edited. A replay that differs in a byte tells that something under it was changed.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import ENGINE, Buyer, Cart, Decision, PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.rule import ActiveRule, Guard
from springtide.kit.errors import N_, Refusal


class OtherEngine(Refusal):
    """A decision of an engine that is not here any more."""

    code = "other_engine"
    text = N_("Order {order} was priced by engine {engine}; this is engine {here}.")


class RuleRef(msgspec.Struct, frozen=True):
    """A rule's version, and the window it had."""

    id: str
    version: int
    campaign_key: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class PlanDocument(msgspec.Struct, frozen=True):
    """A plan by its rules' versions: kept once, however many orders it priced."""

    rules: tuple[RuleRef, ...]
    guards: Mapping[str, Guard]
    zone: str


class Inputs(msgspec.Struct, frozen=True):
    """All that a decision is made from, beside the plan of this digest."""

    cart: Cart
    buyer: Buyer
    book: Mapping[str, PriceFacts]
    plan: str
    now: datetime

    def document(self) -> dict[str, Any]:
        """Return the inputs as plain JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Inputs":
        """Read inputs back from their JSON values."""
        return msgspec.convert(document, cls)


#: (rule id, version) -> kind, parameters, terms.
VersionOf = Callable[[str, int], tuple[str, Mapping[str, Any], Terms]]


def inputs_of(
    cart: Cart, *, plan: Plan, book: Mapping[str, PriceFacts], buyer: Buyer, now: datetime
) -> Inputs:
    """Return what a decision is made from; of the price book, the products of cart and gifts."""
    keys = {line.product_key for line in cart.lines} | set(plan.gift_keys)
    return Inputs(
        cart=cart,
        buyer=buyer,
        book={key: book[key] for key in sorted(keys) if key in book},
        plan=plan.digest.hex(),
        now=now,
    )


def plan_document(plan: Plan) -> PlanDocument:
    """Return a plan as it is kept."""
    return PlanDocument(
        rules=tuple(
            RuleRef(rule.id, rule.version, rule.campaign_key, rule.starts_at, rule.ends_at)
            for rule in plan.rules
        ),
        guards=plan.guards,
        zone=plan.zone,
    )


def plan_of(document: PlanDocument, version_of: VersionOf) -> Plan:
    """Return a plan that was kept, its rules as they were."""
    rules = []
    for ref in document.rules:
        kind, params, terms = version_of(ref.id, ref.version)
        rules.append(
            ActiveRule(
                id=ref.id,
                version=ref.version,
                kind=kind,
                params=params,
                conditions=terms.conditions,
                stacking=terms.stacking,
                limits=terms.limits,
                campaign_key=ref.campaign_key,
                starts_at=ref.starts_at,
                ends_at=ref.ends_at,
            )
        )
    return Plan(rules, guards=document.guards, zone=document.zone)


def replay(inputs: Inputs, plan: Plan) -> Decision:
    """Make a decision again."""
    return price(inputs.cart, plan=plan, book=inputs.book, now=inputs.now, buyer=inputs.buyer)


def refuse_other_engine(order: str, engine: str) -> None:
    """Raise OtherEngine for a decision that this engine did not make."""
    if engine != ENGINE:
        raise OtherEngine(order=order, engine=engine, here=ENGINE)
