"""A customer of the shop, and what the facts say of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from springtide.analytics.rfm import SEGMENT_NAMES, CutPoints
from springtide.kit.errors import N_, Refusal
from springtide.kit.text import BadEmail

EMAIL_LENGTH_MAX = 320
NAME_LENGTH_MAX = 300
KEY_LENGTH_MAX = 120


@dataclass(frozen=True, slots=True)
class Customer:
    """One person of a shop; ``key`` is the shop's own name for them."""

    id: UUID
    shop_id: UUID
    key: str
    name: str
    email: str | None
    opted_out_at: datetime | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_reachable(self) -> bool:
        """Whether the shop may write to them: an address, and no opt-out."""
        return bool(self.email) and self.opted_out_at is None


@dataclass(frozen=True, slots=True)
class CustomerEntry:
    """What a file or a program says of a customer; ``None`` leaves what is stored."""

    key: str
    name: str | None = None
    email: str | None = None
    attributes: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a customer did so far: orders, money, days since the last order, scores, segment."""

    customer_key: str
    order_count: int
    money_minor: int
    last_order_on: date
    recency_days: int
    recency_score: int
    frequency_score: int
    money_score: int
    segment: str

    @property
    def score(self) -> int:
        """The three scores as one number, such as 543."""
        return self.recency_score * 100 + self.frequency_score * 10 + self.money_score


@dataclass(frozen=True, slots=True)
class Upserted:
    """What a bulk write did."""

    new: int
    changed: int
    unchanged: int

    def plus(self, other: "Upserted") -> "Upserted":
        """Return both together."""
        return Upserted(
            self.new + other.new, self.changed + other.changed, self.unchanged + other.unchanged
        )


@dataclass(frozen=True, slots=True, eq=False)
class Standings:
    """Every customer with an order, and the cut points of this day.

    ``money_basis`` is ``paid``, or ``ordered`` where the facts hold no payments at all.
    """

    as_of: date
    money_basis: str
    cuts: CutPoints
    by_key: Mapping[str, Standing]

    def counts(self) -> dict[str, int]:
        """Return how many customers each segment holds, in the order of the segments."""
        found = Counter(standing.segment for standing in self.by_key.values())
        return {name: found[name] for name in SEGMENT_NAMES}


@dataclass(frozen=True, slots=True)
class CustomersPage:
    """One page of the list: customers with their standing, and the cursor of the next page."""

    rows: Sequence[tuple[Customer, Standing | None]]
    next_cursor: str | None
    total: int


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One order of a customer, as the facts tell it (minor units)."""

    order_key: str
    ordered_at: datetime
    quantity: int
    ordered_minor: int
    paid_minor: int
    refunded_minor: int
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class Activity:
    """What the facts say of one customer in sum."""

    first_seen_at: datetime | None
    last_seen_at: datetime | None
    order_count: int
    ordered_minor: int
    paid_minor: int
    refunded_minor: int


class UnknownPage(Refusal):
    """A cursor or an order of the list that this program did not give."""

    code = "unknown_page"
    text = N_("This page of the list cannot be found: start again from the first one.")


class BadCustomer(Refusal):
    """A customer's entry that cannot be stored."""

    code = "bad_customer"
    text = N_("The customer “{key}” cannot be stored: {why}")


def checked_email(value: str) -> str:
    """Return an address that is safe to stand in a mail's header; refuse anything else.

    >>> checked_email(" Ann@Example.test ")
    'Ann@Example.test'
    """
    cleaned = value.strip()
    local, _, domain = cleaned.rpartition("@")
    plain = not any(letter.isspace() or not letter.isprintable() for letter in cleaned)
    right = plain and bool(local) and "." in domain and not set('<>,;:"()[]\\') & set(cleaned)
    if not right or len(cleaned) > EMAIL_LENGTH_MAX or ".." in cleaned or cleaned.count("@") != 1:
        raise BadEmail(value=value[:80])
    return cleaned
