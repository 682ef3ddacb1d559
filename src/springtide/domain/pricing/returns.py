"""What a return gives back: what was paid, less the price of what is kept.

The price of what is kept depends on the kept pieces alone, never on the way there. So returning in
parts gives what returning at once gives, and returning all gives all back. The policy is the
campaign's:

- ``keep``: kept pieces keep the share of the payment that was fixed at the sale.
- ``reprice``: what is kept is priced again, as it would have been at the sale, with the same rules.
- ``charge_back``: kept pieces keep their shares of the rules that still hold for them; what a rule
  no longer gives, because its threshold is missed, is charged back. No other rule takes its place.

Where what is kept would cost more than was paid, the return is refused with the amount due.
"""

from collections.abc import Mapping, Sequence

import msgspec

from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import CartLine, Decision
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.priced_cart import PricedCart
from springtide.domain.pricing.replay import Inputs
from springtide.domain.pricing.rule import OnMoney, PerGroup, PerLine
from springtide.domain.pricing.stack import reached
from springtide.kit.errors import N_, Invalid, Refusal


class ReturnsTooMany(Refusal):
    """More pieces than are left of a line."""

    code = "return_too_many"
    text = N_("{product_key}: {quantity} cannot come back, {left} are left of this order.")


class ReturnOwes(Refusal):
    """A return after which the buyer would owe money."""

    code = "return_owes"
    status = 409
    text = N_(
        "What is kept costs {due_minor} minor units more than was paid, as a discount is missed."
        " Return all of it, or take the difference first."
    )


def kept_after(
    decision: Decision, before: Mapping[str, int], returning: Mapping[str, int]
) -> dict[str, int]:
    """Return the pieces that are kept; refuse (``Invalid``, by product) more than there are."""
    problems: dict[str, Refusal] = {}
    kept = {
        line.product_key: line.quantity - before.get(line.product_key, 0) for line in decision.lines
    }
    for key, quantity in returning.items():
        left = kept.get(key, 0)
        if not 1 <= quantity <= left:
            problems[f"lines.{key}"] = ReturnsTooMany(product_key=key, quantity=quantity, left=left)
        else:
            kept[key] = left - quantity
    if problems:
        raise Invalid(problems)
    return kept


def kept_price(
    decision: Decision, inputs: Inputs, plan: Plan, kept: Mapping[str, int], policy: str
) -> int:
    """Return the price of what is kept under a policy, in minor units, shipping included.

    Shipping stays paid while anything is kept: it was delivered. Priced again, it is what it would
    have been for what is kept.
    """
    lines = [CartLine(key, quantity) for key, quantity in sorted(kept.items()) if quantity]
    if not lines:
        return 0
    if policy == "reprice":
        cart = msgspec.structs.replace(inputs.cart, lines=tuple(lines))
        again = price(cart, plan=plan, book=inputs.book, now=inputs.now, buyer=inputs.buyer)
        return again.total_minor
    if policy == "charge_back":
        return _charged_back(decision, inputs, plan, kept) + decision.shipping_minor
    shares = [
        kept_share(line.payable_minor, kept[line.product_key], line.quantity)
        for line in decision.lines
    ]
    return sum(shares) + decision.shipping_minor


def kept_share(amount_minor: int, kept: int, quantity: int) -> int:
    """Return the part of a line's money that its kept pieces carry: whole for all, 0 for none.

    >>> [kept_share(1000, kept, 3) for kept in range(4)]
    [0, 334, 667, 1000]
    """
    return -(-amount_minor * kept // quantity)


def _charged_back(decision: Decision, inputs: Inputs, plan: Plan, kept: Mapping[str, int]) -> int:
    """Return the kept lines' money, each rule of the sale giving what still holds, at most."""
    quantities = [kept[line.product_key] for line in decision.lines]
    money = [
        line.unit_minor * quantity
        for line, quantity in zip(decision.lines, quantities, strict=True)
    ]
    here = tuple(
        CartLine(line.product_key, quantity)
        for line, quantity in zip(decision.lines, quantities, strict=True)
        if quantity
    )
    cart = msgspec.structs.replace(inputs.cart, lines=here)
    small = PricedCart(cart, inputs.book, plan, inputs.buyer, inputs.now)
    place_of = {key: line for line, key in enumerate(small.keys)}
    for rule in decision.rules:
        if not rule.shares:
            continue
        parts = [
            rule.shares[line]
            - kept_share(rule.shares[line], each.quantity - quantity, each.quantity)
            for line, (each, quantity) in enumerate(zip(decision.lines, quantities, strict=True))
        ]
        still = _still_gives(small, plan.index[rule.rule_id], money, decision, place_of)
        if still < sum(parts):
            parts = _scaled(parts, still)
        money = [left - part for left, part in zip(money, parts, strict=True)]
    return sum(money)


def _still_gives(
    small: PricedCart,
    place: int,
    money: Sequence[int],
    decision: Decision,
    place_of: Mapping[str, int],
) -> int:
    """Return what a rule would give the kept lines, on the money that rules before it left."""
    if place not in small.lines or not small.meets(place):
        return 0
    shape = small.plan.shapes[place]
    nets = {
        place_of[line.product_key]: left
        for line, left in zip(decision.lines, money, strict=True)
        if line.product_key in place_of
    }
    lines = small.lines[place]
    if isinstance(shape, PerLine):
        return sum(small.line_off(place, line, nets[line]) for line in lines)
    if isinstance(shape, PerGroup):
        return small.group_off(place)
    if isinstance(shape, OnMoney):
        found = small.on_money(place)
        base = sum(nets[line] for line in lines)
        step = reached(found, base) if found else None
        return step.amount(base) if step else 0
    return 0


def _scaled(parts: Sequence[int], total: int) -> list[int]:
    """Return parts cut to a smaller total, in proportion; what is left over falls to the last."""
    whole = sum(parts)
    if not whole:
        return list(parts)
    done, given, found = 0, 0, []
    for part in parts:
        done += part
        found.append(total * done // whole - given)
        given += found[-1]
    return found
