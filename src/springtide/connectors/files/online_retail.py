"""Order lines in the shape of the Online Retail data sets (UCI 352 and 502).

Invoices that begin with C are cancellations, which are refunds here. Codes that do not begin with
five digits are services and fees (POST, DOT, M, BANK CHARGES …): money without a product. Rows of
no price or, outside cancellations, of a negative number are corrections of the stock, and invoices
that begin with A settle bad debt: no sale, left out. Equal rows are lines of their own, as the
published sums count them.
"""

from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import MissingColumns, header_row
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import Check, Emit, Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.money import exponent

_FORMS = (
    ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID"),
    (
        "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice",
        "CustomerID",
    ),
)  # fmt: skip


class OnlineRetail:
    """Order lines as in Online Retail."""

    kind: ClassVar[str] = "online_retail"
    label: ClassVar[str] = N_("Order lines as in Online Retail")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 85 for the columns of either form."""
        return 85 if _form(head) else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines and say how they are read."""
        form = _form(head)
        if form is None:
            header_row(head, set(_FORMS[0]))
            raise MissingColumns(file=head.name, missing=", ".join(_FORMS[0]), seen="")
        loaded = stage.load(head, header_row(head, set(form)))
        columns = {name.strip(): column for name, column in loaded.items()}
        invoice, code, title, quantity, date, price, customer = (columns[name] for name in form)
        found = {
            "invoice": values.text(*invoice),
            "code": values.text(*code),
            "title": values.text(*title),
            "buyer": f"regexp_replace({values.text(*customer)}, '\\.0$', '')",
            **values.integers("pieces", quantity),
            **values.numbers("price", price),
            **values.instants("iso", date, zone=options.zone),
            **values.instants(
                "american", date, zone=options.zone, formats=("%m/%d/%Y %H:%M", "%m/%d/%y %H:%M")
            ),
            "moment": "coalesce(iso, american)",
            "is_cancelled": "starts_with(invoice, 'C')",
            "amount": "try_cast(try(round(abs(price * pieces) * "
            f"{10 ** exponent(options.currency)})) as bigint)",
            "product": r"case when regexp_matches(code, '^\d{5}') then code end",
            "name": "invoice || ':' || code",
        }
        checks = (
            Check(form[0], N_("is missing"), "invoice is null"),
            Check(form[1], N_("is missing"), "code is null"),
            Check(form[3], N_("is not a whole number"), "pieces is null"),
            Check(form[4], N_("is not a possible time"), values.impossible("moment")),
            Check(form[5], N_("is not an amount"), "amount is null"),
        )
        sale, back = "not is_cancelled", "is_cancelled"
        return Reading(
            "online_retail",
            found,
            checks,
            (_emit("order", sale), _emit("payment", sale), _emit("refund", back)),
            products="select product, max(title), null, null, null, null from good "
            "where product is not null group by product",
            customers="select buyer, null, null, null from good where buyer is not null "
            "group by buyer",
            labels={"external_id": f"{form[0]} + {form[1]}"},
            numbered=("name",),
            left_out="price = 0 or (pieces <= 0 and not is_cancelled) or starts_with(invoice, 'A')",
        )


def _form(head: Head) -> tuple[str, ...] | None:
    return next((form for form in _FORMS if head.row_with(set(form)) is not None), None)


def _emit(kind: str, where: str) -> Emit:
    return Emit(
        {
            "kind": f"'{kind}'",
            "external_id": fact_ids.numbered_sql(fact_ids.build_sql(kind, "name")),
            "occurred_at": "moment",
            "customer_key": "buyer",
            "product_key": "product",
            "sku_key": "code",
            "order_key": "invoice",
            "quantity": "abs(pieces)",
            "amount_minor": "amount",
        },
        where,
    )
