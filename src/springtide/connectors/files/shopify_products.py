"""Shopify's product export: a row a variant, the product's own cells on its first row alone.

A variant is a product here, by its SKU, as orders name it.
"""

from typing import ClassVar

from springtide.connectors.files.shopify_orders import SOURCE
from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.imports.ports import Check, Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.sql import quoted

_COLUMNS = {"Handle", "Title", "Variant SKU", "Variant Price"}
_ATTRIBUTES = {
    "handle": "Handle",
    "price": "Variant Price",
    "compare_at_price": "Variant Compare At Price",
    "stock": "Variant Inventory Qty",
    "cost": "Cost per item",
    "barcode": "Variant Barcode",
    "status": "Status",
}
_OPTIONS = ("Option1 Value", "Option2 Value", "Option3 Value")


class ShopifyProducts:
    """Shopify's product export."""

    kind: ClassVar[str] = "shopify_products"
    label: ClassVar[str] = N_("Shopify products")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for the export's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the variants and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}

        def text(name: str) -> str:
            return values.text(*columns[name]) if name in columns else "cast(null as varchar)"

        def of_product(name: str) -> str:
            return f"max({text(name)}) over (partition by handle)"

        chosen = ", ".join(f"nullif({text(name)}, 'Default Title')" for name in _OPTIONS)
        found = {
            **{word: text(name) for word, name in _ATTRIBUTES.items()},
            "sku": text("Variant SKU"),
            "title": of_product("Title"),
            "brand": of_product("Vendor"),
            "category": f"coalesce({of_product('Type')}, {of_product('Product Category')})",
            "choice": f"concat_ws(' / ', {chosen})",
            "product_key": "coalesce(sku, handle)",
        }
        pairs = ", ".join(f"{quoted(word)}, max({word})" for word in _ATTRIBUTES)
        products = (
            "select product_key, max(concat_ws(' ', title, nullif(choice, ''))), max(brand), "
            f"max(category), null, json_object({pairs}) from good group by product_key"
        )
        checks = (Check("Handle", N_("is missing"), "handle is null"),)
        # Rows of further pictures have neither SKU nor price.
        return Reading(
            SOURCE, found, checks, products=products, left_out="sku is null and price is null"
        )
