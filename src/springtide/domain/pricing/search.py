"""The best legal stack of a cart, found and proven by branch and bound.

Lanes are decided from the item lane on, each on what the ones before leave. A cheaper item price
can cost more later, when a threshold is then missed; so the search does not decide the item lane
first. It starts from the lowest item prices and walks the later lanes: a step that those prices do
not reach may still be taken, at a cost of at least the money that is missing. Every stack of later
rules then has a lower bound. Only where one with money missing could still win are dearer item
prices tried, by rising cost.

The bound holds because every discount, once its step is fixed, leaves more where there was more
(flat amounts and percentages are spread by money, above floors); rounding to minor units can break
that by one unit a line and lane, and is allowed for as ``slack``.
"""

from typing import Final, NamedTuple

from springtide.domain.pricing.allocation import spread
from springtide.domain.pricing.bounds import Ranked
from springtide.domain.pricing.items import NEVER, Items, Option, item_options
from springtide.domain.pricing.priced_cart import POINTS, OnLines, PricedCart, bits
from springtide.domain.pricing.stack import WHOLE, Stack, evaluate, holds_guards
from springtide.domain.pricing.steps import Step

#: Steps of one search; a shop's carts need a few dozen.
STEPS_MAX: Final = 10_000
#: Full thresholds beyond the next one that a repeating step is tried at.
REPEATS_MAX: Final = 200


class Found(NamedTuple):
    """The best stack and whether no legal one is cheaper."""

    stack: Stack
    is_proven: bool
    steps: int


def best_stack(cart: PricedCart, *, without: int = 0, is_guarded: bool = True) -> Found:
    """Return the cheapest legal stack for a cart, leaving out some rules.

    Of stacks that cost the same the one found first counts, in an order that depends on rules and
    products alone. The work is bounded: a search cut off gives its best stack, not proven.
    """
    present = 0
    for place in cart.lines:
        present |= 1 << place
    present &= ~without & ~cart.plan.giving
    best: Stack | None = None
    is_proven, steps = True, 0
    for allowed in _free_of_conflict(cart, present):
        search = _Search(cart, allowed, best, steps, is_guarded)
        best = search.run()
        is_proven = is_proven and search.is_complete
        steps = search.steps
    if best is None:
        best = evaluate(cart, cart.gross, [0] * len(cart.gross), [])
    return Found(best, is_proven and steps <= STEPS_MAX, steps)


def _free_of_conflict(cart: PricedCart, present: int) -> list[int]:
    """Return the largest sets of rules of which none excludes another."""
    excludes = cart.plan.excludes
    if not cart.plan.has_excludes:
        return [present]
    sets: list[int] = []
    waiting = [present]
    while waiting and len(sets) < STEPS_MAX:
        rules = waiting.pop()
        place = next((each for each in bits(rules) if excludes[each] & rules), None)
        if place is None:
            if not any(rules & ~other == 0 for other in sets):
                sets.append(rules)
            continue
        waiting += [rules & ~(1 << place), rules & ~excludes[place]]
    return sets


#: Lanes of which one rule counts in an order: two would pay with the same points, the same fee.
_ALONE: Final = POINTS


