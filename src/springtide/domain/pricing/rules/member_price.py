"""会员价: a percentage off by the customer's tier."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.rule import Asks, Compiled, PerLine, unit
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import share_bps


class TierTwice(Refusal):
    """A tier with two percentages."""

    code = "tier_twice"
    text = N_("The tier “{tier}” stands here twice.")


class TierPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one tier gets."""

    tier: Annotated[str, msgspec.Meta(max_length=60), unit(N_("Tier"), "tier")]
    percent_bps: Annotated[int, unit(N_("Percent off"), "percent")]


class MemberPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Percentages by tier."""

    kind: ClassVar[str] = "member_price"
    title: ClassVar[str] = N_("Member price")
    about: ClassVar[str] = N_("A percentage off each product, by the customer's tier.")
    asks: ClassVar[tuple[Asks, ...]] = (Asks.TIER,)

    tiers: Annotated[tuple[TierPrice, ...], unit(N_("Tiers"), "steps")]

    def problems(self) -> dict[str, Refusal]:
        """Refuse no tier, a tier twice, and percentages that are none."""
        if not self.tiers:
            return {"tiers": checks.NoSteps()}
        if len(self.tiers) > checks.STEPS_MAX:
            return {"tiers": checks.TooManySteps(limit=checks.STEPS_MAX, count=len(self.tiers))}
        problems: dict[str, Refusal] = {}
        seen: set[str] = set()
        for index, each in enumerate(self.tiers):
            if each.tier in seen:
                problems[f"tiers.{index}.tier"] = TierTwice(tier=each.tier)
            seen.add(each.tier)
            if problem := checks.percent(each.percent_bps):
                problems[f"tiers.{index}.percent_bps"] = problem
        return problems

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """Off each line by the buyer's tier."""
        rates = {each.tier: each.percent_bps for each in self.tiers}

        def off(net: int, quantity: int, key: str, buyer: Buyer) -> int:
            return share_bps(net, rates.get(buyer.tier, 0))

        return PerLine(off)
