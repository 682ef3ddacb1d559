"""积分抵现: points as money (100 points are 1 yuan), up to a part of the order."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.rule import Asks, Compiled, Lane, OnMoney, unit
from springtide.domain.pricing.steps import Curve, Step
from springtide.kit.errors import N_, Refusal

POINTS_MAX = 1_000_000


class BadRate(Refusal):
    """A rate of points to money that is none."""

    code = "points_rate"
    text = N_("The number of points must be from 1 to {limit}.")


class Points(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """``points`` are worth ``worth_minor``; at most a part of the order is paid with them."""

    kind: ClassVar[str] = "points"
    title: ClassVar[str] = N_("Points as money")
    about: ClassVar[str] = N_("Pay with points, up to a part of the order.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    points: Annotated[int, unit(N_("So many points"), "points")] = 100
    worth_minor: Annotated[int, unit(N_("are worth"), "money")] = 100
    part_max_bps: Annotated[int, unit(N_("At most of the order"), "percent")] = checks.WHOLE_BPS
    amount_max_minor: Annotated[int, unit(N_("At most (0: no limit)"), "money")] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse numbers out of range."""
        rate = None if 1 <= self.points <= POINTS_MAX else BadRate(limit=POINTS_MAX)
        most = checks.amount(self.amount_max_minor) if self.amount_max_minor else None
        return checks.found(
            points=rate,
            worth_minor=checks.amount(self.worth_minor),
            part_max_bps=checks.percent(self.part_max_bps),
            amount_max_minor=most,
        )

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """On the money of the rule's lines, in the points' lane."""
        points, worth, part, most = (
            self.points,
            self.worth_minor,
            self.part_max_bps,
            self.amount_max_minor,
        )

        def curve(pieces: int, wanted: int, held: int) -> Curve:
            amount = wanted * worth // points
            if most:
                amount = min(amount, most)
            return (Step(0, bps=part, cap=amount),) if amount else ()

        def points_of(amount: int) -> int:
            return -(-amount * points // worth)

        return OnMoney(Lane.POINTS, curve, points_of=points_of)
