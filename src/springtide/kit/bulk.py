"""Many rows in one statement, with the cost of one: for batches that must be quick.

On PostgreSQL the rows travel as one JSON document that the server takes apart: an array a column
costs the driver ten times as much. On SQLite they are values of one statement, in portions of a
few sizes so that statements are kept prepared: row by row, the driver would let other threads in
between any two, and wait for its turn again.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import chain
from typing import Any

import msgspec
from sqlalchemy import Column, Connection, Dialect, String, Table, Text
from sqlalchemy.dialects import postgresql, sqlite

from springtide.kit.canonical import to_json
from springtide.kit.db import Json

#: Parameters of one statement: SQLite's limit is 32,766.
_PARAMETERS = 8_192
_DIALECTS: dict[str, Dialect] = {
    "sqlite": sqlite.dialect(),
    "postgresql": postgresql.dialect(),  # type: ignore[no-untyped-call]
}


def insert_rows(
    tx: Connection,
    table: Table,
    rows: Sequence[Sequence[Any]],
    *,
    adding: Sequence[str] = (),
    replacing: Sequence[str] = (),
    by: Sequence[str] = (),
) -> None:
    """Insert rows, each with a value for every column of ``columns_of(table)``, in its order.

    Where another transaction was first with a key (the primary one, or the columns ``by``), the
    columns named by ``adding`` are added to its row and those by ``replacing`` written over its;
    without any it is refused. Rows that may be another's are written in the order of their keys,
    so that no two batches wait for each other in a ring.
    """
    if not rows:
        return
    columns = columns_of(table)
    if adding or replacing:
        rows = _in_order(rows, columns, by or table.primary_key.columns.keys())
    names = ", ".join(f'"{column.name}"' for column in columns)
    text = f"insert into {table.name} ({names}) {{given}}"
    if adding or replacing:
        keys = ", ".join(f'"{key}"' for key in by or table.primary_key.columns.keys())
        sets = [f'"{name}" = {table.name}."{name}" + excluded."{name}"' for name in adding]
        sets += [f'"{name}" = excluded."{name}"' for name in replacing]
        text += f" on conflict ({keys}) do update set {', '.join(sets)}"
    _run(tx, text, rows, columns)


def update_rows(
    tx: Connection, table: Table, changed: Sequence[str], rows: Sequence[Sequence[Any]]
) -> None:
    """Set the columns ``changed`` of rows: each row names its primary key, then the new values."""
    if not rows:
        return
    keys = tuple(table.primary_key.columns)
    columns = (*keys, *(table.c[each] for each in changed))
    places = {column.name: place for place, column in enumerate(columns, 1)}
    sets = ", ".join(f'"{name}" = given.column{places[name]}' for name in changed)
    where = " and ".join(
        f'{table.name}."{key.name}" = given.column{places[key.name]}' for key in keys
    )
    text = f"update {table.name} set {sets} from ({{given}}) as given where {where}"
    _run(tx, text, rows, columns)


def rows_by(
    tx: Connection, table: Table, column: str, values: Iterable[Any], *, suffix: str = "",
    **same: Any,
) -> list[Any]:  # fmt: skip
    """Return the rows of a table whose column is one of the values and whose others are ``same``.

    ``suffix`` is SQL after the condition; on PostgreSQL it is applied value by value.
    """
    read = _processors((table.c[column],), tx.dialect.name)[0]
    wanted = list(dict.fromkeys(values if read is None else map(read, values)))
    if not wanted:
        return []
    name = tx.dialect.name
    fixed = tuple(table.c[each] for each in same)
    plain = _processed([tuple(same.values())], _processors(fixed, name))[0]
    columns = ", ".join(f"{table.name}.{each.name}" for each in table.columns)
    where = " and ".join(f"{table.name}.{each.name} = {{mark}}" for each in fixed)
    # One parameter for all values: a limit of parameters would cut the batch.
    if name == "sqlite":
        parameters: tuple[Any, ...] = (*plain, to_json(wanted))
        each = f"{table.name}.{column} in (select value from json_each(?))"
        where = where.format(mark="?")
        text = f"select {columns} from {table.name} where {where} and {each} {suffix}"
    else:
        # The fence (offset 0) lets the plan be one look into the index a value, whatever the
        # server believes of the table: a join is planned badly while a table is new.
        parameters = (msgspec.json.encode(wanted).decode(), *plain)
        on = f"{table.name}.{column} = wanted.value::{_type(table.c[column])}"
        found = f"select * from {table.name} where {on} and {where.format(mark='%s')} {suffix}"
        text = (
            f"select {columns} from json_array_elements_text(%s::json) as wanted(value)"
            f" cross join lateral ({found} offset 0) as {table.name}"
        )
    rows = []
    readers = _readers(table, name)
    for row in tx.exec_driver_sql(text, parameters):
        rows.append(
            [
                value if read is None else read(value)
                for value, read in zip(row, readers, strict=True)
            ]
        )
    return rows


def _in_order(
    rows: Sequence[Sequence[Any]], columns: Sequence[Column[Any]], keys: Sequence[str]
) -> list[Sequence[Any]]:
    """Return rows in the order of their keys: in which each is locked, the same for everybody."""
    places = [[column.name for column in columns].index(key) for key in keys]
    return sorted(rows, key=lambda row: [row[place] for place in places])


@cache
def columns_of(table: Table) -> tuple[Column[Any], ...]:
    """Return the columns that ``insert_rows`` wants: all that the database does not number."""
    return tuple(column for column in table.columns if not column.info.get("numbered"))


def _run(
    tx: Connection, text: str, rows: Sequence[Sequence[Any]], columns: tuple[Column[Any], ...]
) -> None:
    name = tx.dialect.name
    processed = _processed(rows, _processors(columns, name))
    if name == "postgresql":
        names = [f"column{place}" for place in range(1, len(columns) + 1)]
        records = [dict(zip(names, row, strict=True)) for row in processed]
        statement = text.format(given=_records(columns))
        tx.exec_driver_sql(statement, (msgspec.json.encode(records).decode(),))
        return
    begin = 0
    row = f"({', '.join('?' for _ in columns)})"
    for size in _portions(len(processed), _PARAMETERS // len(columns)):
        portion = processed[begin : begin + size]
        begin += size
        values = f"values {', '.join([row] * size)}"
        tx.exec_driver_sql(text.format(given=values), tuple(chain.from_iterable(portion)))


def _portions(count: int, most: int) -> Iterable[int]:
    """Return sizes, powers of two, that sum to a count.

    >>> list(_portions(200, 64))
    [64, 64, 64, 8]
    """
    size = 1 << (most.bit_length() - 1)
    while count:
        while size > count:
            size >>= 1
        yield size
        count -= size


@cache
def _records(columns: tuple[Column[Any], ...]) -> str:
    """Return the query whose rows are those of one parameter, a list of records in JSON."""
    typed = [f"column{place} {_type(column)}" for place, column in enumerate(columns, 1)]
    return f"select * from json_to_recordset(%s::json) as given({', '.join(typed)})"


def _type(column: Column[Any]) -> str:
    # A cast to varchar(n) would cut a text that is too long without a word; text lets it fail.
    is_text = isinstance(column.type.dialect_impl(_DIALECTS["postgresql"]), (String, Text))
    return "text" if is_text else str(column.type.compile(dialect=_DIALECTS["postgresql"]))


Processor = Callable[[Any], Any]


@cache
def _processors(columns: tuple[Column[Any], ...], dialect: str) -> list[Processor | None]:
    known = _DIALECTS[dialect]
    return [
        _write_json if isinstance(column.type, Json)
        else column.type.dialect_impl(known).bind_processor(known)
        for column in columns
    ]  # fmt: skip


def _write_json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value, order="sorted").decode()


@cache
def _readers(table: Table, dialect: str) -> list[Processor | None]:
    known = _DIALECTS[dialect]
    return [
        column.type.dialect_impl(known).result_processor(known, None) for column in table.columns
    ]


def _processed(
    rows: Sequence[Sequence[Any]], processors: Sequence[Processor | None]
) -> list[tuple[Any, ...]]:
    """Return rows as the driver takes them; a value that stands in many is processed once."""
    if not any(processors):
        return [tuple(row) for row in rows]
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
    for place, process in enumerate(processors):
        if process is not None:
            columns[place] = _column(columns[place], process)
    return list(zip(*columns, strict=True))


def _column(values: Sequence[Any], process: Processor) -> list[Any]:
    found = []
    before = done = None
    for value in values:
        # Most columns hold one value over and over: the shop, the instant.
        if value is not before:
            before, done = value, process(value)
        found.append(done)
    return found
