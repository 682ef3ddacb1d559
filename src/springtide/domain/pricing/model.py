"""A cart, the prices behind it, the buyer, and the decision: frozen values and documents.

Everything here is a value. A decision can be written as JSON and read back without losing a byte,
so that the one kept with an order is the one that was shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from springtide.kit.canonical import to_json
from springtide.kit.errors import N_, Refusal

#: Pieces in one line that no shop sells to one buyer; past it a quantity is a mistake.
QUANTITY_MAX = 1_000_000
#: Different products in one cart.
LINES_MAX = 500
#: Codes that one buyer types into one cart.
CODES_MAX = 20
#: The engine whose decisions these are; another one may price otherwise.
ENGINE = "2"


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


class MixedCurrency(Refusal):
    """A cart in another currency than the shop's prices."""

    code = "mixed_currency"
    text = N_("The cart is in {cart}, the shop's prices are in {shop}.")


class CartTooLarge(Refusal):
    """A cart whose money leaves the range of amounts."""

    code = "cart_too_large"
    text = N_("The cart's total is too large to be an amount.")


@dataclass(frozen=True, slots=True)
class CartLine:
    """So many pieces of one product."""

    product_key: str
    quantity: int


class Cart(msgspec.Struct, frozen=True):
    """What a buyer wants, in one currency: lines, typed codes, points to pay with, shipping."""

    lines: tuple[CartLine, ...]
    currency: str
    codes: tuple[str, ...] = ()
    shipping_minor: int = 0
    points: int = 0


class Left(msgspec.Struct, frozen=True):
    """What a rule's limits still allow this buyer; None where there is no limit."""

    customer: int | None = None
    total: int | None = None
    money_minor: int | None = None


class Buyer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who buys, as far as prices depend on it.

    ``points`` is the balance; ``issued`` the rules (coupons, packets) that this buyer holds, with
    an amount where the packet's is the buyer's own; ``left`` what limits still allow, by rule.
    """

    tier: str = ""
    segments: tuple[str, ...] = ()
    channel: str = ""
    region: str = ""
    is_first_order: bool = False
    points: int = 0
    issued: Mapping[str, int] = {}
    left: Mapping[str, Left] = {}


ANYBODY = Buyer()


class PriceFacts(msgspec.Struct, frozen=True):
    """What the price book says about one product, in minor units a piece.

    ``tax_bps`` is the rate of the tax that the price includes. Category, brand and tags are the
    catalog's: rules choose products by them.
    """

    regular_minor: int
    campaign_minor: int | None = None
    floor_minor: int = 0
    cost_minor: int | None = None
    tax_bps: int = 0
    category: str = ""
    brand: str = ""
    tags: tuple[str, ...] = ()

    @property
    def unit_minor(self) -> int:
        """The price a piece before rules: never above the regular price, never below the floor."""
        if self.campaign_minor is None:
            return self.regular_minor
        return min(self.regular_minor, max(self.campaign_minor, self.floor_minor))


class NextStep(msgspec.Struct, frozen=True, omit_defaults=True):
    """The cheapest change that would unlock more: add so much money or pieces, save so much."""

    saves_minor: int
    missing_minor: int = 0
    missing_pieces: int = 0


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a rule gave nothing: a stable code, what was seen, what it needs.

    Codes: ``no_product``, ``too_few_pieces`` (pieces), ``below_threshold`` (minor units),
    ``missing_products`` (``others`` names them), ``no_room`` and ``no_reduction`` (minor units),
    ``not_open`` and ``closed`` (instants), ``wrong_hour`` (wall times), ``wrong_tier``,
    ``wrong_segment``, ``wrong_channel``, ``wrong_region``, ``not_first_order``, ``no_code``,
    ``not_issued``, ``no_points``, ``limit_customer``, ``limit_total``, ``limit_money``,
    ``margin_guard`` (basis points), ``lost_to`` (minor units to pay with the rule and without;
    ``others`` names the winners).
    """

    code: str
    observed: int | str = 0
    needed: int | str = 0
    others: tuple[str, ...] = ()


class DecidedLine(msgspec.Struct, frozen=True, gc=False):
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
    tax_minor: int


class AppliedRule(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule of the chosen stack: ``shares`` are minor units a line, in the order of the lines.

    ``wanted_minor`` is what it would give; what did not fit above the floors is cut. A rule of
    the shipping lane has no shares: it gives shipping.
    """

    rule_id: str
    version: int
    kind: str
    lane: str
    amount_minor: int
    wanted_minor: int
    shares: tuple[int, ...]
    points: int = 0


class Gift(msgspec.Struct, frozen=True):
    """Pieces of a product that a rule gives."""

    rule_id: str
    product_key: str
    quantity: int
    cost_minor: int | None


class Decision(msgspec.Struct, frozen=True):
    """The price of a cart, with everything that made it.

    ``total_minor`` is what is to be paid, ``shipping_minor`` of it for shipping after
    ``shipping_discount_minor``. ``margin_minor`` is what the lines with a known cost leave, gifts
    deducted; ``uncosted_count`` lines have none. ``is_proven`` tells that no legal stack is
    cheaper; False when the search was cut off at its limit.
    """

    engine: str
    currency: str
    priced_at: datetime
    input_hash: str
    lines: tuple[DecidedLine, ...]
    rules: tuple[AppliedRule, ...]
    gifts: tuple[Gift, ...]
    regular_total_minor: int
    gross_minor: int
    discount_minor: int
    shipping_minor: int
    shipping_discount_minor: int
    tax_minor: int
    total_minor: int
    margin_minor: int
    margin_bps: int | None
    uncosted_count: int
    warnings: tuple[str, ...]
    is_proven: bool

    @property
    def points(self) -> int:
        """The points that the buyer pays with."""
        return sum(rule.points for rule in self.rules)

    def document(self) -> dict[str, Any]:
        """Return the decision as plain JSON values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def public_document(self) -> dict[str, Any]:
        """Return the document without what a buyer must not see: floors, costs and margins."""
        plain = self.document()
        for line in plain["lines"]:
            del line["floor_minor"]
        for rule in plain["rules"]:
            del rule["wanted_minor"]
        for gift in plain["gifts"]:
            del gift["cost_minor"]
        for name in ("margin_minor", "margin_bps", "uncosted_count", "warnings"):
            del plain[name]
        return plain

    def to_json(self) -> str:
        """Return the decision as canonical JSON: the same decision, the same bytes."""
        return to_json(self.document())

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "Decision":
        """Read a decision back from its JSON values, also one of the first engine."""
        if document.get("engine") == "1":
            document = _of_first_engine(document)
        return msgspec.convert(document, cls)


def _of_first_engine(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decision of the first engine with what it did not know: no gifts, no shipping."""
    rules = [
        {
            **{name: rule[name] for name in ("rule_id", "version", "kind", "amount_minor")},
            "lane": "shop",
            "wanted_minor": rule["wanted_minor"],
            "shares": rule["shares"],
        }
        for rule in document["rules"]
        if rule["is_applied"]
    ]
    return {
        **document,
        "lines": [{**line, "tax_minor": 0} for line in document["lines"]],
        "rules": rules,
        "gifts": [],
        "shipping_minor": 0,
        "shipping_discount_minor": 0,
        "tax_minor": 0,
        "margin_minor": 0,
        "margin_bps": None,
        "uncosted_count": len(document["lines"]),
        "warnings": [],
    }
