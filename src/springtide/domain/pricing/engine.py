"""The price of a cart: price book price, then the best legal stack of rules, split over the lines.

Pure: no clock, no database. So a quote, an order, a preview and a replay years later come from
the same code over the same values, and the same values give the same bytes.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime

import msgspec

from springtide.domain.pricing.items import NEVER
from springtide.domain.pricing.model import (
    ANYBODY,
    ENGINE,
    AppliedRule,
    Buyer,
    Cart,
    DecidedLine,
    Decision,
    Gift,
    PriceFacts,
)
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.priced_cart import POINTS, PricedCart, bits
from springtide.domain.pricing.rule import LANES, Giving, OnMoney
from springtide.domain.pricing.search import Found, best_stack
from springtide.domain.pricing.stack import Given, Stack, costed, holds_guards

_WHOLE = 10_000
_encode = msgspec.json.Encoder(order="sorted").encode


def price(
    cart: Cart,
    *,
    plan: Plan,
    book: Mapping[str, PriceFacts],
    now: datetime,
    buyer: Buyer = ANYBODY,
) -> Decision:
    """Return the best price the rules allow for a cart, and how it was made.

    Refuses (``Invalid``, by field such as ``lines.0.quantity``) unknown products, impossible
    quantities and amounts.
    """
    priced = PricedCart(cart, book, plan, buyer, now)
    return decided(priced, best_legal(priced), book)


def best_legal(cart: PricedCart) -> Found:
    """Return the best stack of which no rule gives more than is left of its budget of money.

    A rule whose budget no longer covers what it would give does not hold for this cart.
    """
    found = best_stack(cart)
    budgets = {
        cart.plan.index[rule_id]: left.money_minor
        for rule_id, left in cart.buyer.left.items()
        if left.money_minor is not None and rule_id in cart.plan.index
    }
    aside = 0
    while budgets:
        amounts = {cart.plan.index[rule.rule_id]: rule for rule in applied(cart, found.stack)}
        over = [p for p, rule in amounts.items() if rule.amount_minor > budgets.get(p, NEVER)]
        if not over:
            break
        aside |= sum(1 << place for place in over)
        found = best_stack(cart, without=aside)
    return found


def decided(cart: PricedCart, found: Found, book: Mapping[str, PriceFacts]) -> Decision:
    """Return the decision for a stack that was found."""
    stack = found.stack
    lines = _lines(cart, stack.nets)
    gifts, gifts_cost = given_gifts(cart, stack, book)
    money, cost = costed(cart, stack.nets)
    margin = money - cost - gifts_cost
    margin_bps = margin * _WHOLE // money if money else None
    shipping = sum(each.amount for each in stack.given if not each.shares)
    gross = sum(cart.gross)
    total = sum(stack.nets)
    return Decision(
        engine=ENGINE,
        currency=cart.cart.currency,
        priced_at=cart.now,
        input_hash=input_hash(cart),
        lines=lines,
        rules=applied(cart, stack),
        gifts=gifts,
        regular_total_minor=sum(
            [f.regular_minor * q for f, q in zip(cart.facts, cart.quantities, strict=True)]
        ),
        gross_minor=gross,
        discount_minor=gross - total,
        shipping_minor=cart.cart.shipping_minor - shipping,
        shipping_discount_minor=shipping,
        tax_minor=sum([line.tax_minor for line in lines]),
        total_minor=stack.total,
        margin_minor=margin,
        margin_bps=margin_bps,
        uncosted_count=sum([facts.cost_minor is None for facts in cart.facts]),
        warnings=_warnings(cart, stack, margin_bps),
        is_proven=found.is_proven,
    )


def input_hash(cart: PricedCart) -> str:
    """Return the SHA-256 of everything that a decision is made from."""
    wanted = cart.cart
    document = _encode(
        (
            cart.keys,
            cart.quantities,
            cart.facts,
            wanted.currency,
            sorted({code.strip() for code in wanted.codes}),
            wanted.shipping_minor,
            wanted.points,
            cart.buyer,
            cart.now,
        )
    )
    return hashlib.sha256(cart.plan.digest + document).hexdigest()


def tax_of(amount_minor: int, tax_bps: int) -> int:
    """Return the tax in an amount that includes it, half rounded up.

    >>> tax_of(11_300, 1_300)
    1300
    """
    whole = _WHOLE + tax_bps
    return (2 * amount_minor * tax_bps + whole) // (2 * whole)


def applied(cart: PricedCart, stack: Stack) -> tuple[AppliedRule, ...]:
    """Return the rules of a stack in their order of application, with their shares."""
    found = [*_item_rules(cart, stack), *(_money_rule(cart, given) for given in stack.given)]
    if len(found) > 1:
        found.sort(key=lambda rule: cart.plan.index[rule.rule_id])
    return tuple(found)


def _lines(cart: PricedCart, nets: list[int]) -> tuple[DecidedLine, ...]:
    return tuple(
        [
            DecidedLine(
                key,
                quantity,
                facts.regular_minor,
                facts.campaign_minor,
                facts.floor_minor,
                unit,
                gross,
                gross - net,
                net,
                tax_of(net, facts.tax_bps) if facts.tax_bps else 0,
            )
            for key, quantity, facts, unit, gross, net in zip(
                cart.keys, cart.quantities, cart.facts, cart.units, cart.gross, nets, strict=True
            )
        ]
    )


def _item_rules(cart: PricedCart, stack: Stack) -> list[AppliedRule]:
    """Say which rule of the item lane made which part of each line's reduction."""
    shares: dict[int, list[int]] = {}
    wanted: dict[int, int] = {}
    for line, makers in enumerate(stack.makers):
        if not makers:
            continue
        net = cart.gross[line]
        places = bits(makers)
        for place in places:
            off = cart.line_off(place, line, net)
            left = max(net - off, cart.floors[line])
            if place == places[-1]:
                left = stack.item_nets[line]
            shares.setdefault(place, [0] * len(cart.keys))[line] = net - left
            wanted[place] = wanted.get(place, 0) + off
            net = left
    plan = cart.plan
    found = []
    for place, parts in shares.items():
        rule = plan.rules[place]
        whole = cart.group_off(place) if plan.per_group >> place & 1 else wanted[place]
        found.append(
            AppliedRule(rule.id, rule.version, rule.kind, "item", sum(parts), whole, tuple(parts))
        )
    return found


