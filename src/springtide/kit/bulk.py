"""Many rows in one statement, with the cost of one: for batches that must be quick.

On PostgreSQL the rows travel as one array a column, on SQLite the driver repeats one prepared
statement; the text of a statement never depends on the number of rows.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Dialect, String, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

from springtide.kit.canonical import to_json

_DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
}


def insert_rows(tx: Connection, table: Table, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows, each with a value for every column of ``columns_of(table)``, in its order."""
    if not rows:
        return
    name = tx.dialect.name
    _run(tx, _insert_text(table, name), _processed(rows, _processors(columns_of(table), name)))


def update_rows(
    tx: Connection, table: Table, changed: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Set the columns ``changed`` of rows: each row names its primary key, then the new values."""
    if not rows:
        return
    name = tx.dialect.name
    columns = [*table.primary_key.columns, *(table.c[each] for each in changed)]
    processed = _processed(rows, _processors(tuple(columns), name))
    if name == "sqlite":
        keys = len(columns) - len(changed)
        processed = [(*row[keys:], *row[:keys]) for row in processed]
    _run(tx, _update_text(table, tuple(changed), name), processed)


def rows_by(
    tx: Connection, table: Table, column: str, values: Iterable[Any], *, suffix: str = "",
    **same: Any,
) -> list[Any]:  # fmt: skip
    """Return the rows of a table whose column is one of the values and whose others are ``same``.

    ``suffix`` is SQL after the condition, such as an order.
    """
    read = _processors((table.c[column],), tx.dialect.name)[0]
    wanted = list(dict.fromkeys(values if read is None else map(read, values)))
    if not wanted:
        return []
    name = tx.dialect.name
    fixed = tuple(table.c[each] for each in same)
    plain = _processed([tuple(same.values())], _processors(fixed, name))[0]
    mark = "?" if name == "sqlite" else "%s"
    conditions = [f"{each.name} = {mark}" for each in fixed]
    columns = ", ".join(each.name for each in table.columns)
    rows = []
    if name == "sqlite":
        # One parameter for all: a limit of parameters would cut the batch.
        conditions.append(f"{column} in (select value from json_each(?))")
        parameters: tuple[Any, ...] = (*plain, to_json(wanted))
    else:
        conditions.append(f"{column} = any(%s)")
        parameters = (*plain, wanted)
    text = f"select {columns} from {table.name} where {' and '.join(conditions)} {suffix}"
    readers = _readers(table, name)
    for row in tx.exec_driver_sql(text, parameters):
        rows.append(
            [
                value if read is None else read(value)
                for value, read in zip(row, readers, strict=True)
            ]
        )
    return rows


@cache
def columns_of(table: Table) -> tuple[Column[Any], ...]:
    """Return the columns that ``insert_rows`` wants: all that the database does not number."""
    return tuple(column for column in table.columns if not column.info.get("numbered"))


def _run(tx: Connection, text: str, rows: list[tuple[Any, ...]]) -> None:
    if tx.dialect.name == "sqlite":
        tx.exec_driver_sql(text, rows)
    else:
        tx.exec_driver_sql(text, tuple(list(column) for column in zip(*rows, strict=True)))


@cache
def _insert_text(table: Table, dialect: str) -> str:
    columns = columns_of(table)
    names = ", ".join(f'"{column.name}"' for column in columns)
    if dialect == "sqlite":
        marks = ", ".join("?" for _ in columns)
        return f"insert into {table.name} ({names}) values ({marks})"
    arrays = ", ".join(_array(column) for column in columns)
    return f"insert into {table.name} ({names}) select * from unnest({arrays})"


@cache
def _update_text(table: Table, changed: tuple[str, ...], dialect: str) -> str:
    keys = list(table.primary_key.columns)
    if dialect == "sqlite":
        sets = ", ".join(f'"{name}" = ?' for name in changed)
        return f"update {table.name} set {sets} where " + " and ".join(
            f'"{key.name}" = ?' for key in keys
        )
    sets = ", ".join(f'"{name}" = given."{name}"' for name in changed)
    columns = [*keys, *(table.c[name] for name in changed)]
    names = ", ".join(f'"{column.name}"' for column in columns)
    arrays = ", ".join(_array(column) for column in columns)
    where = " and ".join(f'{table.name}."{key.name}" = given."{key.name}"' for key in keys)
    return f"update {table.name} set {sets} from unnest({arrays}) as given({names}) where {where}"


def _array(column: Column[Any]) -> str:
    # A cast to varchar(n) would cut a text that is too long without a word; text lets it fail.
    is_text = isinstance(column.type.dialect_impl(_DIALECTS["postgresql"]), (String, Text))
    type_ = "text" if is_text else column.type.compile(dialect=_DIALECTS["postgresql"])
    return f"%s::{type_}[]"


Processor = Callable[[Any], Any]


@cache
def _processors(columns: tuple[Column[Any], ...], dialect: str) -> list[Processor | None]:
    known = _DIALECTS[dialect]
    return [column.type.dialect_impl(known).bind_processor(known) for column in columns]


@cache
def _readers(table: Table, dialect: str) -> list[Processor | None]:
    known = _DIALECTS[dialect]
    return [
        column.type.dialect_impl(known).result_processor(known, None) for column in table.columns
    ]


def _processed(
    rows: Sequence[Sequence[Any]], processors: Sequence[Processor | None]
) -> list[tuple[Any, ...]]:
    if not any(processors):
        return [tuple(row) for row in rows]
    return [
        tuple(
            value if process is None else process(value)
            for value, process in zip(row, processors, strict=True)
        )
        for row in rows
    ]
