"""A table of a file in DuckDB: its rows, with their numbers, in the table ``staged``."""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import duckdb

from springtide.connectors.tabular import records
from springtide.connectors.tabular.cells import Row, UnreadableFile, checked, shown_name
from springtide.connectors.tabular.detect import plainly_named, table_records, table_rows
from springtide.connectors.tabular.fast_csv import stage_plain
from springtide.connectors.tabular.packed import opened
from springtide.connectors.tabular.sql import csv_columns, staged_names
from springtide.domain.imports.ports import BadRecord, Head, StagedColumn
from springtide.kit.errors import N_
from springtide.kit.sql import identifier, quoted

COLUMNS_MAX = 1_000
_SHOWN = 200
# What the engine says of values it cannot read; any other error is a mistake of ours.
_VALUE_ERRORS = (duckdb.DataError, duckdb.InvalidInputException)
_REFUSED = dict.fromkeys(("column_name", "reason", "value"), "VARCHAR")


class Staging:
    """A DuckDB that holds a file's rows in ``staged`` and the refused ones in ``rejected``.

    With ``is_row_by_row`` no file is left to DuckDB's own reader; the outcome is the same. With
    ``most`` only about so many rows are taken, the first. ``rows`` reads the rows of a table.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        folder: Path,
        *,
        is_row_by_row: bool = False,
        most: int | None = None,
        rows: Callable[[Head], Iterable[Row]] = table_rows,
    ) -> None:
        self.connection = connection
        self.folder = folder
        self._most = most
        self._rows = rows
        # DuckDB reads a file to its end.
        self._is_row_by_row = is_row_by_row or most is not None
        fields = ", ".join(f"{name} {type_}" for name, type_ in _REFUSED.items())
        connection.execute(f"create table rejected (row_no BIGINT, {fields})")
        self.row_count = 0
        self.names: tuple[str, ...] = ()

    def load(self, head: Head, header_row: int) -> dict[str, StagedColumn]:
        """Stage the rows under a header row; return the columns by their unique names."""
        names = _names(head, head.rows[header_row])
        if head.container == "json":
            return self.load_records(head, names, records.flat(head.rows[header_row]))
        return self._load(head, names, header_row)

    def load_bare(self, head: Head, names: Sequence[str]) -> dict[str, StagedColumn]:
        """Stage all rows of a table without a header; return the columns by the given names."""
        return self._load(head, _names(head, names), -1)

    def _load(self, head: Head, names: tuple[str, ...], header_row: int) -> dict[str, StagedColumn]:
        with _unpacked(head, self.folder) as plain:
            if plain.container == "parquet":
                self._load_parquet(plain.path, len(names))
            elif self._is_row_by_row or not stage_plain(
                self.connection, plain, header_row, len(names), self.folder
            ):
                self._load_rows(names, self._rows(plain), header_row + 1)
        return self._columns(names)

    def load_records(
        self,
        head: Head,
        names: Sequence[str],
        flatten: Callable[[Mapping[str, Any]], Iterable[Sequence[object]]],
    ) -> dict[str, StagedColumn]:
        """Stage the rows that ``flatten`` makes of each record of a JSON file, as texts.

        Rows are numbered as they come, and so is a record that is rejected: one broken in the
        file, or one for which ``flatten`` raises ``BadRecord``.
        """
        names = _names(head, names)
        number = 0
        with self._sieve(len(names)) as sieve, _unpacked(head, self.folder) as plain:
            for found in table_records(plain.path):
                if found.place != head.part:
                    continue
                if self._most is not None and number >= self._most:
                    break
                try:
                    if isinstance(found.record, str):
                        raise BadRecord(found.record)
                    rows = [tuple(map(records.cell, row)) for row in _made(flatten, found.record)]
                except BadRecord as bad:
                    number += 1
                    record = found.record
                    shown = "" if isinstance(record, str) else records.shown(record)
                    sieve.refuse(number, bad.reason, shown)
                    continue
                for cells in rows:
                    number += 1
                    sieve.take(checked(Row(number, tuple(cell or "" for cell in cells))))
        return self._columns(names)

    def _columns(self, names: tuple[str, ...]) -> dict[str, StagedColumn]:
        ((staged,),) = self.connection.execute("select count(*) from staged").fetchall()
        ((rejected,),) = self.connection.execute("select count(*) from rejected").fetchall()
        self.row_count = staged + rejected
        self.names = names
        described = self.connection.execute("describe select * from staged").fetchall()
        columns = [StagedColumn(name, type_) for name, type_, *_ in described if name != "row_no"]
        return dict(zip(names, columns, strict=True))

    def _load_parquet(self, path: Path, count: int) -> None:
        """Copy the table, so that damage anywhere in the file is met here and nowhere later."""
        columns = ", ".join(staged_names(count))
        with plainly_named(path, self.folder) as place:
            try:
                self.connection.execute(
                    f"create table staged as select row_no: file_row_number + 2, {columns} "
                    f"from read_parquet({quoted(place)}, file_row_number = true) "
                    f"as file({columns}, file_row_number)"
                    + (f" limit {self._most}" if self._most is not None else "")
                )
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                if isinstance(error, duckdb.IOException) and place not in str(error):
                    raise  # the disk, not the file
                raise UnreadableFile(file=shown_name(path), why=N_("it is damaged")) from error

    def _load_rows(self, names: Sequence[str], rows: Iterable[Row], header_row: int) -> None:
        with self._sieve(len(names)) as sieve:
            for row in rows:
                # Empty rows are such as spreadsheets leave below a table.
                if row.number > header_row and "".join(row.cells).strip():
                    sieve.take(row)
                    if self._most is not None and sieve.taken >= self._most:
                        break

    @contextmanager
    def _sieve(self, count: int) -> Iterator["_Sieve"]:
        """Write the rows that are whole to a clean file, which DuckDB reads in one go."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            clean, refused = Path(folder) / "rows.csv", Path(folder) / "refused.csv"
            with (
                clean.open("w", encoding="utf-8", newline="") as file,
                refused.open("w", encoding="utf-8", newline="") as refused_file,
            ):
                yield _Sieve(count, file, refused_file)
            self._read_clean(clean, "staged", dict.fromkeys(staged_names(count), "VARCHAR"))
            self._read_clean(refused, "refused", _REFUSED)
            self.connection.execute("insert into rejected select * from refused")

    def _read_clean(self, clean: Path, table: str, texts: Mapping[str, str]) -> None:
        columns = {"row_no": "BIGINT", **texts}
        if not clean.stat().st_size:
            fields = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())
            self.connection.execute(f"create table {table} ({fields})")
            return
        self.connection.execute(
            f"create table {table} as select * from read_csv({quoted(str(clean))}, "
            f"auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', "
            f"strict_mode = true, new_line = '\\n', "
            f"columns = {csv_columns(columns)}, nullstr = '')"
        )


