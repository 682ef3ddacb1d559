"""An order: what was asked for, at what price, and how far it came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from springtide.kit.errors import N_, Refusal
from springtide.kit.text import text_problem

KEY_LENGTH_MAX = 120
LINES_MAX = 500
QUANTITY_MAX = 1_000_000


class OrderState(StrEnum):
    """How far an order came; paid and closed are ends."""

    PLACED = "placed"
    PAID = "paid"
    CLOSED = "closed"


#: An order of the shop's own.
ORDER_STATES = {"placed": N_("Unpaid"), "paid": N_("Paid"), "closed": N_("Closed")}


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

    ``decision`` is the pricing decision as it was made, ``price_inputs`` what it was made from;
    neither ever changes. ``refunded_minor`` is what was paid back for returns.
    ``deposit_minor`` was paid before, in a presale, beside the total.
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
    price_inputs: Mapping[str, Any] | None = None
    refunded_minor: int = 0
    deposit_minor: int = 0
    received_at: datetime | None = None
    earned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OrderReturn:
    """Pieces of an order that came back, by product, and what was paid back for them."""

    key: str
    lines: Mapping[str, int]
    policy: str
    refund_minor: int
    returned_at: datetime


class OrderNotPaid(Refusal):
    """A return of an order that was not paid."""

    code = "order_not_paid"
    status = 409
    text = N_("Order {key} was not paid; there is nothing to pay back.")


class NoLines(Refusal):
    """An order without lines."""

    code = "no_lines"
    text = N_("An order needs at least one line.")


class TooManyLines(Refusal):
    """An order with more lines than one may have."""

    code = "order_too_many_lines"
    text = N_("An order may have at most {lines_max} lines, not {line_count}.")


class BadQuantity(Refusal):
    """A quantity that nobody buys."""

    code = "order_quantity"
    text = N_("The quantity must be between 1 and {quantity_max}, not {quantity}.")


class OrderTooLarge(Refusal):
    """An order whose total leaves the range of money."""

    code = "order_too_large"
    text = N_("The order's total is too large to be kept.")


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


def line_problems(lines: Sequence[tuple[str, int]]) -> dict[str, Refusal]:
    """Return what is wrong with lines of (product key, quantity), by field as the API names it."""
    if not lines:
        return {"lines": NoLines()}
    if len(lines) > LINES_MAX:
        return {"lines": TooManyLines(lines_max=LINES_MAX, line_count=len(lines))}
    problems: dict[str, Refusal] = {}
    for index, (product_key, quantity) in enumerate(lines):
        problem = text_problem(product_key, length_max=KEY_LENGTH_MAX, is_needed=True)
        if problem:
            problems[f"lines.{index}.product_key"] = problem
        if not 1 <= quantity <= QUANTITY_MAX:
            problems[f"lines.{index}.quantity"] = BadQuantity(
                quantity=quantity, quantity_max=QUANTITY_MAX
            )
    return problems
