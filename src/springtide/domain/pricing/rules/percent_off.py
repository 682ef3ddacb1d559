"""打折: so many percent off each product."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.rule import Asks, Compiled, PerLine, unit
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import share_bps


class PercentOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A percentage off."""

    kind: ClassVar[str] = "percent_off"
    title: ClassVar[str] = N_("Percentage off")
    about: ClassVar[str] = N_("So many percent off each product of the set.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    percent_bps: Annotated[int, unit(N_("Percent off"), "percent")]

    def problems(self) -> dict[str, Refusal]:
        """Refuse a percentage that is none."""
        return checks.found(percent_bps=checks.percent(self.percent_bps))

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """Off each line, half rounded up."""
        bps = self.percent_bps

        def off(net: int, quantity: int, key: str, buyer: Buyer) -> int:
            return share_bps(net, bps)

        return PerLine(off)
