"""Reads: what imports did, and the sum of a shop's facts beside the rows that were refused."""

from uuid import UUID

from sqlalchemy import Connection, RowMapping, func, select
from sqlglot import exp

from springtide.domain.facts.reader import FactReader
from springtide.domain.imports import store
from springtide.domain.imports.model import ImportRecord, RowCounts, Summary
from springtide.domain.imports.records import read_problem
from springtide.domain.imports.reports import whole
from springtide.kit.errors import N_, NotFound
from springtide.kit.ids import outward


def summary_query() -> exp.Expression:
    """Return the question behind ``summary``: one row a kind; parameter ``shop``."""
    return (
        exp.select(
            "kind",
            "count(*) as facts",
            "min(occurred_at) as first_at",
            "max(occurred_at) as last_at",
            "sum(amount_minor) as amount_minor",
        )
        .from_("facts")
        .where("shop = $shop")
        .group_by("kind")
        .order_by("kind")
    )


def people_query() -> exp.Expression:
    """Return the question for distinct customers and orders; parameter ``shop``."""
    return (
        exp.select("count(distinct customer_key)", "count(distinct order_key)")
        .from_("facts")
        .where("shop = $shop")
    )


# Made once: putting a query together costs milliseconds.
_SUMMARY = summary_query().sql(dialect="duckdb")
_PEOPLE = people_query().sql(dialect="duckdb")


def summary(reader: FactReader, shop: str) -> Summary:
    """Sum up a shop's facts, and the rows its imports rejected (each file counted once)."""
    kinds = reader.rows(_SUMMARY, {"shop": shop})
    ((customers, orders),) = reader.rows(_PEOPLE, {"shop": shop})
    amounts = {kind: int(amount) for kind, _, _, _, amount in kinds}
    paid, refunded = amounts.get("payment", 0), amounts.get("refund", 0)
    return Summary(
        kinds={kind: count for kind, count, *_ in kinds},
        first_at=min((row[2] for row in kinds), default=None),
        last_at=max((row[3] for row in kinds), default=None),
        customers=customers,
        orders=orders,
        gross_minor=amounts.get("order", 0),
        paid_minor=paid,
        refunded_minor=refunded,
        net_minor=paid - refunded,
        rejected=rejected_rows(reader, shop),
    )


def rejected_rows(reader: FactReader, shop: str) -> int:
    """Return the rows that a shop's imports rejected; a file imported twice counts once."""
    table = store.imports
    latest = (
        select(
            table.c.rejected_count,
            func.row_number()
            .over(
                partition_by=table.c.sha256, order_by=(table.c.started_at.desc(), table.c.id.desc())
            )
            .label("place"),
        )
        .where(table.c.shop == shop, table.c.state == "done")
        .subquery()
    )
    with reader.database.read() as tx:
        total = tx.execute(
            select(func.coalesce(func.sum(latest.c.rejected_count), 0)).where(latest.c.place == 1)
        ).scalar_one()
    return int(total)


def imports(tx: Connection, *, shop_id: UUID, limit: int = 50) -> list[ImportRecord]:
    """Return a shop's imports, the newest first."""
    table = store.imports
    query = (
        select(table)
        .where(table.c.shop_id == shop_id)
        .order_by(table.c.started_at.desc(), table.c.id.desc())
        .limit(limit)
    )
    return [_record(row) for row in tx.execute(query).mappings()]


def import_record(tx: Connection, *, shop_id: UUID, import_id: UUID) -> ImportRecord:
    """Return one import of a shop (``NotFound``)."""
    table = store.imports
    row = (
        tx.execute(select(table).where(table.c.shop_id == shop_id, table.c.id == import_id))
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise NotFound(what=N_("import"), key=outward("imp", import_id))
    return _record(row)


def _record(row: RowMapping) -> ImportRecord:
    counts = ("read", "new", "changed", "unchanged", "rejected")
    same = (
        "id", "shop_id", "shop", "file_name", "sha256", "format", "state", "stage",
        "rejects_file", "started_at", "finished_at", "told_at",
    )  # fmt: skip
    return ImportRecord(
        **{name: row[name] for name in same},
        problem=read_problem(row["problem"]),
        rows=RowCounts(**{name: row[f"{name}_count"] for name in counts}),
        progress=row["progress"] or {},
        report=whole(row["report"] or {}),
    )
