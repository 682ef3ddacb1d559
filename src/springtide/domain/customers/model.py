"""A customer of the shop, and what the facts say of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from springtide.kit.errors import N_, Refusal

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


class BadEmail(Refusal):
    """A text that is no email address."""

    code = "bad_email"
    text = N_("“{value}” is not an email address.")


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
