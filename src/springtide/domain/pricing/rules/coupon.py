"""优惠券: an amount or a percentage off the order, from a threshold on."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.rule import Asks, Compiled, Lane, OnMoney, unit
from springtide.domain.pricing.steps import Curve, Step
from springtide.kit.errors import N_, Refusal


class CouponOfTwoKinds(Refusal):
    """A coupon with both, or neither, of an amount and a percentage."""

    code = "coupon_kind"
    text = N_("A coupon takes off either an amount or a percentage.")


class Coupon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Money or percent off what is left after the shop's own discounts."""

    kind: ClassVar[str] = "coupon"
    title: ClassVar[str] = N_("Coupon")
    about: ClassVar[str] = N_("An amount or a percentage off, from a threshold on; with a code.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    threshold_minor: Annotated[int, unit(N_("From (0: any order)"), "money")] = 0
    discount_minor: Annotated[int, unit(N_("Money off"), "money")] = 0
    percent_bps: Annotated[int, unit(N_("Percent off"), "percent")] = 0
    discount_max_minor: Annotated[int, unit(N_("At most (0: no limit)"), "money")] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse a coupon of two kinds and numbers out of range."""
        if bool(self.discount_minor) == bool(self.percent_bps):
            return {"discount_minor": CouponOfTwoKinds()}
        problems = checks.found(
            threshold_minor=checks.amount(self.threshold_minor) if self.threshold_minor else None,
            discount_max_minor=(
                checks.amount(self.discount_max_minor) if self.discount_max_minor else None
            ),
        )
        if self.percent_bps:
            return problems | checks.found(percent_bps=checks.percent(self.percent_bps))
        wrong = checks.amount(self.discount_minor)
        return problems | checks.found(discount_minor=wrong or self._eats_threshold())

    def _eats_threshold(self) -> Refusal | None:
        return checks.discount_of(self.discount_minor, self.threshold_minor)

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """On the money of the rule's lines, in the coupons' lane."""
        cap = self.discount_max_minor or None
        steps = (Step(self.threshold_minor, self.discount_minor, self.percent_bps, cap),)

        def curve(pieces: int, points: int, held: int) -> Curve:
            return steps

        return OnMoney(Lane.COUPON, curve)
