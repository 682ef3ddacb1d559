"""Reading facts: one relation ``facts``, sealed and tail together, each current fact once.

The reader looks at the tail first and at the lake after it. A row leaves the tail only after the
lake has it, so a row that is missing from the tail is in the lake that is read later; a row that
is in both is told by its ``seq``, which is not above the lake's ``sealed_seq``. Under any
interleaving of appends, seals and reads each fact is there exactly once.
"""

import json
import re
import tempfile
import threading
from collections import Counter, OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from sqlglot import exp

from springtide.domain.facts import agreement, store
from springtide.domain.facts.lake import MONTH, Lake, Snapshot, scan
from springtide.domain.facts.model import COLUMNS, Given
from springtide.kit.canonical import to_json
from springtide.kit.db import Database
from springtide.kit.sql import quoted

Params = Mapping[str, Any] | Sequence[Any] | None
Rows = list[tuple[Any, ...]]
# Answers kept: this many, each of at most so many rows.
KEPT_ANSWERS = 512
KEPT_ROWS = 5_000
# Tables kept of what questions are given, beside those in use.
KEPT_TABLES = 8

_TAIL_COLUMNS = {"seq": "BIGINT", **COLUMNS}
_ENCODER = msgspec.json.Encoder()
_INSTANT = "TIMESTAMP WITH TIME ZONE"
# A text in quotes or a number: which one it is does not change the type of a column.
_LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")


class FactReader:
    """Answers questions to facts in SQL of DuckDB's dialect; one a process, safe for threads."""

    def __init__(
        self,
        database: Database,
        lake: Lake,
        *,
        threads: int = 2,
        memory: str = "1GB",
        kept_answers: int = KEPT_ANSWERS,
    ) -> None:
        self.database = database
        self._lake = lake
        self._connection = lake.connect(threads=threads, memory=memory)
        self._lock = threading.Lock()
        self._kept_answers = kept_answers
        self._seen_seq = -1
        self._snapshot: Snapshot | None = None
        self._corrections = 0
        self._states: dict[datetime, Hashable] = {}
        self._answers: OrderedDict[Any, Rows] = OrderedDict()
        self._shapes: dict[str, tuple[str, ...]] = {}
        columns = ", ".join(f"{name} {type_}" for name, type_ in _TAIL_COLUMNS.items())
        self._connection.execute(f"create table tail ({columns}, month VARCHAR)")
        self._given = _GivenTables(self._connection)

    def version(self, *, before: datetime | None = None) -> Hashable:
        """Return a value that changes whenever the facts (``before`` an instant) do."""
        with self._lock:
            return self._state(before)

    def rows(
        self,
        query: str | exp.Expression,
        params: Params = None,
        *,
        before: datetime | None = None,
        given: Given | None = None,
        is_kept: bool = True,
    ) -> Rows:
        """Answer a query over ``facts``; instants come as aware UTC datetimes.

        The answer to the same query on the same facts is kept: do not change the list. ``before``
        promises that the query reads only facts that occurred earlier, so that what happens later
        leaves its answer standing. ``given`` is a relation that the query uses beside ``facts``.
        Without ``is_kept`` the answer is not kept: for questions that nobody asks twice.
        """
        sql = query if isinstance(query, str) else query.sql(dialect="duckdb")
        with self._lock:
            asked = _hashable(params) if is_kept else None
            key = (sql, asked, self._state(before), given)
            kept = self._answers.get(key) if key[1] is not None else None
            if kept is not None:
                self._answers.move_to_end(key)
                return kept
            table = self._given.hold(given, self._state(given.before)) if given else ""
            cursor = self._connection.cursor()
        try:
            if given:
                sql = re.sub(rf"\b{given.name}\b", table, sql)
            answer = self._ask(cursor, sql, params)
        finally:
            cursor.close()
            if given:
                with self._lock:
                    self._given.release(table)
        if key[1] is not None and len(answer) <= KEPT_ROWS:
            with self._lock:
                self._answers[key] = answer
                while len(self._answers) > self._kept_answers:
                    self._answers.popitem(last=False)
        return answer

    def close(self) -> None:
        """Close the in-memory database."""
        self._connection.close()

    def _ask(self, cursor: duckdb.DuckDBPyConnection, sql: str, params: Params) -> Rows:
        # DuckDB hands out an instant with a zone only through pytz. Ours leave it as plain UTC
        # time and get their zone here.
        types = self._types(cursor, sql, params)
        instants = [place for place, type_ in enumerate(types) if type_ == _INSTANT]
        if not instants:
            return cursor.execute(sql, params).fetchall()
        names = [f"c{place}" for place in range(len(types))]
        plain = ", ".join(
            f"timezone('UTC', {name})" if type_ == _INSTANT else name
            for name, type_ in zip(names, types, strict=True)
        )
        query = f"select {plain} from ({sql}) as answer({', '.join(names)})"
        answer = []
        for row in cursor.execute(query, params).fetchall():
            values = list(row)
            for place in instants:
                if values[place] is not None:
                    values[place] = values[place].replace(tzinfo=UTC)
            answer.append(tuple(values))
        return answer

    def _types(
        self, cursor: duckdb.DuckDBPyConnection, sql: str, params: Params
    ) -> tuple[str, ...]:
        """Return the types of a query's columns; queries that differ in literals share them."""
        shape = _LITERAL.sub("?", sql)
        types = self._shapes.get(shape)
        if types is None:
            described = cursor.execute(f"describe {sql}", params).fetchall()
            types = tuple(type_ for _, type_, *_ in described)
            if len(self._shapes) > KEPT_ANSWERS:
                self._shapes.clear()
            self._shapes[shape] = types
        return types

    def _refresh(self) -> tuple[int, int]:
        # The tail first, the lake second: see above.
        first = self._seen_seq < 0
        with self.database.read() as tx:
            known = agreement.known(tx)
            seq = store.last_seq(tx)
            fresh = store.rows_after(tx, self._seen_seq) if seq != self._seen_seq else []
            # PostgreSQL looks anew at each statement: rows may be newer than the counter read.
            seq = max(seq, fresh[-1]["seq"]) if fresh else seq
        snapshot = self._lake.snapshot()
        agreement.hold(self._lake, known, snapshot)
        if seq != self._seen_seq or snapshot is not self._snapshot:
            fresh = [row for row in fresh if row["seq"] > snapshot.sealed_seq]
            self._connection.execute("begin")
            try:
                corrections = self._take(fresh, snapshot)
                if first or snapshot is not self._snapshot or corrections != self._corrections:
                    self._connection.execute(self._view(snapshot, corrections > 0))
                self._connection.execute("commit")
            except BaseException:
                self._connection.execute("rollback")
                raise
            self._seen_seq, self._snapshot, self._corrections = seq, snapshot, corrections
            self._states.clear()
        return snapshot.version, seq

    def _state(self, before: datetime | None) -> Hashable:
        """Bring the facts up to date; return what changes whenever those asked for do."""
        version = self._refresh()
        if before is None:
            return version
        if before not in self._states:
            # A newer version may have moved a fact from before the instant to after it.
            tail = self._connection.execute(
                "select count(*), max(seq) from tail where occurred_at < ? or version > 1", [before]
            ).fetchall()
            files = self._snapshot.files if self._snapshot else ()
            earlier = frozenset(file.path for file in files if file.first_at < before)
            self._states[before] = (*tail, earlier)
        return self._states[before]

    def _take(self, fresh: Sequence[Mapping[str, Any]], snapshot: Snapshot) -> int:
        """Bring the tail's copy up to date; return how many of its rows are later versions."""
        connection = self._connection
        is_sealed_anew = snapshot is not self._snapshot
        has_later = any(row["version"] > 1 for row in fresh)
        if is_sealed_anew:
            connection.execute("delete from tail where seq <= ?", [snapshot.sealed_seq])
        if fresh:
            load_rows(connection, "tail", fresh)
        if has_later:
            connection.execute(
                "delete from tail as old using tail as newer where newer.version > 1 "
                "and newer.shop = old.shop and newer.source = old.source "
                "and newer.external_id = old.external_id and newer.seq > old.seq"
            )
        if not is_sealed_anew and not has_later:
            return self._corrections
        ((corrections,),) = connection.execute(
            "select count(*) from tail where version > 1"
        ).fetchall()
        return int(corrections)

    def _view(self, snapshot: Snapshot, has_corrections: bool) -> str:
        columns = ", ".join(COLUMNS)
        parts = [f"select {columns}, month from tail"]
        if snapshot.files:
            sealed = (
                f"select {columns}, month from {scan(self._lake.locate(snapshot.files))} as sealed"
            )
            if has_corrections:
                # A newer version waits in the tail: the sealed one no longer counts.
                sealed += (
                    " where not exists (select 1 from tail where tail.version > 1 "
                    "and tail.shop = sealed.shop and tail.source = sealed.source "
                    "and tail.external_id = sealed.external_id)"
                )
            parts.insert(0, sealed)
        return f"create or replace view facts as {' union all '.join(parts)}"


