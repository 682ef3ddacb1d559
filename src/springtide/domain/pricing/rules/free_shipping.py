"""包邮: shipping for nothing, by money or pieces; regions are a condition of every rule."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.rule import Asks, Compiled, Lane, OnMoney, unit
from springtide.domain.pricing.steps import Curve, Step
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX


class FreeShipping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Shipping, or a part of it, for nothing."""

    kind: ClassVar[str] = "free_shipping"
    title: ClassVar[str] = N_("Free shipping")
    about: ClassVar[str] = N_("Shipping for nothing from so much money or so many pieces on.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    threshold_minor: Annotated[int, unit(N_("From (0: any order)"), "money")] = 0
    pieces: Annotated[int, unit(N_("From pieces (0: any)"), "pieces")] = 0
    covers_minor: Annotated[int, unit(N_("Pays at most (0: all of it)"), "money")] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse numbers out of range."""
        return checks.found(
            threshold_minor=checks.amount(self.threshold_minor) if self.threshold_minor else None,
            pieces=checks.pieces(self.pieces, least=0),
            covers_minor=checks.amount(self.covers_minor) if self.covers_minor else None,
        )

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """On the money of the rule's lines, once all other lanes had their turn."""
        least = self.pieces
        steps = (Step(self.threshold_minor, self.covers_minor or AMOUNT_MINOR_MAX),)

        def curve(pieces: int, points: int, held: int) -> Curve:
            return steps if pieces >= least else ()

        def more(pieces: int) -> int:
            return max(0, least - pieces)

        return OnMoney(Lane.SHIPPING, curve, max(1, least), more=more)