class _Search:
    """Branch and bound over the later lanes, for rules of which none excludes another."""

    def __init__(
        self, cart: PricedCart, allowed: int, best: Stack | None, steps: int, is_guarded: bool
    ) -> None:
        self.cart, self.best = cart, best
        self.chosen: list[OnLines] | None = None
        self.slots: list[list[Option]] | None = None
        self.bar = best.total if best else NEVER
        rules = []
        wanted = allowed & cart.plan.on_money
        for place in cart.lines:
            if wanted >> place & 1:
                found = cart.on_money(place)
                if found is not None:
                    rules.append(found)
        self.by_total = all(rule.is_full for rule in rules)
        self.guards = is_guarded and any(
            guard.mode == "refuse" and allowed >> place & 1 for place, guard in cart.plan.guarded
        )
        self.items: Items = item_options(
            cart, allowed, by_total=self.by_total, is_guarded=self.guards
        )
        self.is_complete = self.items.is_complete
        self.steps = steps + self.items.steps
        #: Whether lines can have other prices, on which a rule that gives nothing here may give.
        self.has_options = self.items.least_up < NEVER or not self.items.is_attained
        self.shipping = cart.cart.shipping_minor
        by_lane: dict[int, list[OnLines]] = {}
        rate_of: dict[int, int] = {}
        for rule in rules:
            by_lane.setdefault(rule.lane, []).append(rule)
            for step in rule.curve:
                if step.bps > rate_of.get(rule.lane, 0):
                    rate_of[rule.lane] = step.bps
        rates = sum(rate_of.values())
        #: What is left, at least, of money given up in the item lane, in basis points.
        self.keeps = max(0, WHOLE - rates)
        self.lanes = [self._ranked(by_lane[lane]) for lane in sorted(by_lane)]
        self.slack = 0 if self.by_total else self._slack()

    def _slack(self) -> int:
        """Return how far rounding could make a stack better than its bound, in minor units.

        A rule before may be spread one unit otherwise over each line. That moves the money under
        a rule that sees a part of these lines; it gives more only if it is a percentage, or takes
        all there is.
        """
        slack, taken = 0, -1
        for at, lane in enumerate(self.lanes):
            if lane.is_ordered:
                slack += len(self.cart.keys) * len(lane.rules)
            most = 0
            for rule in lane.rules:
                moved = self._moved(at, rule)
                if not moved:
                    continue
                base = 0
                for line in rule.lines:
                    base += self.items.nets[line]
                if taken < 0:
                    taken = self._later(0, self.items.nets, sum(self.items.nets))
                room = base - rule.floors - taken
                for step in rule.curve:
                    if step.bps:
                        most = max(most, moved * step.bps // WHOLE + 2)
                    if step.amount(rule.most) > room:
                        most = max(most, moved)
            slack += most
        return slack

    def _moved(self, at: int, rule: OnLines) -> int:
        """Return by how much rounding may move the money under a rule in a lane."""
        return 0 if rule.is_full or rule.is_shipping else len(rule.lines) * at

    def run(self) -> Stack | None:
        """Search; return the best stack of this search and of those before it."""
        nets = self.items.nets
        total = sum(nets) + self.shipping
        most = self._later(0, nets, total - self.shipping)
        # Cells that cannot have all their lowest prices at once give money up from the start.
        missing = sum([options[0].given_up for options in self.items.cells])
        if not self._is_hopeless(total, missing, self.keeps, most):
            self._walk(0, 0, 0, nets, total, self.shipping, missing, self.keeps, [])
        if self.chosen is not None and self.best is None:
            self.best = evaluate(self.cart, nets, self.items.makers, self.chosen)
        return self.best

    def _ranked(self, rules: list[OnLines]) -> Ranked:
        combines = self.cart.plan.combines
        is_ordered = any(combines[rule.place] for rule in rules)
        found = [(self._most(rule), rule) for rule in rules]
        if not self.has_options:
            found = [each for each in found if each[0] > 0]
        found.sort(key=lambda each: each[1].place if is_ordered else (-each[0], each[1].place))
        return Ranked(found, self.items.nets, is_ordered, self.by_total, self.keeps > 0)

    def _most(self, rule: OnLines) -> int:
        """Return what a rule gives at most: on the lowest item prices, or with money missing."""
        if rule.is_shipping:
            return min(self.shipping, max(step.flat for step in rule.curve))
        nets = self.items.nets
        base = 0
        for line in rule.lines:
            base += nets[line]
        most = 0
        for step in rule.curve:
            if step.starts <= rule.most:
                if step.every or not self.keeps:
                    amount = step.amount(rule.most)
                else:
                    amount = step.amount(max(base, step.starts))
                most = max(most, min(amount, rule.most - rule.floors))
        return most

    def _later(self, at: int, nets: list[int], money: int) -> int:
        """Return what the lanes from one on give together, at most, on some money."""
        most = 0
        for place in range(at, len(self.lanes)):
            most += self.lanes[place].rest(0, 0, nets, money)
        return most

    def _is_hopeless(self, total: int, missing: int, keeps: int, most: int) -> bool:
        """Tell whether nothing better can come of some money with more given up."""
        return total + missing * keeps // WHOLE - most - self.slack >= self.bar

    def _walk(
        self,
        at: int,
        start: int,
        taken: int,
        nets: list[int],
        total: int,
        shipping: int,
        missing: int,
        keeps: int,
        chosen: list[OnLines],
    ) -> None:
        """Decide the rules of a lane from one on; then go to the next lane.

        Of money given up ``keeps`` basis points remain; nothing where a rule takes all there is.
        """
        self.steps += 1
        if self.steps > STEPS_MAX:
            return
        if at == len(self.lanes):
            self._finish(total, missing, keeps, chosen)
            return
        lane = self.lanes[at]
        money = total - shipping
        later = self._later(at + 1, nets, money)
        for place in range(start, len(lane.rules)):
            rest = lane.rest(place, taken, nets, money)
            if self._is_hopeless(total, missing, keeps, rest + later):
                break
            rule = lane.rules[place]
            if rule.mask & taken and not self._combine(rule, chosen):
                continue
            if rule.is_full:
                base = money
            else:
                base = 0
                for line in rule.lines:
                    base += nets[line]
            more = self.cart.full if rule.lane >= _ALONE else taken | rule.mask
            rest = lane.rest(place + 1, more, nets, money) + later
            for lack, amount in self._choices(at, rule, base, shipping):
                lacks = lack if lack > missing else missing
                is_all = amount >= base + lack - rule.floors and not rule.is_shipping
                kept = 0 if is_all else keeps
                if self._is_hopeless(total - amount, lacks, kept, rest):
                    continue
                left = shipping - amount if rule.is_shipping else shipping
                after = self._after(rule, nets, base, amount)
                chosen.append(rule)
                self._walk(at, place + 1, more, after, total - amount, left, lacks, kept, chosen)
                chosen.pop()
        if not self._is_hopeless(total, missing, keeps, later):
            self._walk(at + 1, 0, 0, nets, total, shipping, missing, keeps, chosen)

    def _after(self, rule: OnLines, nets: list[int], base: int, amount: int) -> list[int]:
        """Return the lines' money after a rule; where all rules see the whole cart, no one asks."""
        if self.by_total or rule.is_shipping:
            return nets
        after = list(nets)
        fits = min(amount, base - rule.floors)
        shares = spread(fits, nets, self.cart.floors, rule.lines)
        for at, line in enumerate(rule.lines):
            after[line] -= shares[at]
        return after

    def _choices(self, at: int, rule: OnLines, base: int, shipping: int) -> list[tuple[int, int]]:
        """Return (money missing, amount) of the steps that a rule could take on some money.

        A step that only rounding keeps out of reach counts as missing one unit: it is tried.
        """
        room = base - rule.floors
        moved = self._moved(at, rule)
        found: list[tuple[int, int]] = []
        for step in rule.curve:
            starts = step.threshold if step.threshold > step.least else step.least
            if starts <= base:
                amount = step.amount(base)
                found = [(0, amount)]
            elif starts <= rule.most:
                lack = starts - base - moved
                found.append((lack if lack > 1 else 1, step.amount(starts)))
            if step.every:
                found += self._repeats(step, base, rule.most)
        if rule.is_shipping:
            return [(lack, min(amount, shipping)) for lack, amount in found if shipping]
        return [
            (lack, amount if amount < room + lack else room + lack)
            for lack, amount in found
            if (amount > 0 and room + lack > 0) or self.has_options
        ]

    def _repeats(self, step: Step, base: int, most: int) -> list[tuple[int, int]]:
        """Return the next full thresholds of a step that repeats.

        Each further one costs its whole threshold; so beyond the first none can be worth it, as
        long as later rules leave more of the threshold than the step gives.
        """
        first = max(base, step.starts) // step.threshold + 1
        last = min(most // step.threshold, step.every)
        if step.threshold * self.keeps >= step.flat * WHOLE:
            last = min(last, first)
        elif last - first > REPEATS_MAX:
            self.is_complete = False
            last = first + REPEATS_MAX
        return [
            (times * step.threshold - base, times * step.flat) for times in range(first, last + 1)
        ]

    def _combine(self, rule: OnLines, chosen: list[OnLines]) -> bool:
        """Tell whether a rule may share its lines with those chosen in its lane."""
        if rule.lane >= _ALONE:
            return False
        combines = self.cart.plan.combines[rule.place]
        return all(
            combines >> other.place & 1
            for other in chosen
            if other.lane == rule.lane and other.mask & rule.mask
        )

    def _finish(self, total: int, missing: int, keeps: int, chosen: list[OnLines]) -> None:
        """Take a stack of later rules with the best item prices for it.

        ``total`` is exact on the lowest item prices. Without money missing only rounding could
        make dearer ones better, so far as their price is within the slack.
        """
        items = self.items
        if not missing and items.is_attained and not self.guards:
            slack = self.slack if self.slack and _cuts(chosen) else 0
            if total < self.bar:
                self.bar = total
                self.best = None
                self.chosen = list(chosen)
            if not slack or items.least_up * keeps // WHOLE - slack >= self.bar - total:
                return
        self._choose(0, list(items.nets), list(items.makers), 0, total, missing, keeps, chosen)

    def _choose(
        self,
        at: int,
        nets: list[int],
        makers: list[int],
        given_up: int,
        total: int,
        missing: int,
        keeps: int,
        chosen: list[OnLines],
    ) -> None:
        """Try item prices for a stack of later rules, by rising cost."""
        self.steps += 1
        if self.steps > STEPS_MAX:
            return
        if self.slots is None:
            self.slots = self.items.slots()
        slots = self.slots
        if at == len(slots):
            stack = evaluate(self.cart, list(nets), list(makers), chosen)
            if stack.total < self.bar and (not self.guards or holds_guards(self.cart, stack)):
                self.best, self.bar = stack, stack.total
            return
        for option in slots[at]:
            more = given_up + option.given_up
            if self._is_hopeless(total, more if more > missing else missing, keeps, 0):
                break
            before = [(line, nets[line], makers[line]) for line, _, _ in option.prices]
            for line, net, mask in option.prices:
                nets[line], makers[line] = net, mask
            self._choose(at + 1, nets, makers, more, total, missing, keeps, chosen)
            for line, net, mask in before:
                nets[line], makers[line] = net, mask


def _cuts(chosen: list[OnLines]) -> bool:
    """Tell whether a rule sees a part of the lines over which one before it was spread."""
    for place, rule in enumerate(chosen):
        if not rule.is_full:
            for before in chosen[:place]:
                if before.mask & rule.mask and before.mask & ~rule.mask:
                    return True
    return False
