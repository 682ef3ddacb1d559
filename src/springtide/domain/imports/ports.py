"""What the facts room needs from export formats: rows staged in DuckDB, and how to read them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol

import duckdb


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a table in a file: how it is written, and its first rows as texts.

    ``container`` is csv, workbook, xml (a workbook in XML), page (a web page), json or parquet.
    ``sheet`` names the table as a person sees it where a file can hold several: the sheet, the
    list of a JSON document, the file in an archive. Of JSON ``rows`` is one row, the keys of the
    first records, and ``record`` the first of them. ``member`` and ``part`` say where the table
    lies: the file in the archive (None if not packed), and the sheet or list in that. ``name`` is
    what people call the file; the disk may call it otherwise.
    """

    path: Path
    container: str
    rows: tuple[tuple[str, ...], ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str | None = None
    record: Mapping[str, Any] | None = None
    member: str | None = None
    part: str | None = None
    name: str = ""

    def row_with(self, columns: set[str]) -> int | None:
        """Return the first row that holds all these column names; None without one."""
        for number, row in enumerate(self.rows):
            if columns <= {cell.strip() for cell in row}:
                return number
        return None


class StagedColumn(NamedTuple):
    """A staged column: its name in SQL (never that of a value) and its type in DuckDB."""

    sql: str
    type_: str


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a shop and the person who imports say: currency, zone, and the mapping."""

    currency: str
    zone: str
    mapping: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A reason to reject a row: ``bad`` is a condition over the reading's values.

    ``column`` is the file's column, as a person sees it.
    """

    column: str
    reason: str
    bad: str


@dataclass(frozen=True, slots=True)
class Emit:
    """One fact a row: a fact's columns as expressions over the reading's values."""

    columns: Mapping[str, str]
    where: str = "true"


@dataclass(frozen=True, slots=True)
class Reading:
    """How the rows of the table ``staged`` (``row_no`` and the file's columns) are read.

    ``values`` are expressions over the staged columns (and over earlier values); all else is over
    the values. Facts need ``external_id``, unique in the file: of rows that share one the first
    is kept. ``labels`` names the file's columns that a fact's columns come from. ``products``
    selects key, name, brand, category, department, attributes (a JSON text) and ``customers`` key,
    name, email, attributes, both from the table ``good``.

    ``numbered`` are values that name a row together: rows that share them are told apart by a value
    ``turn``, 1 for the first of them. With ``drops_copies`` those that are the same as an earlier
    one in every cell are rejected.

    ``left_out`` is the condition of rows that are no data, such as totals: neither read nor
    rejected. ``derived`` is a query over ``good`` (with ``row_no``) that facts are emitted from in
    its place, for values that need all rows of an order. ``state`` is the value that holds an
    order's state in the platform's own words, ``notes`` are looked for and told in the report.

    ``withdraws`` is the condition of facts of the same orders that an older file told, and that go
    when this one does not tell them again (``true`` where a file has every line of its orders).
    With ``completes`` the file says more of orders that another has told, so what it takes the
    place of goes even if told later. An emit may name the ``version`` of its facts; else it is
    that of the file.
    """

    source: str
    values: Mapping[str, str]
    checks: tuple[Check, ...] = ()
    emits: tuple[Emit, ...] = ()
    products: str | None = None
    customers: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    numbered: tuple[str, ...] = ()
    drops_copies: bool = False
    left_out: str | None = None
    derived: str | None = None
    withdraws: str | None = None
    completes: bool = False
    state: str | None = None
    notes: tuple["Note", ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """Something to tell in the report: a text, and a query that selects its facts by name.

    The query is over ``good``, ``derived`` or ``emitted``; nothing is told where it gives no row
    or its first value is null or 0.
    """

    text: str
    query: str


class BadRecord(Exception):
    """A record that a format cannot make rows of; the reason is for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Stage(Protocol):
    """Where a format puts a file's rows: a DuckDB with the tables ``staged`` and ``rejected``."""

    connection: duckdb.DuckDBPyConnection

    def load(self, head: Head, header_row: int) -> dict[str, StagedColumn]:
        """Stage the rows under a header row; return the columns by their unique names."""
        ...

    def load_bare(self, head: Head, names: Sequence[str]) -> dict[str, StagedColumn]:
        """Stage all rows of a table without a header; return the columns by the given names."""
        ...

    def load_records(
        self,
        head: Head,
        names: Sequence[str],
        flatten: Callable[[Mapping[str, Any]], Iterable[Sequence[object]]],
    ) -> dict[str, StagedColumn]:
        """Stage the rows that ``flatten`` makes of each record of a JSON file, as texts.

        A record for which it raises ``BadRecord`` is rejected. Numbers come as int and Decimal;
        a cell that is a list or a record becomes JSON.
        """
        ...


class FileFormat(Protocol):
    """A kind of export file; ``needs`` names those whose files have to be in before its own."""

    kind: ClassVar[str]
    label: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]

    @staticmethod
    def recognise(head: Head) -> int:
        """Return how sure this format is that the file is its own, from 0 to 100."""
        ...

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the file's rows and say how they are read; refuses a file it cannot read."""
        ...
