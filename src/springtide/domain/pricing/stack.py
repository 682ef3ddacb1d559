"""A stack: rules applied to one cart in their order, and what it comes to."""

from typing import Final

from springtide.domain.pricing.allocation import spread
from springtide.domain.pricing.priced_cart import OnLines, PricedCart
from springtide.domain.pricing.steps import Step

#: All of it, in basis points.
WHOLE: Final = 10_000


class Given:
    """What one rule over money gives in a stack: over lines, or (no shares) of the shipping."""

    __slots__ = ("amount", "rule", "shares", "wanted")

    def __init__(
        self, rule: OnLines, wanted: int, amount: int, shares: list[tuple[int, int]]
    ) -> None:
        self.rule, self.wanted, self.amount, self.shares = rule, wanted, amount, shares


class Stack:
    """A legal stack: the lines' money after the item lane and at the end, and who made it.

    ``makers`` are the rules of the item lane on each line.
    """

    __slots__ = ("given", "item_nets", "makers", "nets", "total")

    def __init__(
        self,
        total: int,
        item_nets: list[int],
        makers: list[int],
        given: list[Given],
        nets: list[int],
    ) -> None:
        self.total, self.item_nets, self.makers = total, item_nets, makers
        self.given, self.nets = given, nets

    @property
    def used(self) -> int:
        """The rules that give something in this stack."""
        rules = 0
        for makers in self.makers:
            rules |= makers
        for given in self.given:
            rules |= 1 << given.rule.place
        return rules


def evaluate(
    cart: PricedCart, item_nets: list[int], makers: list[int], chosen: list[OnLines]
) -> Stack:
    """Return what a choice comes to: each rule on what the ones before it leave."""
    nets = list(item_nets)
    shipping = cart.cart.shipping_minor
    given: list[Given] = []
    for rule in chosen:
        base = 0
        for line in rule.lines:
            base += nets[line]
        step = reached(rule, base)
        if step is None:
            continue
        wanted = step.amount(base)
        if rule.is_shipping:
            amount = min(wanted, shipping)
            shipping -= amount
            if amount:
                given.append(Given(rule, amount, amount, []))
            continue
        amount = min(wanted, base - rule.floors)
        if amount > 0:
            shares = spread(amount, nets, cart.floors, rule.lines)
            for at, line in enumerate(rule.lines):
                nets[line] -= shares[at]
            parts = list(zip(rule.lines, shares, strict=True))
            given.append(Given(rule, wanted, amount, parts))
    return Stack(sum(nets) + shipping, item_nets, makers, given, nets)


def reached(rule: OnLines, base: int) -> Step | None:
    """Return the highest step that some money reaches."""
    found = None
    for step in rule.curve:
        if step.threshold > base or step.least > base:
            break
        found = step
    return found


def holds_guards(
    cart: PricedCart, stack: Stack, *, gifts_cost: int = 0, with_rule: int | None = None
) -> bool:
    """Tell whether a stack leaves the margin that the guards of its campaigns refuse to go below.

    Lines without a cost are left out on both sides; ``with_rule`` counts as used, too.
    """
    used = stack.used | (0 if with_rule is None else 1 << with_rule)
    bounds = [
        guard.margin_bps
        for place, guard in cart.plan.guarded
        if guard.mode == "refuse" and used >> place & 1
    ]
    if not bounds:
        return True
    money, cost = costed(cart, stack.nets)
    return (money - cost - gifts_cost) * WHOLE >= max(bounds) * money


def costed(cart: PricedCart, nets: list[int]) -> tuple[int, int]:
    """Return money and cost of the lines whose cost is known."""
    money = cost = 0
    for net, facts, quantity in zip(nets, cart.facts, cart.quantities, strict=True):
        if facts.cost_minor is not None:
            money += net
            cost += facts.cost_minor * quantity
    return money, cost
