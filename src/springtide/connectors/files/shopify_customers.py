"""Shopify's customer export. That somebody accepts marketing there is no opt-in here: a fact about
them, kept among their attributes."""

from typing import ClassVar

from springtide.connectors.files.shopify_orders import SOURCE
from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.imports.ports import Check, Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.sql import quoted

_COLUMNS = {"First Name", "Last Name", "Email", "Total Spent", "Total Orders"}
#: What is kept of a customer, by the names of older and newer exports.
_ATTRIBUTES = {
    "city": ("City", "Default Address City"),
    "province": ("Province", "Default Address Province Code"),
    "country": ("Country Code", "Default Address Country Code"),
    "tags": ("Tags",),
    "total_spent": ("Total Spent",),
    "total_orders": ("Total Orders",),
    "accepts_email_marketing": ("Accepts Email Marketing",),
    "accepts_sms_marketing": ("Accepts SMS Marketing",),
}


class ShopifyCustomers:
    """Shopify's customer export."""

    kind: ClassVar[str] = "shopify_customers"
    label: ClassVar[str] = N_("Shopify customers")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for the export's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the customers and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}

        def text(*names: str) -> str:
            found = next((columns[name] for name in names if name in columns), None)
            return values.text(*found) if found else "cast(null as varchar)"

        found = {
            "email": text("Email"),
            "phone": text("Phone", "Default Address Phone"),
            "id": text("Customer ID"),
            "name": f"nullif(trim(concat_ws(' ', {text('First Name')}, {text('Last Name')})), '')",
            "customer_key": "coalesce(lower(email), id, phone)",
            **{word: text(*names) for word, names in _ATTRIBUTES.items()},
        }
        pairs = ", ".join(f"{quoted(word)}, max({word})" for word in _ATTRIBUTES)
        customers = (
            f"select customer_key, max(name), max(email), json_object({pairs}) from good "
            "group by customer_key"
        )
        label = "Email"
        checks = (Check(label, N_("is missing"), "customer_key is null"),)
        return Reading(SOURCE, found, checks, customers=customers)
