"""红包: money given before, paid with now."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.rule import Asks, Compiled, Lane, OnMoney, unit
from springtide.domain.pricing.steps import Curve, Step
from springtide.kit.errors import N_, Refusal


class RedPacket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An amount off, the same for all or (0) the one that the buyer drew."""

    kind: ClassVar[str] = "red_packet"
    title: ClassVar[str] = N_("Red packet")
    about: ClassVar[str] = N_("Money that the buyer was given, off what is left after coupons.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    amount_minor: Annotated[int, unit(N_("Amount (0: what the buyer holds)"), "money")] = 0
    threshold_minor: Annotated[int, unit(N_("From (0: any order)"), "money")] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse numbers out of range, and a packet that takes nearly all."""
        wrong = checks.amount(self.amount_minor) if self.amount_minor else None
        return checks.found(
            amount_minor=wrong or checks.discount_of(self.amount_minor, self.threshold_minor),
            threshold_minor=checks.amount(self.threshold_minor) if self.threshold_minor else None,
        )

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """On the money of the rule's lines, in the packets' lane."""
        amount, threshold = self.amount_minor, self.threshold_minor

        def curve(pieces: int, points: int, held: int) -> Curve:
            worth = amount or held
            return (Step(threshold, worth),) if worth else ()

        return OnMoney(Lane.PACKET, curve)
