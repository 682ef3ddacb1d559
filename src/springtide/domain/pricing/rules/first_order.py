"""首单价: a customer's first order gets a price of its own, for a few pieces."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.rule import Asks, Compiled, PerLine, unit
from springtide.kit.errors import N_, Refusal


class FirstOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price for the first order."""

    kind: ClassVar[str] = "first_order"
    title: ClassVar[str] = N_("First-order price")
    about: ClassVar[str] = N_("A price for those who never ordered, for some pieces a product.")
    asks: ClassVar[tuple[Asks, ...]] = (Asks.FIRST_ORDER,)

    price_minor: Annotated[int, unit(N_("Price a piece"), "money")]
    pieces_max: Annotated[int, unit(N_("Pieces at this price"), "pieces")] = 1

    def problems(self) -> dict[str, Refusal]:
        """Refuse what is no price, and no number of pieces."""
        return checks.found(
            price_minor=checks.amount(self.price_minor), pieces_max=checks.pieces(self.pieces_max)
        )

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """Off each line: what the first pieces have above the price."""
        price, most = self.price_minor, self.pieces_max

        def off(net: int, quantity: int, key: str, buyer: Buyer) -> int:
            if not buyer.is_first_order:
                return 0
            some = min(quantity, most)
            return max(0, net * some // quantity - price * some)

        return PerLine(off)
