"""The item lane of a cart: every price that each line can have, and the lowest of them.

Lines that no rule across lines touches stand alone. Those that one touches form a cell with all
lines it reaches; a cell's options are the legal sets of such rules, the lines left over at any
price of their own.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from springtide.domain.pricing.priced_cart import Grouped, PricedCart, bits

#: Options of one cell that are looked at; past it the search says that it is not proven.
CELL_OPTIONS_MAX: Final = 4_000
#: More than any money.
NEVER: Final = 1 << 62


class Option(NamedTuple):
    """Prices of some lines, (line, money, rules that make it), and how far above the lowest."""

    given_up: int
    prices: tuple[tuple[int, int, int], ...]


class Items:
    """What the item lane can do: ``nets`` bounds every line from below.

    ``cells`` holds the options of each cell, the lowest first, and ``lines`` what each line by
    itself can cost. ``is_attained`` tells that the bound is itself a choice, made by the rules of
    ``makers``; ``least_up`` is how far the next choice lies above it.
    """

    __slots__ = (
        "cells",
        "is_attained",
        "is_complete",
        "is_guarded",
        "least_up",
        "lines",
        "makers",
        "nets",
        "steps",
    )

    def __init__(
        self,
        nets: list[int],
        makers: list[int],
        cells: list[list[Option]],
        lines: list[tuple[int, list[tuple[int, int]]]],
        is_attained: bool,
        is_complete: bool,
        is_guarded: bool,
        steps: int,
    ) -> None:
        self.nets, self.makers, self.cells, self.lines = nets, makers, cells, lines
        self.is_attained, self.is_complete = is_attained, is_complete
        self.is_guarded, self.steps = is_guarded, steps
        least = NEVER
        for options in cells:
            if len(options) > 1 and options[1].given_up < least:
                least = options[1].given_up
        for line, found in lines:
            low = nets[line]
            for net, _ in found:
                if low < net < low + least:
                    least = net - low
        self.least_up = least

    def slots(self) -> list[list[Option]]:
        """Return the options of all cells and lines; most searches never ask."""
        alone = [
            _line_options(line, found, self.nets[line], self.is_guarded)
            for line, found in self.lines
        ]
        return [*self.cells, *alone]


def item_options(
    cart: PricedCart, allowed: int, *, by_total: bool, is_guarded: bool = False
) -> Items:
    """Return the options of the item lane under the rules allowed.

    With ``by_total`` later rules see the whole cart alone, so a cell's cheapest option bounds it;
    otherwise each line of a cell is bounded by itself.
    """
    offs = cart.line_offs(allowed)
    groups = cart.groups(allowed)
    nets: list[int] = []
    makers: list[int] = []
    slots: list[list[Option]] = []
    lines: list[tuple[int, list[tuple[int, int]]]] = []
    is_attained = is_complete = True
    grouped, steps = 0, len(groups)
    cells = _cells(groups) if groups else []
    for cell in cells:
        grouped |= cell.mask
        options, cut = _cell_options(cell, offs)
        is_complete = is_complete and not cut
        steps += len(options)
        slots.append(options)
    for line, found in enumerate(offs):
        if len(found) == 1:
            nets.append(found[0][0])
            makers.append(0)
            continue
        low, mask = min(found)
        nets.append(low)
        makers.append(mask)
        if not grouped >> line & 1:
            lines.append((line, found))
    for place in range(len(cells)):
        options = slots[place]
        lowest = options[0].prices if by_total else _lowest(options)
        for line, net, mask in lowest:
            nets[line], makers[line] = net, mask
        total = sum(net for _, net, _ in lowest)
        slots[place] = [
            Option(sum(net for _, net, _ in option.prices) - total, option.prices)
            for option in options
        ]
        is_attained = is_attained and options[0].prices == tuple(lowest)
    return Items(nets, makers, slots, lines, is_attained, is_complete, is_guarded, steps)


def _line_options(
    line: int, found: list[tuple[int, int]], low: int, is_guarded: bool
) -> list[Option]:
    """Return a line's prices, each once; guards ask who made a price, so then all of them."""
    options, seen = [], -1
    for net, mask in sorted(found):
        if net != seen or is_guarded:
            options.append(Option(net - low, ((line, net, mask),)))
            seen = net
    return options


class _Cell(NamedTuple):
    mask: int
    groups: list[Grouped]


def _cells(groups: Sequence[Grouped]) -> list[_Cell]:
    """Join groups that share lines."""
    cells: list[_Cell] = []
    for group in groups:
        mask, members = group.mask, [group]
        apart = []
        for cell in cells:
            if cell.mask & mask:
                mask |= cell.mask
                members = [*cell.groups, *members]
            else:
                apart.append(cell)
        cells = [*apart, _Cell(mask, members)]
    return cells


def _cell_options(cell: _Cell, offs: Sequence[list[tuple[int, int]]]) -> tuple[list[Option], bool]:
    """Return the options of a cell, the cheapest first, and whether some were left out."""
    packings: list[tuple[int, tuple[tuple[int, int, int], ...]]] = [(0, ())]
    for group in cell.groups:
        made = tuple((line, net, 1 << group.place) for line, net in group.nets)
        for taken, prices in list(packings):
            if not taken & group.mask and len(packings) < CELL_OPTIONS_MAX:
                packings.append((taken | group.mask, (*prices, *made)))
    options: list[Option] = []
    cut = len(packings) >= CELL_OPTIONS_MAX
    for taken, prices in packings:
        found = [prices]
        for line in bits(cell.mask & ~taken):
            alone = sorted(offs[line])
            if len(found) * len(alone) > CELL_OPTIONS_MAX:
                alone, cut = alone[:1], True
            found = [(*before, (line, net, mask)) for before in found for net, mask in alone]
        options += [Option(0, tuple(sorted(each))) for each in found]
    options.sort(key=lambda option: (sum(net for _, net, _ in option.prices), option.prices))
    return options, cut


def _lowest(options: Sequence[Option]) -> list[tuple[int, int, int]]:
    """Return, line by line, the lowest money in any option, and what makes it."""
    low: dict[int, tuple[int, int]] = {}
    for option in options:
        for line, net, mask in option.prices:
            low[line] = min((net, mask), low.get(line, (net, mask)))
    return [(line, *low[line]) for line in sorted(low)]
