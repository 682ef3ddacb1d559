"""Shopify's orders as its REST and GraphQL interfaces and bulk exports give them."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from springtide.connectors.files.shopify_orders import COLUMNS, order_reading
from springtide.domain.imports.ports import BadRecord, Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_, Refusal

_PAID = {"paid", "partially_paid", "partially_refunded", "refunded"}
_CHILDREN = "__children"


class NotShopifyOrders(Refusal):
    """A file that holds no records of orders."""

    code = "not_shopify_orders"
    text = N_("{file}: there are no orders of Shopify in JSON in it. Seen: {seen}.")


class ShopifyJson:
    """Shopify's orders in JSON."""

    kind: ClassVar[str] = "shopify_json"
    label: ClassVar[str] = N_("Shopify orders (JSON)")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for an order's keys, in either spelling."""
        record = head.record or {}
        is_rest = {"financial_status", "line_items"} <= set(record)
        is_graph = {"name", "createdAt"} <= set(record) and (
            "displayFinancialStatus" in record or "lineItems" in record
        )
        return 90 if is_rest or is_graph else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines of each order and say how they are read."""
        if head.record is None:
            seen = ", ".join(head.rows[0])[:500]
            raise NotShopifyOrders(file=head.name, seen=seen)
        return order_reading(stage.load_records(head, COLUMNS, _lines), options, has_copies=False)


def _lines(record: Mapping[str, Any]) -> Iterable[Sequence[object]]:
    """Return a row a line of an order, with the columns of the export in CSV."""
    lines = _list(record, "line_items", "lineItems")
    if not lines:
        raise BadRecord(N_("an order without lines"))
    status = str(_pick(record, "financial_status", "displayFinancialStatus") or "").lower()
    refunds = _list(record, "refunds")
    customer = _pick(record, "customer") or {}
    total = _money(record, "total_price", "totalPriceSet", "currentTotalPriceSet")
    order = {
        "Name": _pick(record, "name", "id"),
        "Email": _pick(record, "email", "contact_email") or customer.get("email"),
        "Customer id": customer.get("id"),
        "Billing Name": _name(customer),
        "Financial Status": status,
        "Created at": _pick(record, "created_at", "createdAt"),
        "Paid at": _pick(record, "processed_at", "processedAt") if status in _PAID else None,
        "Cancelled at": _pick(record, "cancelled_at", "cancelledAt"),
        "Currency": _pick(record, "currency", "currencyCode") or _currency(record),
        "Subtotal": _money(record, "subtotal_price", "subtotalPriceSet"),
        "Shipping": _money(record, "total_shipping_price_set", "totalShippingPriceSet"),
        "Total": total,
        "Discount Amount": _money(record, "total_discounts", "totalDiscountsSet"),
        "Discount Code": _code(record),
        "Source": _pick(record, "source_name", "sourceName"),
        "Refunded Amount": _refunded(record, refunds),
        "Refunded at": _pick(refunds[0], "created_at", "createdAt") if refunds else None,
    }
    return [[{**order, **_line(line)}.get(name) for name in COLUMNS] for line in lines]


def _line(line: Mapping[str, Any]) -> dict[str, object]:
    product = _pick(line, "product_id") or (_pick(line, "product") or {}).get("id")
    return {
        "Lineitem quantity": _pick(line, "quantity"),
        "Lineitem name": _pick(line, "name", "title"),
        "Lineitem price": _money(line, "price", "originalUnitPriceSet"),
        "Lineitem sku": _pick(line, "sku"),
        "Product id": product,
    }


def _pick(record: Mapping[str, Any], *names: str) -> Any:
    return next((record[name] for name in names if record.get(name) not in (None, "")), None)


def _list(record: Mapping[str, Any], *names: str) -> list[Mapping[str, Any]]:
    """Return a list, out of the packing of GraphQL, or of a bulk export's children."""
    found = _pick(record, *names)
    if isinstance(found, Mapping):
        edges = found.get("nodes") or [edge.get("node") for edge in found.get("edges", [])]
        found = edges
    if found is None and "line_items" in names:
        found = [each for each in record.get(_CHILDREN, []) if "quantity" in each]
    if not isinstance(found, list):
        return []
    return [each for each in found if isinstance(each, Mapping)]


def _money(record: Mapping[str, Any], *names: str) -> object:
    """Return an amount that stands alone, or as money of the shop in a set."""
    found = _pick(record, *names)
    if isinstance(found, Mapping):
        shop = found.get("shop_money") or found.get("shopMoney") or {}
        return shop.get("amount") if isinstance(shop, Mapping) else None
    return found


def _currency(record: Mapping[str, Any]) -> object:
    found = _pick(record, "totalPriceSet", "currentTotalPriceSet") or {}
    shop = found.get("shopMoney", {}) if isinstance(found, Mapping) else {}
    return shop.get("currencyCode") if isinstance(shop, Mapping) else None


def _code(record: Mapping[str, Any]) -> object:
    codes = record.get("discount_codes") or record.get("discountCodes") or []
    first = codes[0] if isinstance(codes, list) and codes else None
    return first.get("code") if isinstance(first, Mapping) else first


def _name(customer: Mapping[str, Any]) -> str | None:
    names = (
        _pick(customer, "first_name", "firstName"), _pick(customer, "last_name", "lastName")
    )  # fmt: skip
    return " ".join(str(name) for name in names if name) or None


def _refunded(record: Mapping[str, Any], refunds: Sequence[Mapping[str, Any]]) -> object:
    """Return what was paid back: in all where it is told, else the sum of what succeeded."""
    told = _money(record, "totalRefundedSet", "total_refunded_set")
    if told is not None:
        return told
    paid_back = [
        transaction.get("amount")
        for refund in refunds
        for transaction in _list(refund, "transactions")
        if str(transaction.get("kind", "")).lower() == "refund"
        and str(transaction.get("status", "")).lower() == "success"
    ]
    return sum(map(_exact, paid_back)) if paid_back else None


def _exact(amount: object) -> Decimal:
    try:
        return Decimal(str(amount))
    except InvalidOperation as error:
        raise BadRecord(N_("a refund that is not an amount")) from error
