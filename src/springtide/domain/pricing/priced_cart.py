"""A cart under a plan: merged lines with prices, and what each rule could do to them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from springtide.domain.pricing.allocation import spread
from springtide.domain.pricing.model import (
    CODES_MAX,
    LINES_MAX,
    QUANTITY_MAX,
    BadQuantity,
    Buyer,
    Cart,
    CartTooLarge,
    EmptyCart,
    PriceFacts,
    TooManyLines,
    UnknownPrice,
)
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.rule import OnMoney, PerGroup, PerLine
from springtide.domain.pricing.steps import Curve, raised
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX

#: Places of two lanes in the order of lanes.
POINTS: Final = 4
SHIPPING: Final = 5


class TooManyCodes(Refusal):
    """More codes than a buyer types."""

    code = "too_many_codes"
    text = N_("A cart may carry {limit} codes; this one has {count}.")


class BadShipping(Refusal):
    """A shipping fee or a number of points that is none."""

    code = "bad_cart_amount"
    text = N_("{value} cannot be a shipping fee or a number of points.")


class OnLines:
    """A rule that works on money, over these lines of this cart.

    ``most`` is the lines' money before any rule, ``floors`` what cannot be taken of it.
    """

    __slots__ = (
        "curve",
        "floors",
        "is_full",
        "is_shipping",
        "lane",
        "lines",
        "mask",
        "most",
        "place",
    )

    def __init__(
        self,
        place: int,
        lane: int,
        mask: int,
        lines: tuple[int, ...],
        curve: Curve,
        floors: int,
        most: int,
        is_full: bool,
    ) -> None:
        self.place, self.lane, self.mask, self.lines = place, lane, mask, lines
        self.curve, self.floors, self.most, self.is_full = curve, floors, most, is_full
        self.is_shipping = lane == SHIPPING


class Grouped:
    """A rule over pieces of several lines: the lines' money after it."""

    __slots__ = ("mask", "nets", "place")

    def __init__(self, place: int, mask: int, nets: list[tuple[int, int]]) -> None:
        self.place, self.mask, self.nets = place, mask, nets


