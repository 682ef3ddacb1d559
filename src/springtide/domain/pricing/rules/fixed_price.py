"""一口价: each piece at one price, when that is a reduction."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.rule import Asks, Compiled, PerLine, unit
from springtide.kit.errors import N_, Refusal


class FixedPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One price a piece."""

    kind: ClassVar[str] = "fixed_price"
    title: ClassVar[str] = N_("Fixed price")
    about: ClassVar[str] = N_("Each piece of the set's products at one price; never dearer.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    price_minor: Annotated[int, unit(N_("Price a piece"), "money")]

    def problems(self) -> dict[str, Refusal]:
        """Refuse what is no price."""
        return checks.found(price_minor=checks.amount(self.price_minor))

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """Off each line: what lies above the price."""
        price = self.price_minor

        def off(net: int, quantity: int, key: str, buyer: Buyer) -> int:
            return max(0, net - price * quantity)

        return PerLine(off)
