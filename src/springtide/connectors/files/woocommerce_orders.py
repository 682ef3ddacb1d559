"""WooCommerce's orders: in JSON as its REST interface gives them, and in the tables of plugins.

Core has no export in CSV: the columns are those that the common plugins share. What the total
holds beside the goods (freight, fees, taxes) counts with the freight.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

from springtide.connectors.files.shopify_orders import ANOTHER_CURRENCY
from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.domain.imports.ports import BadRecord, Check, Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.sql import quoted

_JSON = {"number", "status", "line_items", "date_created"}
_TABLES = (
    {"Order Number", "Order Status", "Order Date", "Item Name", "Quantity"},
    {"order_number", "status", "order_date", "item_name", "quantity"},
    {"Order ID", "Order Status", "Order Date", "Item Name", "Quantity"},
)
_NAMES = (
    "order", "status", "currency", "created", "paid_time", "customer", "email", "buyer", "sku",
    "product", "item", "pieces", "subtotal", "line_total", "freight", "total", "refunded",
    "coupon", "source",
)  # fmt: skip
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": ("order", "Order Number", "Order ID", "order_number"),
    "status": ("status", "Order Status"),
    "currency": ("currency", "Order Currency", "Currency"),
    "created_at": ("created", "Order Date", "order_date"),
    "paid_at": ("paid_time", "Paid Date", "Date Paid", "date_paid"),
    "customer_key": ("customer", "Customer User ID", "Customer ID", "customer_id"),
    "customer_email": ("email", "Email (Billing)", "Billing Email", "billing_email"),
    "customer_name": ("buyer", "Billing Full Name", "billing_name"),
    "sku_key": ("sku", "SKU", "Item SKU", "item_sku"),
    "product_key": ("product", "Product Id", "Product ID", "item_product_id"),
    "product_name": ("item", "Item Name", "item_name"),
    "quantity": ("pieces", "Quantity", "Quantity (- Refund)", "quantity"),
    "gross": ("subtotal", "Order Line Subtotal", "item_subtotal"),
    "due": ("line_total", "Order Line Total", "Item Total", "item_total"),
    "price": ("Item Cost", "Item Price", "item_price"),
    "freight": ("freight", "Order Shipping Amount", "Shipping Total", "order_shipping"),
    "paid": ("total", "Order Total Amount", "Order Total", "order_total"),
    "refund": ("refunded", "Order Refund Amount", "Refunded Amount", "order_refund"),
    "reference": ("coupon", "Coupon Code", "coupon_code"),
    "source_path": "source",
}
_STATES = {
    "pending": "unpaid", "on-hold": "unpaid", "checkout-draft": "unpaid",
    "processing": "paid", "completed": "done", "refunded": "refunded",
    "cancelled": "closed", "failed": "closed", "trash": "closed",
}  # fmt: skip


class WoocommerceOrders:
    """WooCommerce's orders."""

    kind: ClassVar[str] = "woocommerce_orders"
    label: ClassVar[str] = N_("WooCommerce orders")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 88 for an order's keys in JSON, 70 for the columns of plugins."""
        if head.container == "json":
            return 88 if set(head.record or {}) >= _JSON else 0
        return 70 if any(head.row_with(form) is not None for form in _TABLES) else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines and say how they are read."""
        if head.container == "json":
            loaded = stage.load_records(head, _NAMES, _lines)
        else:
            form = next((form for form in _TABLES if head.row_with(form)), _TABLES[0])
            loaded = stage.load(head, header_row(head, form))
        columns = {name.strip(): column for name, column in loaded.items()}
        has_due = any(name in columns for name in _WORDS["due"])
        due = "told_due" if has_due else "told_price * quantity"
        of_order = "over (partition by told_order_key)"
        table = OrderTable(
            source="woocommerce",
            columns=columns,
            words=_WORDS,
            options=options,
            of_order=frozenset({"status", "paid", "paid_at", "refund", "reference", "source_path"}),
            states=_STATES,
            replaced={
                "status": "replace(lower(told_status), 'wc-', '')",
                # Guests have the number 0.
                "customer_key": "coalesce(lower(told_customer_email), "
                "nullif(told_customer_key, '0'))",
                "product_key": "coalesce(told_sku_key, told_product_key)",
                "due": due,
                "freight": f"greatest(coalesce(told_freight, 0), "
                f"told_paid - cast(sum({due}) {of_order} as bigint))",
                "paid_at": _PAID_AT if "paid_time" not in columns else "told_paid_at",
                "refund": "abs(told_refund)",
            },
        )
        other = Check(
            "currency", ANOTHER_CURRENCY, f"upper(told_currency) <> {quoted(options.currency)}"
        )
        return table.reading(checks=(other,))


# Tables without a time of payment: orders that are carried out were paid when they were made.
_PAID_AT = (
    "coalesce(told_paid_at, case when replace(lower(told_status), 'wc-', '') in "
    "('processing', 'completed', 'refunded') then told_created_at end)"
)


def _lines(record: Mapping[str, Any]) -> Iterable[Sequence[object]]:
    items = record.get("line_items")
    if not isinstance(items, list) or not items:
        raise BadRecord(N_("an order without lines"))
    billing = record.get("billing") or {}
    names = (billing.get("first_name"), billing.get("last_name"))
    coupons = record.get("coupon_lines") or []
    order = (
        record.get("number") or record.get("id"), record.get("status"), record.get("currency"),
        _utc(record, "date_created"), _utc(record, "date_paid"), record.get("customer_id"),
        billing.get("email"), " ".join(str(name) for name in names if name),
    )  # fmt: skip
    whole = (
        record.get("shipping_total"), record.get("total"), _refunded(record),
        coupons[0].get("code") if coupons else None, record.get("created_via"),
    )  # fmt: skip
    return [
        (
            *order, item.get("sku"), item.get("product_id"),
            html.unescape(str(item.get("name") or "")), item.get("quantity"),
            item.get("subtotal"), item.get("total"), *whole,
        )
        for item in items
    ]  # fmt: skip


def _utc(record: Mapping[str, Any], name: str) -> object:
    """Return an instant: in UTC where it is told, else by the shop's clock."""
    told = record.get(f"{name}_gmt")
    return f"{told}Z" if told else record.get(name)


def _refunded(record: Mapping[str, Any]) -> Decimal | None:
    refunds = record.get("refunds") or []
    try:
        return sum((abs(Decimal(str(each.get("total")))) for each in refunds), Decimal()) or None
    except InvalidOperation as error:
        raise BadRecord(N_("a refund that is not an amount")) from error