@contextmanager
def blaming(file: str) -> Iterator[None]:
    """Lay what the engine cannot read of staged values on the file (``UnreadableFile``)."""
    try:
        yield
    except _VALUE_ERRORS as error:
        why = N_("it holds values that cannot be read")
        raise UnreadableFile(file=file, why=why) from error


class _Sieve:
    """Parts the rows that are whole from those that are not, with the reason."""

    def __init__(self, count: int, clean: TextIO, refused: TextIO) -> None:
        self._count = count
        self.taken = 0
        # The writer takes no notice of line breaks that are not its own.
        style: Any = {"lineterminator": "\n", "quoting": csv.QUOTE_ALL}
        self._write = csv.writer(clean, **style).writerow
        self._refuse = csv.writer(refused, **style).writerow

    def take(self, row: Row) -> None:
        """Keep a row, or refuse it if it is broken or ragged."""
        cells = row.cells
        self.taken += 1
        if reason := row.reason or _raggedness(cells, self._count):
            self.refuse(row.number, reason, cells[0])
        else:
            self._write((row.number, *cells[: self._count]))

    def refuse(self, number: int, reason: str, shown: str) -> None:
        """Refuse a row, and show how it begins."""
        shown = shown[:_SHOWN].encode("utf-8", "replace").decode().replace("\x00", "")
        self._refuse((number, "", reason, shown))


def _names(head: Head, header: Sequence[str]) -> tuple[str, ...]:
    """Return the unique names of a table's columns; refuse more than can be held."""
    if len(header) > COLUMNS_MAX:
        raise UnreadableFile(file=head.name, why=N_("it has more than 1,000 columns"))
    return unique_names(header)


def _made(
    flatten: Callable[[Mapping[str, Any]], Iterable[Sequence[object]]], record: Mapping[str, Any]
) -> list[Sequence[object]]:
    """Return the rows of a record; one of another shape than its kind has is a bad record."""
    try:
        return list(flatten(record))
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as error:
        raise BadRecord(N_("the record is not what its kind looks like")) from error


@contextmanager
def _unpacked(head: Head, folder: Path) -> Iterator[Head]:
    """Give the head as that of a file that is not packed."""
    with opened(head.path, head.member, folder) as place:
        sheet = head.sheet if head.member is None else head.part
        yield replace(head, path=place, sheet=sheet)


def _raggedness(cells: Sequence[str], wanted: int) -> str | None:
    """Return why a row does not fit its header; empty cells at the end do not matter."""
    if len(cells) == wanted or (len(cells) > wanted and not any(cells[wanted:])):
        return None
    return N_("{} cells where the header has {}").format(len(cells), wanted)


def unique_names(header: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns: trimmed, none empty, none twice, none ``row_no``.

    >>> unique_names(["a", " a ", "", "row_no"])
    ('a', 'a (2)', 'column 3', 'row_no (2)')
    """
    names: list[str] = []
    taken = {"row_no"}
    for place, cell in enumerate(header, start=1):
        name = "".join(letter for letter in cell if letter.isprintable()).strip().lstrip("\ufeff")
        name = name[:200] or f"column {place}"
        number = 2
        unique = name
        while unique.casefold() in taken:
            unique = f"{name} ({number})"
            number += 1
        taken.add(unique.casefold())
        names.append(unique)
    return tuple(names)
