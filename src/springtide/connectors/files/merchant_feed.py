"""A product feed as Google Merchant Center takes it: a row a product, in CSV or tabs."""

from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.imports.ports import Check, Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.sql import quoted

_COLUMNS = {"id", "title", "link", "price", "availability"}
_ATTRIBUTES = (
    "price", "sale_price", "availability", "link", "image_link", "gtin", "mpn", "item_group_id",
    "condition", "color", "size",
)  # fmt: skip


class MerchantFeed:
    """A product feed of Google Merchant Center."""

    kind: ClassVar[str] = "merchant_feed"
    label: ClassVar[str] = N_("Google Merchant product feed")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 85 for the feed's columns."""
        return 85 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the products and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}

        def text(*names: str) -> str:
            found = next((columns[name] for name in names if name in columns), None)
            return values.text(*found) if found else "cast(null as varchar)"

        names = [name for name in _ATTRIBUTES if name in columns]
        found = {
            "product": text("id"),
            "title": text("title"),
            "brand": text("brand"),
            "category": text("product_type", "google_product_category"),
            **{f"v_{name}": text(name) for name in names},
        }
        pairs = ", ".join(f"{quoted(name)}, max(v_{name})" for name in names)
        checks = (
            Check("id", N_("is missing"), "product is null"),
            Check("title", N_("is missing"), "title is null"),
        )
        products = (
            f"select product, max(title), max(brand), max(category), null, json_object({pairs}) "
            "from good group by product"
        )
        return Reading("merchant_feed", found, checks, products=products)
