"""A test of e-mails with a control group, in the shape of Kevin Hillstrom's (2008).

Each row is a customer: what they bought before, which message they got (or none), whether they
came, bought, and for how much in the two weeks after. The file has no days: all stands on the day
on which the test was published.
"""

from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import (
    Check,
    Emit,
    Head,
    Reading,
    ReadOptions,
    Stage,
    StagedColumn,
)
from springtide.kit.errors import N_
from springtide.kit.money import exponent
from springtide.kit.sql import quoted

_COLUMNS = {"recency", "history", "segment", "visit", "conversion", "spend"}
_DAY = "2008-03-20"
_CONTROL = "No E-Mail"
_ATTRIBUTES = (
    "recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel",
    "segment",
)  # fmt: skip


class EmailTest:
    """A test of e-mails with a control group."""

    kind: ClassVar[str] = "email_test"
    label: ClassVar[str] = N_("E-mail test with a control group")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 85 for the test's columns."""
        return 85 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the customers and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}

        def text(name: str) -> str:
            return values.text(*columns[name]) if name in columns else "cast(null as varchar)"

        found = {
            **{f"v_{name}": text(name) for name in _ATTRIBUTES},
            "buyer": "coalesce(" + text("row_id") + ", cast(row_no as varchar))",
            "came": text("visit"),
            "bought": text("conversion"),
            **values.minor("spent", columns["spend"], exponent=exponent(options.currency)),
            **values.instants("moment", StagedColumn(quoted(_DAY), "VARCHAR"), zone=options.zone),
        }
        checks = (
            Check("segment", N_("is missing"), "v_segment is null"),
            Check("visit", N_("is neither 0 nor 1"), "came is null or came not in ('0', '1')"),
            Check(
                "conversion", N_("is neither 0 nor 1"), "bought is null or bought not in ('0', '1')"
            ),
            Check("spend", N_("is not an amount"), "spent is null"),
            Check("spend", N_("is negative"), "spent < 0"),
        )
        pairs = ", ".join(f"'{name}', v_{name}" for name in _ATTRIBUTES)
        is_mailed = f"v_segment <> {quoted(_CONTROL)}"
        emits = (
            _emit("message", is_mailed, reference="v_segment", campaign_key="'email test'"),
            _emit("view", "came = '1'"),
            _emit("order", "bought = '1'", **_BOUGHT),
            _emit("payment", "bought = '1'", **_BOUGHT),
        )
        customers = f"select buyer, null, null, json_object({pairs}) from good"
        return Reading("email_test", found, checks, emits, customers=customers)


_BOUGHT = {"order_key": "buyer", "amount_minor": "spent", "quantity": "1"}


def _emit(kind: str, where: str, **more: str) -> Emit:
    columns = {
        "kind": f"'{kind}'",
        "external_id": fact_ids.build_sql(kind, "buyer"),
        "occurred_at": "moment",
        "customer_key": "buyer",
    }
    return Emit(columns | more, where)
