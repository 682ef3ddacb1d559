"""Shopify's order export: the order's cells on its first line, its name and e-mail on each.

Taxes that come on top, and duties, count with the freight: so that an order's facts sum to its
total. Buyers are told by their e-mail.
"""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.domain.imports.ports import Check, Head, Reading, ReadOptions, Stage, StagedColumn
from springtide.kit.errors import N_
from springtide.kit.money import exponent
from springtide.kit.sql import quoted

SOURCE = "shopify"
#: The columns that records in JSON are given too, so that both say the same.
COLUMNS = (
    "Name", "Email", "Financial Status", "Paid at", "Currency", "Subtotal", "Shipping", "Total",
    "Discount Code", "Discount Amount", "Created at", "Lineitem quantity", "Lineitem name",
    "Lineitem price", "Lineitem sku", "Billing Name", "Refunded Amount", "Source", "Cancelled at",
    "Refunded at", "Customer id", "Product id",
)  # fmt: skip
_NEEDED = {"Name", "Financial Status", "Created at", "Lineitem quantity", "Lineitem price"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "Name",
    "status": "Financial Status",
    "customer_key": "Email",
    "customer_email": "Email",
    "customer_name": ("Billing Name", "Shipping Name"),
    "customer_id": "Customer id",
    "product_key": "Lineitem sku",
    "product_id": "Product id",
    "product_name": "Lineitem name",
    "quantity": "Lineitem quantity",
    "price": "Lineitem price",
    "created_at": "Created at",
    "paid_at": "Paid at",
    "refunded_at": "Refunded at",
    "due": "Subtotal",
    "freight": "Shipping",
    "paid": "Total",
    "refund": "Refunded Amount",
    "less": "Discount Amount",
    "reference": "Discount Code",
    "source_path": "Source",
    "currency": "Currency",
}
_STATES = {
    "pending": "unpaid",
    "authorized": "unpaid",
    "unpaid": "unpaid",
    "partially_paid": "paid",
    "paid": "paid",
    "partially_refunded": "paid",
    "refunded": "refunded",
    "voided": "closed",
    "expired": "closed",
}
ANOTHER_CURRENCY = N_("is in another currency than the shop's")


class ShopifyOrders:
    """Shopify's order export."""

    kind: ClassVar[str] = "shopify_orders"
    label: ClassVar[str] = N_("Shopify orders (CSV)")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for Shopify's columns."""
        return 90 if head.row_with(_NEEDED) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines and say how they are read."""
        loaded = stage.load(head, header_row(head, _NEEDED))
        columns = {name.strip(): column for name, column in loaded.items()}
        return order_reading(columns, options, has_copies=True)


def order_reading(
    columns: dict[str, StagedColumn], options: ReadOptions, *, has_copies: bool
) -> Reading:
    """Return how lines with Shopify's columns are read.

    Exports repeat rows: with ``has_copies`` a row that is the same in every cell as an earlier one
    is left out, unless the order's subtotal says that both are lines of it.
    """
    of_order = "over (partition by told_order_key)"
    everything = ", ".join(column.sql for column in columns.values())
    goods = (
        f"coalesce(max(told_due) {of_order}, 0) "
        f"+ coalesce(max(try_cast(round(try_cast(told_less as decimal(18,4)) * "
        f"{10 ** exponent(options.currency)}) as bigint)) {of_order}, 0)"
    )
    more: dict[str, str] = {}
    if has_copies:
        more = {
            "copy": f"row_number() over (partition by {everything} order by row_no)",
            "is_first_row": "told_created_at is not null",
            "told_sum": f"sum(told_price * quantity) {of_order}",
            "told_goods": goods,
        }
    table = OrderTable(
        source=SOURCE,
        columns=columns,
        words=_WORDS,
        options=options,
        of_order=frozenset(
            {
                "status",
                "due",
                "paid",
                "paid_at",
                "refund",
                "refunded_at",
                "reference",
                "source_path",
            }
        ),
        is_filled=True,
        states=_STATES,
        replaced={
            "customer_key": "coalesce(lower(told_customer_key), told_customer_id)",
            "product_key": "coalesce(told_product_key, told_product_id, "
            "left(told_product_name, 120))",
            "sku_key": "told_product_key",
            # What the total holds beside the goods: freight, and taxes that come on top.
            "freight": "greatest(coalesce(told_freight, 0), told_paid - told_due)",
            "order_currency": f"max(told_currency) {of_order}",
            **more,
        },
        left_out="copy > 1 and (is_first_row or told_sum <> told_goods)" if has_copies else None,
    )
    other = Check(
        "Currency", ANOTHER_CURRENCY, f"upper(order_currency) <> {quoted(options.currency)}"
    )
    return table.reading(checks=(other,))
