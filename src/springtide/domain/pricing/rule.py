"""What a promotion rule is: its terms, its lane, and the three shapes a rule can have.

A rule file holds a frozen struct of parameters. ``compiled()`` turns it into one of the shapes
here, once; the engine then prices carts with the shape alone. So every kind is one file, and the
search knows no kind by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Protocol

import msgspec

from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.steps import Curve
from springtide.kit.errors import N_, Refusal


def unit(title: str, name: str) -> msgspec.Meta:
    """Describe a parameter for forms and documents: its title, and what its number counts.

    Units: ``money`` (minor units), ``percent`` (basis points), ``pieces``, ``product``, ``points``.
    """
    return msgspec.Meta(title=title, extra={"unit": name})


class Lane(StrEnum):
    """Where a rule stands in the order in which a cart is priced; each lane sees what is left."""

    ITEM = "item"
    SHOP = "shop"
    COUPON = "coupon"
    PACKET = "packet"
    POINTS = "points"
    SHIPPING = "shipping"
    GIFT = "gift"


LANES = tuple(Lane)
LANE_TITLES = {
    Lane.ITEM: N_("Item price"),
    Lane.SHOP: N_("Shop discount"),
    Lane.COUPON: N_("Coupon"),
    Lane.PACKET: N_("Red packet"),
    Lane.POINTS: N_("Points"),
    Lane.SHIPPING: N_("Shipping"),
    Lane.GIFT: N_("Gift"),
}


class ProductSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Products by key, category, brand or tag (any of them), without ``except_keys``."""

    keys: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    except_keys: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether every product of the shop is in it."""
        return not (self.keys or self.categories or self.brands or self.tags or self.except_keys)


class Hours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A daily window of the shop's wall clock, minutes from midnight, half-open.

    One that ends at or before its start runs over midnight.
    """

    from_minute: int
    to_minute: int

    def holds(self, minute: int) -> bool:
        """Tell whether a minute of the day lies in the window."""
        if self.from_minute < self.to_minute:
            return self.from_minute <= minute < self.to_minute
        return minute >= self.from_minute or minute < self.to_minute


class Conditions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What must hold for a rule; empty means no condition. Money counts the rule's products."""

    products: ProductSet = ProductSet()
    tiers: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    except_regions: tuple[str, ...] = ()
    hours: tuple[Hours, ...] = ()
    is_first_order: bool = False
    code: str = ""
    is_issued: bool = False
    min_money_minor: int = 0
    min_pieces: int = 0


class Stacking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How a rule stands to others, by rule id; ``lane:<name>`` stands for a whole lane.

    ``excludes``: never in one order together. ``combines``: may share a product with a rule of
    the same lane, which they may not by themselves. ``after``: applied after those.
    """

    excludes: tuple[str, ...] = ()
    combines: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How often a rule may be used: orders of one customer, orders in all, money given in all."""

    per_customer: int | None = None
    total: int | None = None
    money_minor: int | None = None


#: (net of the line, quantity, product key, buyer) -> discount of that line.
LineOff = Callable[[int, int, str, Buyer], int]
#: (unit prices, quantities, product keys) -> discount over all of these lines.
GroupOff = Callable[[Sequence[int], Sequence[int], Sequence[str]], int]
#: (pieces of the rule's products, points to pay with, the buyer's own amount) -> steps over money.
CurveOf = Callable[[int, int, int], Curve]
#: Pieces of the rule's products -> how many more would earn more; 0 where none would.
MoreOf = Callable[[int], int]
#: (money, pieces of the rule's products) -> (product key, pieces) given.
GiftsOf = Callable[[int, int], tuple[tuple[str, int], ...]]


@dataclass(frozen=True, slots=True)
class PerLine:
    """Takes something off each line by itself; of such rules each line gets the best."""

    off: LineOff
    needs_pieces: int = 1
    more: MoreOf | None = None
    lane: Lane = Lane.ITEM


@dataclass(frozen=True, slots=True)
class PerGroup:
    """Looks at pieces across lines; takes all its lines, or none."""

    off: GroupOff
    needs_pieces: int = 1
    needs_keys: tuple[str, ...] = ()
    more: MoreOf | None = None
    lane: Lane = Lane.ITEM


@dataclass(frozen=True, slots=True)
class OnMoney:
    """Looks at the money left on its lines when its lane's turn comes."""

    lane: Lane
    curve: CurveOf
    needs_pieces: int = 1
    points_of: Callable[[int], int] | None = None
    more: MoreOf | None = None


@dataclass(frozen=True, slots=True)
class Giving:
    """Gives products, and takes no money off."""

    gifts: GiftsOf
    keys: tuple[str, ...]
    threshold: int = 0
    needs_pieces: int = 1
    lane: Lane = Lane.GIFT


Compiled = PerLine | PerGroup | OnMoney | Giving


class Asks(StrEnum):
    """What a kind of rule may ask of the buyer; it is looked up only where some rule asks."""

    #: The tier, as of yesterday.
    TIER = "tier"
    #: Whether this is their first order; nothing is taken off where it is not.
    FIRST_ORDER = "first_order"


class Rule(Protocol):
    """A kind of promotion rule: a frozen msgspec Struct whose fields are its parameters.

    ``asks`` names what its price depends on of ``Buyer``, beside the conditions of every rule.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    about: ClassVar[str]
    asks: ClassVar[tuple[Asks, ...]]

    def problems(self) -> dict[str, Refusal]:
        """Return what is wrong with the parameters, by field; empty when it may be saved."""
        ...

    def compiled(self) -> Compiled:
        """Return the shape the engine prices with."""
        ...

    def products_named(self) -> Sequence[str]:
        """Return the keys of the products that the parameters name."""
        ...


class ActiveRule(msgspec.Struct, frozen=True):
    """One saved version of a rule, with the half-open window in which it holds."""

    id: str
    version: int
    kind: str
    params: Mapping[str, Any]
    conditions: Conditions = Conditions()
    stacking: Stacking = Stacking()
    limits: Limits = Limits()
    campaign_key: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


class Guard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a campaign does when a stack leaves less margin than it should, in basis points."""

    mode: Literal["allow", "warn", "refuse"] = "allow"
    margin_bps: Annotated[int, msgspec.Meta(ge=0, le=9_900)] = 0
