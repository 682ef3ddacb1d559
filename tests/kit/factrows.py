"""Facts in memory: a reader over hand-made rows, answering by DuckDB as the real one does."""

import json
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb
from sqlglot import exp

from springtide.domain.facts.lake import MONTH
from springtide.domain.facts.model import COLUMNS, Fact, Given


class MemoryFacts:
    """Holds facts in DuckDB's memory under the relation ``facts``."""

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._con = duckdb.connect()
        self._con.execute("set timezone = 'UTC'")
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        self._con.execute(f"create table facts ({columns}, month varchar as ({MONTH}))")
        self._count = 0
        self.asked: list[str] = []
        self.add(facts)

    def add(self, facts: Iterable[Fact]) -> None:
        """Put more facts in."""
        rows = list(facts)
        self._count += len(rows)
        if not rows:
            return
        columns = [[_cell(fact, name) for fact in rows] for name in COLUMNS]
        # One list a column: a row at a time takes DuckDB a millisecond each.
        picked = ", ".join(f"unnest(cast(? as {kind}[]))" for kind in COLUMNS.values())
        self._con.execute(f"insert into facts ({', '.join(COLUMNS)}) select {picked}", columns)

    def rows(
        self,
        query: str | exp.Expression,
        params: Any = None,
        *,
        before: datetime | None = None,
        given: Given | None = None,
    ) -> list[tuple[Any, ...]]:
        """Answer a query, anew each time."""
        if given:
            self._con.execute(f"create or replace temp table {given.name} as {given.query}")
        text = query if isinstance(query, str) else query.sql(dialect="duckdb")
        self.asked.append(text)
        return self._con.execute(text, params).fetchall()

    def version(self) -> Hashable:
        """Change with every added fact."""
        return self._count


def _cell(fact: Fact, name: str) -> Any:
    if name == "occurred_at":
        return fact.occurred_at.astimezone(UTC).isoformat()
    if name == "props":
        return json.dumps(dict(fact.props), separators=(",", ":"))
    return getattr(fact, name)
