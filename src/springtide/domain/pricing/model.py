"""A cart, the prices behind it, the rules on it, and the decision: frozen values and documents.

Everything here is a value. A decision can be written as JSON and read back without losing a byte,
so that the one kept with an order is the one that was shown.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol

import msgspec

from springtide.kit.canonical import to_json
from springtide.kit.errors import N_, Refusal

#: Pieces in one line that no shop sells to one buyer; past it a quantity is a mistake.
QUANTITY_MAX = 1_000_000
#: Different products in one cart.
LINES_MAX = 500


class EmptyCart(Refusal):
    """A cart without lines."""

    code = "empty_cart"
    text = N_("The cart is empty.")


class TooManyLines(Refusal):
    """A cart with more lines than any shop sells at once."""

    code = "too_many_lines"
    text = N_("A cart may hold {limit} different products; this one holds {count}.")


class BadQuantity(Refusal):
    """A quantity of zero, below it, or beyond reason."""

    code = "bad_quantity"
    text = N_("{product_key}: {quantity} is not a quantity from 1 to {limit}.")


class UnknownPrice(Refusal):
    """A product that the price book does not know."""

    code = "unknown_price"
    text = N_("{product_key} has no price in this shop.")


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many pieces of one product."""

    product_key: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Cart:
    """What a buyer wants, in one currency."""

    lines: tuple[CartLine, ...]
    currency: str


@dataclass(frozen=True, slots=True)
class PriceFacts:
    """What the price book says about one product, in minor units a piece."""

    regular_minor: int
    campaign_minor: int | None = None
    floor_minor: int = 0
    cost_minor: int | None = None

    @property
    def unit_minor(self) -> int:
        """The price a piece before rules: never above the regular price, never below the floor."""
        if self.campaign_minor is None:
            return self.regular_minor
        return min(self.regular_minor, max(self.campaign_minor, self.floor_minor))


@dataclass(frozen=True, slots=True)
class PricedLine:
    """A line with its prices, as the rules see it; lines are merged and sorted by product."""

    product_key: str
    quantity: int
    facts: PriceFacts

    @property
    def gross_minor(self) -> int:
        """The line's money before rules."""
        return self.facts.unit_minor * self.quantity

    @property
    def room_minor(self) -> int:
        """How much discount the line may carry before it meets its floor."""
        return max(0, self.facts.unit_minor - self.facts.floor_minor) * self.quantity


@dataclass(frozen=True, slots=True)
class NextStep:
    """The cheapest change that would unlock more: add so much, save so much more."""

    missing_minor: int
    saves_minor: int


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a rule gave nothing: a stable code, what was seen, what it needs.

    Codes: ``no_product`` and ``no_room`` (pieces, minor units), ``below_threshold`` (minor units),
    ``not_open`` and ``closed`` (instants), ``lost_to`` (own and the winners' minor units;
    ``others`` names the winners).
    """

    code: str
    observed: int | str
    needed: int | str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Offer:
    """What a rule would give this cart: an amount over lines, or the reason why not."""

    amount_minor: int
    lines: tuple[int, ...]
    reason: Reason | None = None
    next_step: NextStep | None = None


class Rule(Protocol):
    """A kind of promotion rule: a frozen msgspec Struct whose fields are its parameters."""

    kind: ClassVar[str]
    title: ClassVar[str]

    def problems(self) -> dict[str, Refusal]:
        """Return what is wrong with the parameters, by field; empty when it may be saved."""
        ...

    def offer(self, lines: Sequence[PricedLine]) -> Offer:
        """Return what the rule gives these lines, before floors."""
        ...


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """One saved version of a rule that holds now, within an optional half-open window."""

    id: str
    version: int
    kind: str
    params: Mapping[str, Any]
    campaign_key: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class DecidedLine:
    """One product of a decision: prices a piece, money of the line, share of the discounts."""

    product_key: str
    quantity: int
    regular_minor: int
    campaign_minor: int | None
    floor_minor: int
    unit_minor: int
    gross_minor: int
    discount_minor: int
    payable_minor: int


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What became of one rule: ``shares`` are minor units a line, in the order of the lines.

    ``wanted_minor`` is what the rule would give; ``cut_minor`` of it did not fit above the floors.
    """

    rule_id: str
    version: int
    kind: str
    is_applied: bool
    wanted_minor: int
    amount_minor: int
    cut_minor: int
    shares: tuple[int, ...]
    reason: Reason | None = None
    next_step: NextStep | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The price of a cart, with everything that made it.

    ``is_proven`` tells whether no legal set of the rules gives more; False when the search for
    the best set was cut off at its limit.
    """

    currency: str
    priced_at: datetime
    input_hash: str
    lines: tuple[DecidedLine, ...]
    rules: tuple[RuleOutcome, ...]
    regular_total_minor: int
    gross_minor: int
    discount_minor: int
    total_minor: int
    is_proven: bool = True
    engine: str = field(default="1")

    @property
    def applied(self) -> tuple[RuleOutcome, ...]:
        """The rules that gave something."""
        return tuple(rule for rule in self.rules if rule.is_applied)

    def document(self) -> dict[str, Any]:
        """Return the decision as plain JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def public_document(self) -> dict[str, Any]:
        """Return the document without what a buyer must not see: the floors."""
        plain = self.document()
        for line in plain["lines"]:
            del line["floor_minor"]
        for rule in plain["rules"]:
            del rule["cut_minor"]
            del rule["wanted_minor"]
        return plain

    def to_json(self) -> str:
        """Return the decision as canonical JSON: the same decision, the same bytes."""
        return to_json(self.document())

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Decision":
        """Read a decision back from its JSON values."""
        return msgspec.convert(document, cls)


def input_hash(
    *, cart: Cart, rules: Sequence[ActiveRule], prices: Mapping[str, PriceFacts], now: datetime
) -> str:
    """Return the SHA-256 of everything that a decision is made from."""
    plain = msgspec.to_builtins(
        {"cart": cart, "rules": list(rules), "prices": dict(prices), "now": now}
    )
    return hashlib.sha256(to_json(plain).encode()).hexdigest()
