"""Why each rule gave what it gave: applied, lost to others, or which condition failed.

A decision holds what was decided. This says the rest, from the same values: for every rule of the
plan what became of it, and the cheapest change of the cart that would unlock more.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from springtide.domain.pricing.engine import best_legal, decided, gift_base
from springtide.domain.pricing.model import (
    ANYBODY,
    Buyer,
    Cart,
    CartLine,
    Decision,
    Gift,
    NextStep,
    PriceFacts,
    Reason,
)
from springtide.domain.pricing.plan import Plan, normal_code
from springtide.domain.pricing.priced_cart import POINTS, SHIPPING, PricedCart, bits
from springtide.domain.pricing.rule import Asks, Giving, MoreOf, OnMoney, PerGroup, PerLine
from springtide.domain.pricing.search import Found, best_stack
from springtide.domain.pricing.stack import Stack, costed, reached

#: Sets of winners that are set aside to see what a rule would have given.
_ROUNDS_MAX = 8
#: A product that stands for whatever a buyer might add; it sorts after every key.
_MORE = "\U0010ffff"


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one rule: ``shares`` are minor units a line, in the order of the lines."""

    rule_id: str
    version: int
    kind: str
    lane: str
    is_applied: bool
    amount_minor: int = 0
    cut_minor: int = 0
    shares: tuple[int, ...] = ()
    gifts: tuple[Gift, ...] = ()
    reason: Reason | None = None
    next_step: NextStep | None = None


class Explained(msgspec.Struct, frozen=True):
    """A decision, and what became of every rule, in the order in which they apply."""

    decision: Decision
    outcomes: tuple[Outcome, ...]


def explain(
    cart: Cart,
    *,
    plan: Plan,
    book: Mapping[str, PriceFacts],
    now: datetime,
    buyer: Buyer = ANYBODY,
) -> Explained:
    """Price a cart and say what became of every rule. Refuses what ``price`` refuses."""
    priced = PricedCart(cart, book, plan, buyer, now)
    found = best_legal(priced)
    decision = decided(priced, found, book)
    teller = _Teller(priced, found, decision, book)
    return Explained(decision, tuple(teller.outcome(place) for place in range(len(plan.rules))))