def _money_rule(cart: PricedCart, given: Given) -> AppliedRule:
    place = given.rule.place
    rule, shape = cart.plan.rules[place], cart.plan.shapes[place]
    shares: tuple[int, ...] = ()
    if given.shares:
        parts = [0] * len(cart.keys)
        for line, share in given.shares:
            parts[line] = share
        shares = tuple(parts)
    points = 0
    if isinstance(shape, OnMoney) and shape.points_of is not None:
        points = shape.points_of(given.amount)
    return AppliedRule(
        rule.id,
        rule.version,
        rule.kind,
        LANES[given.rule.lane].value,
        given.amount,
        given.wanted,
        shares,
        points,
    )


def given_gifts(
    cart: PricedCart, stack: Stack, book: Mapping[str, PriceFacts]
) -> tuple[tuple[Gift, ...], int]:
    """Return the gifts that go with a stack, and what they cost.

    A gift's threshold counts what its products come to before points. A gift that breaks a
    guard's margin is not given.
    """
    plan = cart.plan
    if not plan.giving:
        return (), 0
    found: list[Gift] = []
    cost = 0
    for place in bits(plan.giving):
        for gift in _gifts_of(cart, stack, place, book):
            more = gift.quantity * (gift.cost_minor or 0)
            if holds_guards(cart, stack, gifts_cost=cost + more, with_rule=place):
                found.append(gift)
                cost += more
    return tuple(found), cost


def _gifts_of(
    cart: PricedCart, stack: Stack, place: int, book: Mapping[str, PriceFacts]
) -> list[Gift]:
    shape, rule = cart.plan.shapes[place], cart.plan.rules[place]
    if not isinstance(shape, Giving) or place not in cart.lines or not cart.meets(place):
        return []
    if cart.plan.excludes[place] & stack.used:
        return []
    return [
        Gift(rule.id, key, quantity, book[key].cost_minor if key in book else None)
        for key, quantity in shape.gifts(gift_base(cart, stack, place), cart.pieces(place))
    ]


def gift_base(cart: PricedCart, stack: Stack, place: int) -> int:
    """Return what the products of a rule come to before points."""
    lines = frozenset(cart.lines[place])
    paid = [
        share
        for given in stack.given
        if given.rule.lane == POINTS
        for line, share in given.shares
        if line in lines
    ]
    return sum(stack.nets[line] for line in lines) + sum(paid)


def _warnings(cart: PricedCart, stack: Stack, margin_bps: int | None) -> tuple[str, ...]:
    """Return what a person should know: a margin below a guard, or below nothing."""
    if margin_bps is None:
        return ()
    found = []
    if cart.plan.guarded:
        used = stack.used
        bounds = [g.margin_bps for place, g in cart.plan.guarded if used >> place & 1]
        if bounds and margin_bps < max(bounds):
            found.append("margin_below_guard")
    if margin_bps < 0:
        found.append("below_cost")
    return tuple(found)
