"""直降: so much off each piece."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.rule import Asks, Compiled, PerLine, unit
from springtide.kit.errors import N_, Refusal


class AmountOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount off each piece."""

    kind: ClassVar[str] = "amount_off"
    title: ClassVar[str] = N_("Amount off")
    about: ClassVar[str] = N_("So much off each piece of the set's products.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    amount_minor: Annotated[int, unit(N_("Off each piece"), "money")]

    def problems(self) -> dict[str, Refusal]:
        """Refuse what is no amount."""
        return checks.found(amount_minor=checks.amount(self.amount_minor))

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """Off each line, never more than it has."""
        amount = self.amount_minor

        def off(net: int, quantity: int, key: str, buyer: Buyer) -> int:
            return min(net, amount * quantity)

        return PerLine(off)
