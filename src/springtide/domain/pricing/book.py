"""Values of the price book: what is set, what stands, what was changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from springtide.domain.pricing.rule import ActiveRule, Conditions, Guard, Limits, Stacking
from springtide.kit import ids
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX

#: Days over which a shop must name its lowest price when it announces a reduction.
LOWEST_PRICE_DAYS = 30
#: No tax that a price includes is higher than the price before it.
TAX_BPS_MAX = 10_000


class PriceOutOfRange(Refusal):
    """A price below zero, or too large to be one."""

    code = "price_out_of_range"
    text = N_("{product_key}: a price must be above zero and within reason.")


class FloorAbovePrice(Refusal):
    """A floor above the regular price."""

    code = "floor_above_price"
    text = N_("{product_key}: the floor of {floor} is above the regular price of {regular}.")


class BelowFloor(Refusal):
    """A campaign price below the floor."""

    code = "below_floor"
    text = N_("{product_key}: {price} is below the floor of {floor}.")


class NotBelowRegular(Refusal):
    """A campaign price that is no reduction."""

    code = "not_below_regular"
    text = N_("{product_key}: {price} is not below the regular price of {regular}.")


class FloorAboveCampaign(Refusal):
    """A new floor above a campaign price that stands."""

    code = "floor_above_campaign"
    text = N_("{product_key}: the floor of {floor} is above its campaign price of {price}.")


@dataclass(frozen=True, slots=True)
class BookPrice:
    """What the price book keeps of a product, in minor units a piece."""

    regular_minor: int
    floor_minor: int = 0
    cost_minor: int | None = None
    tax_bps: int = 0

    @property
    def is_in_range(self) -> bool:
        """Whether every amount is one that a price can be."""
        amounts = (self.regular_minor, self.floor_minor, self.cost_minor or 0)
        in_range = all(0 <= each <= AMOUNT_MINOR_MAX for each in amounts)
        return self.regular_minor > 0 and in_range and 0 <= self.tax_bps <= TAX_BPS_MAX


@dataclass(frozen=True, slots=True)
class BookSaved:
    """How many products a bulk write added, changed and left."""

    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class PriceChange:
    """One line of the history; ``what`` is regular, floor, cost or campaign."""

    product_key: str
    what: str
    campaign_id: UUID | None
    from_minor: int | None
    to_minor: int | None
    why: str
    actor: str
    changed_at: datetime


#: Prices closer than this, in basis points, stand at one price point.
PRICE_POINT_BPS = 500


def shared_price_points(prices: Mapping[str, int]) -> list[tuple[str, ...]]:
    """Return the groups of products that stand at one price point, the lowest first.

    Heroes are to be staggered in price: two at one point take each other's buyers. A group is a
    chain of prices of which each lies within 5% of the one before.

    >>> shared_price_points({"a": 8900, "b": 9100, "c": 19900})
    [('a', 'b')]
    """
    chains: list[list[str]] = []
    last = 0
    for price, key in sorted((price, key) for key, price in prices.items()):
        if chains and (price - last) * 10_000 <= PRICE_POINT_BPS * last:
            chains[-1].append(key)
        else:
            chains.append([key])
        last = price
    return [tuple(chain) for chain in chains if len(chain) > 1]


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Beside its parameters: a rule's name, its conditions, how it stacks, its limits."""

    name: Annotated[str, msgspec.Meta(max_length=80)] = ""
    conditions: Conditions = Conditions()
    stacking: Stacking = Stacking()
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class SavedRule:
    """A promotion rule of a campaign, in its newest version."""

    id: UUID
    campaign_id: UUID
    kind: str
    version: int
    params: dict[str, Any]
    terms: Terms
    is_active: bool
    starts_at: datetime | None
    ends_at: datetime | None

    @property
    def key(self) -> str:
        """The rule's name outside."""
        return ids.outward("rul", self.id)

    def active(self) -> ActiveRule:
        """Return the rule as the engine takes it, whether it holds yet or not."""
        return ActiveRule(
            id=self.key,
            version=self.version,
            kind=self.kind,
            params=self.params,
            conditions=self.terms.conditions,
            stacking=self.terms.stacking,
            limits=self.terms.limits,
            campaign_key=ids.outward("cmp", self.campaign_id),
            starts_at=self.starts_at,
            ends_at=self.ends_at,
        )


class CampaignTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a campaign promises and protects: its guard, and its policy of returns."""

    guard: Guard = Guard()
    returns: Literal["keep", "reprice", "charge_back"] = "keep"
