"""Every table of the state, whichever room keeps it, and its rows into another database."""

import importlib
import pkgutil
from functools import cache

from sqlalchemy import Connection, Table, delete, func, insert, select, text

import springtide
from springtide.kit.db import metadata
from springtide.kit.findings import Watch

_PORTION = 5_000
#: The number of the last migration, which the migrations keep themselves.
VERSION_TABLE = "alembic_version"


class RowsLost(Exception):
    """A copy of the state is not what was copied: a fault of ours."""


@cache
def every_table() -> tuple[Table, ...]:
    """Return every table that a room declares, those that others rest on first."""
    for info in pkgutil.walk_packages(springtide.__path__, "springtide."):
        parts = info.name.split(".")
        if parts[1] in ("domain", "flows", "kit") and parts[2:3] != ["actions"]:
            importlib.import_module(info.name)
    return tuple(metadata.sorted_tables)


def count_rows(tx: Connection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {
        table.name: int(tx.execute(select(func.count()).select_from(table)).scalar_one())
        for table in every_table()
    }


def copy_rows(source: Connection, target: Connection, watch: Watch, *, stage: str) -> None:
    """Bring every row of a database into another at the same migration, in place of its rows."""
    tables = every_table()
    for table in reversed(tables):
        target.execute(delete(table))
    counts = count_rows(source)
    total, done = sum(counts.values()), 0
    reading = source.execution_options(stream_results=True, yield_per=_PORTION)
    for table in tables:
        for rows in reading.execute(select(table)).mappings().partitions(_PORTION):
            target.execute(insert(table), [dict(row) for row in rows])
            done += len(rows)
            watch(stage, done, total)
        _number_on(target, table)
    if count_rows(target) != counts:
        raise RowsLost("a table has other rows than were brought")


def _number_on(target: Connection, table: Table) -> None:
    """Let PostgreSQL number new rows after those that were brought."""
    column = table.autoincrement_column
    if column is None or target.dialect.name != "postgresql":
        return
    sequence = target.execute(
        text("select pg_get_serial_sequence(:table, :column)"),
        {"table": table.name, "column": column.name},
    ).scalar()
    if sequence is not None:
        target.execute(
            text(
                f"select setval(:sequence, coalesce(max({column.name}), 1), "
                f"max({column.name}) is not null) from {table.name}"
            ),
            {"sequence": sequence},
        )