class _Teller:
    """One cart with its decision, asked rule by rule."""

    def __init__(
        self,
        cart: PricedCart,
        found: Found,
        decision: Decision,
        book: Mapping[str, PriceFacts],
    ) -> None:
        self.cart, self.found, self.decision, self.book = cart, found, decision, book
        self.applied = {rule.rule_id: rule for rule in decision.rules}

    def outcome(self, place: int) -> Outcome:
        rule = self.cart.plan.rules[place]
        lane = self.cart.plan.shapes[place].lane.value
        gifts = tuple(gift for gift in self.decision.gifts if gift.rule_id == rule.id)
        given = self.applied.get(rule.id)
        common = {"rule_id": rule.id, "version": rule.version, "kind": rule.kind, "lane": lane}
        reason = None if given or gifts else self._reason(place)
        next_step = self._next_step(place)
        if given is None:
            return Outcome(
                **common,  # type: ignore[arg-type]
                is_applied=bool(gifts),
                gifts=gifts,
                reason=reason,
                next_step=next_step,
            )
        return Outcome(
            **common,  # type: ignore[arg-type]
            is_applied=True,
            amount_minor=given.amount_minor,
            cut_minor=given.wanted_minor - given.amount_minor if given.shares else 0,
            shares=given.shares,
            next_step=next_step,
        )

    def _reason(self, place: int) -> Reason:
        cart = self.cart
        return (
            _outside(cart, place)
            or _unfit(cart, place)
            or _used_up(cart, place)
            or self._not_enough(place)
            or self._lost(place)
        )

    def _not_enough(self, place: int) -> Reason | None:
        """Say what the cart lacks, whatever else applies to it."""
        cart, rule, shape = self.cart, self.cart.plan.rules[place], self.cart.plan.shapes[place]
        lines = cart.lines.get(place, ())
        if not lines:
            return Reason("no_product", 0, 1)
        if isinstance(shape, PerGroup) and len(lines) < len(shape.needs_keys):
            here = {cart.keys[line] for line in lines}
            absent = tuple(key for key in shape.needs_keys if key not in here)
            return Reason("missing_products", len(lines), len(shape.needs_keys), absent)
        pieces, needed = cart.pieces(place), max(rule.conditions.min_pieces, shape.needs_pieces)
        if isinstance(shape, PerLine) and not rule.conditions.min_pieces:
            pieces = max(cart.quantities[line] for line in lines)
        if pieces < needed:
            return Reason("too_few_pieces", pieces, needed)
        money = sum(cart.gross[line] for line in lines)
        starts = max(rule.conditions.min_money_minor, self._starts(place))
        if money < starts:
            return Reason("below_threshold", money, starts)
        return self._nothing(place, money)

    def _starts(self, place: int) -> int:
        shape = self.cart.plan.shapes[place]
        if isinstance(shape, Giving):
            return shape.threshold
        if not isinstance(shape, OnMoney):
            return 0
        held = self.cart.buyer.issued.get(self.cart.plan.rules[place].id, 0)
        curve = shape.curve(self.cart.pieces(place), self.cart.points, held)
        return curve[0].starts if curve else 0

    def _nothing(self, place: int, money: int) -> Reason | None:
        """Say why a rule takes nothing off these lines even when it stands alone."""
        cart, shape = self.cart, self.cart.plan.shapes[place]
        lines = cart.lines[place]
        if isinstance(shape, Giving):
            return None
        if isinstance(shape, PerLine):
            offs = {line: cart.line_off(place, line, cart.gross[line]) for line in lines}
            wanted = sum(offs.values())
            # Room on a line from which nothing comes off is of no use.
            lines = tuple(line for line, off in offs.items() if off > 0)
        elif isinstance(shape, PerGroup):
            wanted = cart.group_off(place)
        else:
            return self._nothing_on_money(place, money)
        if wanted <= 0:
            return Reason("no_reduction")
        room = sum(cart.gross[line] - cart.floors[line] for line in lines)
        return Reason("no_room", room, wanted) if room <= 0 else None

    def _nothing_on_money(self, place: int, money: int) -> Reason | None:
        cart = self.cart
        if cart.plan.lanes[place] == SHIPPING:
            return None if cart.cart.shipping_minor else Reason("no_shipping")
        if cart.plan.lanes[place] == POINTS and not cart.points:
            return Reason("no_points")
        rule = cart.on_money(place)
        step = reached(rule, money) if rule else None
        if rule is None or step is None or not step.amount(money):
            return Reason("no_reduction")
        return None if money > rule.floors else Reason("no_room", 0, step.amount(money))

    def _lost(self, place: int) -> Reason:
        """Say which rules stand in the way, by setting aside those that do until it applies."""
        cart, best = self.cart, self.found.stack
        if isinstance(cart.plan.shapes[place], Giving):
            return self._gift_lost(place)
        open_stack = best_stack(cart, is_guarded=False).stack
        if open_stack.used >> place & 1:
            return _guarded(cart, open_stack, place)
        aside, stack = 0, best
        for _ in range(_ROUNDS_MAX):
            aside |= self._in_the_way(place, stack)
            stack = best_stack(cart, without=aside).stack
            if stack.used >> place & 1:
                break
        others = tuple(sorted(cart.plan.rules[each].id for each in bits(aside)))
        return Reason("lost_to", stack.total, best.total, others)

    def _in_the_way(self, place: int, stack: Stack) -> int:
        """Return the used rules that shut a rule out; else all that share its lines."""
        plan, near = self.cart.plan, self._beside(place, stack)
        rivals = sum(1 << each for each in bits(near) if plan.lanes[each] == plan.lanes[place])
        shut = plan.excludes[place] & stack.used | rivals & ~plan.combines[place]
        return shut or near or stack.used & ~(1 << place)

    def _gift_lost(self, place: int) -> Reason:
        cart, stack = self.cart, self.found.stack
        excludes, starts = cart.plan.excludes[place], self._starts(place)
        if not excludes & stack.used:
            base = gift_base(cart, stack, place)
            if not isinstance(cart.plan.shapes[place], Giving) or base >= starts:
                return _guarded(cart, stack, place)
            return Reason("below_threshold", base, starts)
        aside, left = 0, stack
        # Where those that shut it out are gone, others come that do the same, or that lower the
        # money which it counts.
        while not self._gift_stands(place, left):
            shut = excludes & left.used or self._beside(place, left)
            if not shut:
                return Reason("below_threshold", gift_base(cart, left, place), starts)
            aside |= shut
            left = best_stack(cart, without=aside).stack
        others = tuple(sorted(cart.plan.rules[each].id for each in bits(aside)))
        return Reason("lost_to", stack.total, stack.total, others)

    def _gift_stands(self, place: int, stack: Stack) -> bool:
        cart = self.cart
        is_shut = cart.plan.excludes[place] & stack.used
        return not is_shut and gift_base(cart, stack, place) >= self._starts(place)

    def _beside(self, place: int, stack: Stack) -> int:
        """Return the used rules that share lines with one."""
        mine = frozenset(self.cart.lines[place])
        return sum(
            1 << other
            for other in bits(stack.used & ~(1 << place))
            if mine & frozenset(self.cart.lines[other])
        )

    def _next_step(self, place: int) -> NextStep | None:
        """Return the cheapest change that would unlock more of a rule, tried on a larger cart."""
        cart = self.cart
        if place not in cart.lines or not cart.held >> place & 1:
            return None
        shape = cart.plan.shapes[place]
        if isinstance(shape, OnMoney):
            step = self._more_money(place)
            if step is not None:
                return step
        if isinstance(shape, Giving) or shape.more is None:
            return None
        return self._more_pieces(place, shape.more)

    def _more_money(self, place: int) -> NextStep | None:
        cart, shape = self.cart, self.cart.plan.shapes[place]
        if not isinstance(shape, OnMoney):
            return None
        rule = cart.plan.rules[place]
        held = cart.buyer.issued.get(rule.id, 0)
        curve = shape.curve(cart.pieces(place), cart.points, held)
        base = self._base(place)
        least = rule.conditions.min_money_minor
        ahead = [max(step.threshold, least) for step in curve]
        ahead += [
            (base // step.threshold + 1) * step.threshold
            for step in curve
            if step.every and step.every > base // step.threshold
        ]
        starts = min((money for money in ahead if money > base), default=None)
        if starts is None:
            return None
        missing = starts - base
        more = best_stack(self._with_more(place, missing)).stack.total
        saves = self.found.stack.total + missing - more
        return NextStep(saves, missing_minor=missing) if saves > 0 else None

    def _base(self, place: int) -> int:
        """Return the money of a rule's lines when its turn comes, in the chosen stack."""
        lines, stack = frozenset(self.cart.lines[place]), self.found.stack
        base = sum(stack.item_nets[line] for line in lines)
        for given in stack.given:
            if given.rule.place < place:
                base -= sum(share for line, share in given.shares if line in lines)
        return base

    def _with_more(self, place: int, money: int) -> PricedCart:
        """Return the cart with a product of so much money that only rules over money see."""
        cart = self.cart
        lines = (*cart.cart.lines, CartLine(_MORE, 1))
        wider = {**self.book, _MORE: PriceFacts(money)}
        larger = PricedCart(
            msgspec.structs.replace(cart.cart, lines=lines), wider, cart.plan, cart.buyer, cart.now
        )
        last = len(larger.keys) - 1
        for each in list(larger.lines):
            if not isinstance(cart.plan.shapes[each], OnMoney):
                kept = tuple(line for line in larger.lines[each] if line != last)
                larger.lines[each] = kept
                if not kept:
                    del larger.lines[each]
        mine = larger.lines.get(place, ())
        larger.lines[place] = mine if last in mine else (*mine, last)
        return larger

    def _more_pieces(self, place: int, more_of: MoreOf) -> NextStep | None:
        cart = self.cart
        lines = cart.lines[place]
        pieces = cart.pieces(place)
        if isinstance(cart.plan.shapes[place], PerLine):
            line = min(lines, key=lambda each: (more_of(cart.quantities[each]) or 1 << 30, each))
            pieces = cart.quantities[line]
        else:
            line = min(lines, key=lambda each: (cart.units[each], each))
        missing = more_of(pieces)
        if not missing:
            return None
        added = (*cart.cart.lines, CartLine(cart.keys[line], missing))
        larger = PricedCart(
            msgspec.structs.replace(cart.cart, lines=added),
            self.book,
            cart.plan,
            cart.buyer,
            cart.now,
        )
        more = best_stack(larger).stack
        saves = self.found.stack.total + cart.units[line] * missing - more.total
        if saves <= 0 or not more.used >> place & 1:
            return None
        return NextStep(saves, missing_pieces=missing)


def _guarded(cart: PricedCart, stack: Stack, place: int) -> Reason:
    """Say how far a stack would fall below the guard that refuses it."""
    money, cost = costed(cart, stack.nets)
    bound = max((g.margin_bps for at, g in cart.plan.guarded if at == place), default=0)
    margin = (money - cost) * 10_000 // money if money else 0
    return Reason("margin_guard", margin, bound)


def _outside(cart: PricedCart, place: int) -> Reason | None:
    """Say whether a rule's window is closed."""
    rule, now = cart.plan.rules[place], cart.now
    if rule.starts_at is not None and now < rule.starts_at:
        return Reason("not_open", now.isoformat(), rule.starts_at.isoformat())
    if rule.ends_at is not None and now >= rule.ends_at:
        return Reason("closed", now.isoformat(), rule.ends_at.isoformat())
    hours, minute = rule.conditions.hours, cart.plan.minute(now)
    if hours and not any(each.holds(minute) for each in hours):
        windows = ", ".join(f"{_wall(each.from_minute)}-{_wall(each.to_minute)}" for each in hours)
        return Reason("wrong_hour", _wall(minute), windows)
    return None


def _wall(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _unfit(cart: PricedCart, place: int) -> Reason | None:
    """Say which condition on the buyer fails."""
    rule, buyer = cart.plan.rules[place], cart.buyer
    wanted = rule.conditions
    if wanted.tiers and buyer.tier not in wanted.tiers:
        return Reason("wrong_tier", buyer.tier, ", ".join(wanted.tiers))
    if wanted.segments and not any(each in wanted.segments for each in buyer.segments):
        return Reason("wrong_segment", ", ".join(buyer.segments), ", ".join(wanted.segments))
    if wanted.channels and buyer.channel not in wanted.channels:
        return Reason("wrong_channel", buyer.channel, ", ".join(wanted.channels))
    if (wanted.regions and buyer.region not in wanted.regions) or (
        buyer.region in wanted.except_regions
    ):
        return Reason("wrong_region", buyer.region, ", ".join(wanted.regions))
    is_for_first = wanted.is_first_order or Asks.FIRST_ORDER in cart.plan.asks[place]
    if is_for_first and not buyer.is_first_order:
        return Reason("not_first_order", 0, 1)
    typed = {normal_code(code) for code in cart.cart.codes}
    if wanted.code and normal_code(wanted.code) not in typed:
        return Reason("no_code", "", "")
    if wanted.is_issued and rule.id not in buyer.issued:
        return Reason("not_issued", 0, 1)
    return None


def _used_up(cart: PricedCart, place: int) -> Reason | None:
    """Say which limit is used up."""
    left = cart.buyer.left.get(cart.plan.rules[place].id)
    if left is None:
        return None
    if left.money_minor is not None and place in cart.lines:
        alone = best_stack(cart, without=~(1 << place)).stack
        gives = sum(cart.gross) + cart.cart.shipping_minor - alone.total
        if gives > left.money_minor:
            return Reason("limit_money", left.money_minor, gives)
    for name, amount in (("customer", left.customer), ("total", left.total)):
        if amount == 0:
            return Reason(f"limit_{name}", 0, 1)
    return Reason("limit_money", 0, 1) if left.money_minor == 0 else None