class _GivenTables:
    """Tables that hold what questions are given; the caller has the reader's lock."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._tables: OrderedDict[Hashable, str] = OrderedDict()
        self._users: Counter[str] = Counter()
        self._count = 0

    def hold(self, given: Given, state: Hashable) -> str:
        """Return the table of a relation in a state of the facts, made now if need be."""
        key = (given, state)
        if key not in self._tables:
            self._count += 1
            self._tables[key] = table = f"given_{self._count}"
            self._connection.execute(f"create table {table} as {given.query}")
        self._tables.move_to_end(key)
        self._users[self._tables[key]] += 1
        return self._tables[key]

    def release(self, table: str) -> None:
        """Note that a question is answered; drop what is old and no question uses."""
        self._users[table] -= 1
        old = list(self._tables.items())[:-KEPT_TABLES]
        for key, name in old:
            if self._users[name] <= 0:
                self._connection.execute(f"drop table {name}")
                del self._tables[key], self._users[name]


def load_rows(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Put rows of the tail into a DuckDB table with the columns ``seq``, a fact's and ``month``.

    Through a file of JSON lines: five times as fast as bound lists, and needs no Arrow.
    """
    lines = [
        {
            **{name: row[name] for name in _TAIL_COLUMNS},
            "props": to_json(row["props"]),
        }
        for row in rows
    ]
    types = ", ".join(f"'{name}': '{type_}'" for name, type_ in _TAIL_COLUMNS.items())
    with tempfile.TemporaryDirectory(prefix="springtide-") as folder:
        path = Path(folder) / "rows.ndjson"
        path.write_bytes(_ENCODER.encode_lines(lines))
        connection.execute(
            f"insert into {table} by name select *, {MONTH} as month "
            f"from read_json({quoted(str(path))}, format = 'newline_delimited', "
            f"columns = {{{types}}})"
        )


def _hashable(params: Params) -> str | None:
    if params is None:
        return ""
    try:
        return json.dumps(params, default=str, sort_keys=True)
    except TypeError:
        return None