class PricedCart:
    """One line a product, sorted by key: the order a cart was filled in changes nothing."""

    __slots__ = (
        "buyer",
        "cart",
        "costs",
        "facts",
        "floors",
        "floors_total",
        "full",
        "gross",
        "gross_total",
        "held",
        "keys",
        "lines",
        "now",
        "plan",
        "points",
        "quantities",
        "units",
    )

    def __init__(
        self, cart: Cart, book: Mapping[str, PriceFacts], plan: Plan, buyer: Buyer, now: datetime
    ) -> None:
        merged = _merged(cart, book)
        self.plan, self.cart, self.buyer, self.now = plan, cart, buyer, now
        self.keys = sorted(merged)
        self.quantities = [merged[key] for key in self.keys]
        self.facts = [book[key] for key in self.keys]
        self.units: list[int] = []
        self.gross: list[int] = []
        self.floors: list[int] = []
        for facts, quantity in zip(self.facts, self.quantities, strict=True):
            unit, floor, campaign = facts.regular_minor, facts.floor_minor, facts.campaign_minor
            if campaign is not None:
                unit = min(unit, campaign if campaign > floor else floor)
            self.units.append(unit)
            self.gross.append(unit * quantity)
            self.floors.append(min(unit, floor) * quantity)
        self.gross_total = sum(self.gross)
        self.floors_total = sum(self.floors)
        if self.gross_total + cart.shipping_minor > AMOUNT_MINOR_MAX:
            raise Invalid({"lines": CartTooLarge()})
        self.full = (1 << len(self.keys)) - 1
        self.points = min(buyer.points, cart.points)
        self.held = plan.holding(cart, buyer, now)
        self.lines = self._lines()

    def _lines(self) -> dict[int, tuple[int, ...]]:
        """Return, by rule that holds, the lines of its products."""
        plan, held = self.plan, self.held
        found: dict[int, list[int]] = {}
        for line, (key, facts) in enumerate(zip(self.keys, self.facts, strict=True)):
            for place in plan.match(key, facts):
                if held >> place & 1:
                    if place in found:
                        found[place].append(line)
                    else:
                        found[place] = [line]
        everything = tuple(range(len(self.keys)))
        whole = plan.everywhere & held
        lines = dict.fromkeys(bits(whole), everything)
        for place in sorted(found):
            lines[place] = tuple(found[place])
        return lines

    def pieces(self, place: int) -> int:
        """Return how many pieces of a rule's products the cart has."""
        return sum(self.quantities[line] for line in self.lines.get(place, ()))

    def meets(self, place: int) -> bool:
        """Tell whether a rule's conditions on pieces and on money before rules hold."""
        wanted = self.plan.rules[place].conditions
        if wanted.min_pieces and self.pieces(place) < wanted.min_pieces:
            return False
        if not wanted.min_money_minor:
            return True
        return sum(self.gross[line] for line in self.lines[place]) >= wanted.min_money_minor

    def line_offs(self, allowed: int) -> list[list[tuple[int, int]]]:
        """Return, for each line, its money by each rule of its own: (net, rules), book first."""
        found: list[list[tuple[int, int]]] = [[(net, 0)] for net in self.gross]
        shapes, buyer = self.plan.shapes, self.buyer
        mixed: set[int] = set()
        wanted = allowed & self.plan.per_line
        for place, lines in self.lines.items():
            if not wanted >> place & 1 or not self.meets(place):
                continue
            shape = shapes[place]
            if not isinstance(shape, PerLine):
                continue
            mask, off = 1 << place, shape.off
            for line in lines:
                net = self.gross[line]
                amount = off(net, self.quantities[line], self.keys[line], buyer)
                if amount > 0:
                    floor = self.floors[line]
                    after = net - amount if net - amount > floor else floor
                    if after < net:
                        found[line].append((after, mask))
                        if self.plan.combines[place]:
                            mixed.add(line)
        for line in mixed:
            found[line] = self._chains(line, found[line])
        return found

    def _chains(self, line: int, alone: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """Return the line's money by every set of rules that may share it."""
        plan = self.plan
        found: list[tuple[int, int]] = [alone[0]]
        for _, mask in sorted(alone[1:], key=lambda each: each[1]):
            place = mask.bit_length() - 1
            shape = plan.shapes[place]
            if not isinstance(shape, PerLine):
                continue
            for net, taken in list(found):
                if taken & ~plan.combines[place]:
                    continue
                amount = shape.off(net, self.quantities[line], self.keys[line], self.buyer)
                after = max(net - amount, self.floors[line])
                if after < net:
                    found.append((after, taken | mask))
        return found

    def line_off(self, place: int, line: int, net: int) -> int:
        """Return what a rule on single lines takes off one line's money, before floors."""
        shape = self.plan.shapes[place]
        if not isinstance(shape, PerLine):
            return self.gross[line] - net
        return shape.off(net, self.quantities[line], self.keys[line], self.buyer)

    def groups(self, allowed: int) -> list[Grouped]:
        """Return the rules over pieces of several lines that give something."""
        found: list[Grouped] = []
        wanted = allowed & self.plan.per_group
        if not wanted:
            return found
        for place, lines in self.lines.items():
            if not wanted >> place & 1:
                continue
            amount = self.group_off(place) if self.meets(place) else 0
            room = sum(self.gross[line] - self.floors[line] for line in lines)
            if min(amount, room) > 0:
                shares = spread(min(amount, room), self.gross, self.floors, lines)
                nets = [(line, self.gross[line] - shares[at]) for at, line in enumerate(lines)]
                found.append(Grouped(place, mask_of(lines), nets))
        return found

    def group_off(self, place: int) -> int:
        """Return what a rule over pieces would give, before floors."""
        shape, lines = self.plan.shapes[place], self.lines[place]
        if not isinstance(shape, PerGroup):
            raise TypeError(f"{self.plan.rules[place].kind} does not look at pieces across lines")
        return shape.off(
            [self.units[line] for line in lines],
            [self.quantities[line] for line in lines],
            [self.keys[line] for line in lines],
        )

    def on_money(self, place: int) -> OnLines | None:
        """Return a rule over money on this cart's lines; None where it can give nothing."""
        shape, lines = self.plan.shapes[place], self.lines[place]
        if not isinstance(shape, OnMoney):
            raise TypeError(f"{self.plan.rules[place].kind} does not look at money")
        rule = self.plan.rules[place]
        wanted = rule.conditions
        pieces = self.pieces(place)
        if pieces < wanted.min_pieces:
            return None
        curve = shape.curve(pieces, self.points, self.buyer.issued.get(rule.id, 0))
        if not curve:
            return None
        if wanted.min_money_minor > curve[0].threshold:
            curve = raised(curve, wanted.min_money_minor)
        lane = self.plan.lanes[place]
        if len(lines) == len(self.keys):
            if curve[0].starts > self.gross_total:
                return None
            return OnLines(
                place,
                lane,
                self.full,
                lines,
                curve,
                self.floors_total,
                self.gross_total,
                True,
            )
        most = floors = mask = 0
        for line in lines:
            most += self.gross[line]
            floors += self.floors[line]
            mask |= 1 << line
        if curve[0].starts > most:
            return None
        return OnLines(place, lane, mask, lines, curve, floors, most, False)


def bits(mask: int) -> list[int]:
    """Return the places of a mask's bits, lowest first."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found


def mask_of(lines: tuple[int, ...]) -> int:
    """Return the mask of some lines."""
    mask = 0
    for line in lines:
        mask |= 1 << line
    return mask


def _merged(cart: Cart, book: Mapping[str, PriceFacts]) -> dict[str, int]:
    """Return pieces by product; refuse carts that nobody can price, by field."""
    if not cart.lines:
        raise Invalid({"lines": EmptyCart()})
    quantities: dict[str, int] = {}
    problems: dict[str, Refusal] = {}
    for index, line in enumerate(cart.lines):
        key = line.product_key
        quantity = quantities.get(key, 0) + line.quantity
        quantities[key] = quantity
        if key not in book:
            problems[f"lines.{index}.product_key"] = UnknownPrice(product_key=key)
        if line.quantity < 1 or quantity > QUANTITY_MAX:
            problems[f"lines.{index}.quantity"] = BadQuantity(
                product_key=key, quantity=line.quantity, limit=QUANTITY_MAX
            )
    if len(quantities) > LINES_MAX:
        problems["lines"] = TooManyLines(limit=LINES_MAX, count=len(quantities))
    if len(cart.codes) > CODES_MAX:
        problems["codes"] = TooManyCodes(limit=CODES_MAX, count=len(cart.codes))
    if not 0 <= cart.shipping_minor <= AMOUNT_MINOR_MAX:
        problems["shipping_minor"] = BadShipping(value=cart.shipping_minor)
    if not 0 <= cart.points <= AMOUNT_MINOR_MAX:
        problems["points"] = BadShipping(value=cart.points)
    if problems:
        raise Invalid(problems)
    return quantities
