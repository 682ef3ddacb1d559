"""第 N 件: every nth piece at a percentage off (第二件半价); the cheapest are the nth ones."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.pieces import cheapest, to_next_group
from springtide.domain.pricing.rule import Asks, Compiled, PerGroup, PerLine, unit
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import share_bps


class NthPiece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every nth piece with a percentage off."""

    kind: ClassVar[str] = "nth_piece"
    title: ClassVar[str] = N_("Nth piece")
    about: ClassVar[str] = N_("Every nth piece with a percentage off, such as the second at half.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    nth: Annotated[int, unit(N_("Every nth piece"), "pieces")]
    percent_bps: Annotated[int, unit(N_("Percent off"), "percent")]
    is_mixed: Annotated[bool, unit(N_("Count different products together"), "choice")] = False
    times_max: Annotated[int, unit(N_("At most so many times (0: no limit)"), "pieces")] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse a first piece (that is a percentage off) and numbers out of range."""
        return checks.found(
            nth=checks.pieces(self.nth, least=2),
            percent_bps=checks.percent(self.percent_bps),
            times_max=checks.pieces(self.times_max, least=0),
        )

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """Over all lines together, or off each line."""
        nth, bps, most = self.nth, self.percent_bps, self.times_max

        def times(count: int) -> int:
            return min(count // nth, most) if most else count // nth

        def off(net: int, quantity: int, key: str, buyer: Buyer) -> int:
            return share_bps(net * times(quantity) // quantity, bps)

        def over(units: Sequence[int], quantities: Sequence[int], keys: Sequence[str]) -> int:
            return share_bps(cheapest(units, quantities, times(sum(quantities))), bps)

        more = to_next_group(nth, most)
        if self.is_mixed:
            return PerGroup(over, nth, more=more)
        return PerLine(off, nth, more)
