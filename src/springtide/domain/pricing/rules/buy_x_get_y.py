"""买 X 送 Y: of every X + Y pieces, Y are free (or at a percentage off)."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.pieces import cheapest, dearest, to_next_group
from springtide.domain.pricing.rule import Asks, Compiled, PerGroup, unit
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import share_bps


class BuyXGetY(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Free pieces among those bought."""

    kind: ClassVar[str] = "buy_x_get_y"
    title: ClassVar[str] = N_("Buy X, get Y")
    about: ClassVar[str] = N_("Of every so many pieces some are free, the cheapest or the dearest.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    buy: Annotated[int, unit(N_("Pieces paid"), "pieces")]
    get: Annotated[int, unit(N_("Pieces free"), "pieces")] = 1
    percent_bps: Annotated[int, unit(N_("Percent off the free pieces"), "percent")] = 10_000
    which: Annotated[
        Literal["cheapest", "dearest"], unit(N_("Which pieces are free"), "choice")
    ] = "cheapest"
    times_max: Annotated[int, unit(N_("At most so many times (0: no limit)"), "pieces")] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse numbers out of range."""
        return checks.found(
            buy=checks.pieces(self.buy),
            get=checks.pieces(self.get),
            percent_bps=checks.percent(self.percent_bps),
            times_max=checks.pieces(self.times_max, least=0),
        )

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """Over all lines together."""
        group, get, most = self.buy + self.get, self.get, self.times_max
        bps, pick = self.percent_bps, cheapest if self.which == "cheapest" else dearest

        def over(units: Sequence[int], quantities: Sequence[int], keys: Sequence[str]) -> int:
            times = sum(quantities) // group
            if most:
                times = min(times, most)
            return share_bps(pick(units, quantities, times * get), bps)

        return PerGroup(over, group, more=to_next_group(group, most))
