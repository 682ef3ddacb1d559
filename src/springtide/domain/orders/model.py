"""An order: what was asked for, at what price, and how far it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from springtide.kit.errors import N_, Refusal

KEY_LENGTH_MAX = 120
LINES_MAX = 500
QUANTITY_MAX = 100_000


class OrderState(StrEnum):
    """How far an order came; paid and closed are ends."""

    PLACED = "placed"
    PAID = "paid"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line; amounts are of the whole line: ``payable = list - discount``."""

    line_no: int
    product_key: str
    quantity: int
    list_minor: int
    discount_minor: int
    payable_minor: int


@dataclass(frozen=True, slots=True)
class Order:
    """One order; ``total_minor`` is what is to be paid: lines' payable plus shipping.

    ``decision`` is the pricing decision as it was made; it never changes.
    """

    id: UUID
    shop_id: UUID
    key: str
    customer_key: str | None
    visitor_key: str | None
    campaign_key: str | None
    state: OrderState
    total_minor: int
    discount_minor: int
    shipping_minor: int
    lines: Sequence[OrderLine]
    decision: Mapping[str, Any]
    source_path: str | None
    is_simulated: bool
    placed_at: datetime
    paid_at: datetime | None = None
    payment_key: str | None = None
    closed_at: datetime | None = None
    close_reason: str | None = None


class BadOrder(Refusal):
    """An order that cannot be taken; names the field and the reason."""

    code = "bad_order"
    text = N_("{field} {reason}.")


class OrderKeyTaken(Refusal):
    """The shop has an order of this key already."""

    code = "order_key_taken"
    status = 409
    text = N_("There is an order {key} already.")


class OrderClosed(Refusal):
    """The order was closed; it can no longer be paid."""

    code = "order_closed"
    status = 409
    text = N_("Order {key} is closed and can no longer be paid.")


class OrderPaid(Refusal):
    """The order was paid; it can neither be closed nor be paid again."""

    code = "order_paid"
    status = 409
    text = N_("Order {key} is paid already.")


class WrongAmount(Refusal):
    """A payment of another amount than the order's total."""

    code = "wrong_amount"
    text = N_("Order {key} comes to {total_minor} minor units, not {amount_minor}.")
