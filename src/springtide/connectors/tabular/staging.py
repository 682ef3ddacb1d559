"""A table's rows in DuckDB: all of them with their numbers in the table ``staged``.

A clean CSV file is read by DuckDB itself; one with anything odd in it goes row by row, so that
each row that cannot be used is told by its number. Both give the same.
"""

import csv
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from springtide.connectors.tabular.cells import Row, UnreadableFile, checked, read_csv, shown_name
from springtide.connectors.tabular.pages import page_rows
from springtide.connectors.tabular.places import identifier, plainly_named, quoted
from springtide.connectors.tabular.plain import plain_copy
from springtide.connectors.tabular.records import json_records
from springtide.connectors.tabular.workbooks import workbook_rows
from springtide.domain.facts.ports import Column, Head
from springtide.kit.errors import N_

COLUMNS_MAX = 1_000
_REFUSED = dict.fromkeys(("column_name", "reason", "value"), "VARCHAR")
# A longer line may hold a cell that is too long: row by row that is told.
_LINE_MAX = 32_000
# All that Python takes for blank.
_BLANKS = " || ".join(f"chr({code})" for code in range(12_289) if chr(code).isspace())
# What a format's own function may raise of a record that is not what it looks like.
_BAD_RECORD = (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, IndexError)


class Staging:
    """A DuckDB that holds a file's rows in ``staged`` and the refused ones in ``rejected``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        fields = ", ".join(f"{name} {type_}" for name, type_ in _REFUSED.items())
        connection.execute(f"create table rejected (row_no BIGINT, {fields})")
        self.row_count = 0
        self.names: tuple[str, ...] = ()
        self.was_plain = False

    def load(self, head: Head, header_row: int) -> dict[str, Column]:
        """Stage the rows under a header row; return the columns by their unique names."""
        names = unique_names(head.rows[header_row])
        return self._load(head, names, header_row + 1)

    def load_bare(self, head: Head, names: Sequence[str]) -> dict[str, Column]:
        """Stage all rows of a table without a header; return the columns by the given names."""
        return self._load(head, tuple(names), 0)

    def load_records(
        self,
        head: Head,
        names: Sequence[str],
        flatten: Callable[[Mapping[str, Any]], Iterable[Sequence[object]]],
    ) -> dict[str, Column]:
        """Stage the rows that a function makes of each JSON record, all cells as texts."""
        self._load_rows(tuple(names), _flat(json_records(head.path), flatten, len(names)), 0)
        return self._columns(tuple(names))

    def _load(self, head: Head, names: tuple[str, ...], above: int) -> dict[str, Column]:
        if len(names) > COLUMNS_MAX:
            raise UnreadableFile(
                file=shown_name(head.path), why=N_("it has more than 1,000 columns")
            )
        if head.container == "parquet":
            self._load_parquet(head.path, len(names))
        else:
            self.was_plain = head.container == "csv" and self._load_plain(head, len(names), above)
            if not self.was_plain:
                self._load_rows(names, _rows(head), above)
        return self._columns(names)

    def _columns(self, names: tuple[str, ...]) -> dict[str, Column]:
        ((staged,),) = self.connection.execute("select count(*) from staged").fetchall()
        ((rejected,),) = self.connection.execute("select count(*) from rejected").fetchall()
        self.row_count = staged + rejected
        self.names = names
        described = self.connection.execute("describe select * from staged").fetchall()
        columns = [Column(name, type_) for name, type_, *_ in described if name != "row_no"]
        return dict(zip(names, columns, strict=True))

    def _load_plain(self, head: Head, count: int, above: int) -> bool:
        """Let DuckDB read a CSV file if nothing in it is odd; return whether it did."""
        above_it = "".join(cell for row in head.rows[:above] for cell in row)
        if any(mark in above_it for mark in '"\r\n'):
            return False  # lines and rows are not the same there
        with (
            tempfile.TemporaryDirectory(dir=self._folder) as folder,
            plain_copy(head, Path(folder)) as path,
        ):
            if path is None:
                return False
            columns = _staged(count)
            types = ", ".join(f"{quoted(name)}: 'VARCHAR'" for name in columns)
            first = columns[0]
            blank = f"trim(concat_ws('', {', '.join(columns)}), {_BLANKS}) = ''"
            with plainly_named(path, self._folder) as place:
                try:
                    self.connection.execute(
                        f"create table staged as select row_number() over () + {above} as row_no, "
                        f"{', '.join(columns)} from read_csv({quoted(place)}, "
                        f"auto_detect = false, header = false, skip = {above}, "
                        f"delim = {quoted(head.delimiter)}, quote = '\"', escape = '\"', "
                        f"strict_mode = true, max_line_size = {_LINE_MAX}, "
                        f"columns = {{{types}}}, nullstr = '')"
                    )
                except (duckdb.InterruptException, duckdb.OutOfMemoryException):
                    raise
                except duckdb.Error:
                    self.connection.execute("drop table if exists staged")
                    return False
        is_plain = f"coalesce({first}, '') between '!' and '~'"
        self.connection.execute(f"delete from staged where not ({is_plain}) and {blank}")
        return True

    def _load_parquet(self, path: Path, count: int) -> None:
        """Copy the table, so that damage anywhere in the file is met here and nowhere later."""
        columns = ", ".join(_staged(count))
        with plainly_named(path, self._folder) as place:
            try:
                self.connection.execute(
                    f"create table staged as select row_no: file_row_number + 2, {columns} "
                    f"from read_parquet({quoted(place)}, file_row_number = true) "
                    f"as file({columns}, file_row_number)"
                )
            except duckdb.OutOfMemoryException:
                raise
            except duckdb.Error as error:
                if isinstance(error, duckdb.IOException) and place not in str(error):
                    raise  # the disk, not the file
                raise UnreadableFile(file=shown_name(path), why=N_("it is damaged")) from error

    def _load_rows(self, names: Sequence[str], rows: Iterable[Row], header_row: int) -> None:
        """Write the rows that are whole to a clean file, which DuckDB reads in one go."""
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            clean, refused = Path(folder) / "rows.csv", Path(folder) / "refused.csv"
            with (
                clean.open("w", encoding="utf-8", newline="") as file,
                refused.open("w", encoding="utf-8", newline="") as refused_file,
            ):
                # All in quotes: the writer would leave a carriage return without.
                options: Any = {"lineterminator": "\n", "quoting": csv.QUOTE_ALL}
                write = csv.writer(file, **options).writerow
                refuse = csv.writer(refused_file, **options).writerow
                for row in rows:
                    if row.number <= header_row:
                        continue
                    cells = row.cells
                    if not "".join(cells).strip():
                        continue  # an empty row, such as spreadsheets leave below a table
                    if reason := row.reason or _raggedness(cells, len(names)):
                        shown = cells[0][:200].encode("utf-8", "replace").decode()
                        refuse((row.number, "", reason, shown.replace("\x00", "")))
                    else:
                        write((row.number, *cells[: len(names)]))
            self._read_clean(clean, "staged", dict.fromkeys(_staged(len(names)), "VARCHAR"))
            self._read_clean(refused, "refused", _REFUSED)
            self.connection.execute("insert into rejected select * from refused")

    def _read_clean(self, clean: Path, table: str, texts: Mapping[str, str]) -> None:
        columns = {"row_no": "BIGINT", **texts}
        types = ", ".join(f"{quoted(name)}: '{type_}'" for name, type_ in columns.items())
        if not clean.stat().st_size:
            fields = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())
            self.connection.execute(f"create table {table} ({fields})")
            return
        self.connection.execute(
            f"create table {table} as select * from read_csv({quoted(str(clean))}, "
            f"auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', "
            f"strict_mode = true, new_line = '\\n', "
            f"columns = {{{types}}}, nullstr = '')"
        )


def _rows(head: Head) -> Iterator[Row]:
    if head.container == "workbook":
        return workbook_rows(head.path, head.sheet or "")
    if head.container == "page":
        return page_rows(head.path, head.encoding)
    return read_csv(head.path, head.encoding, head.delimiter)


def _flat(
    records: Iterable[Mapping[str, Any]],
    flatten: Callable[[Mapping[str, Any]], Iterable[Sequence[object]]],
    width: int,
) -> Iterator[Row]:
    number = 0
    for record in records:
        try:
            rows = [tuple(map(_text, cells)) for cells in flatten(record)]
        except _BAD_RECORD:
            number += 1
            shown = str(record.get("name") or record.get("id") or "")[:200]
            blank = ("",) * (width - 1)
            yield Row(number, (shown, *blank), N_("the record is not what its kind looks like"))
            continue
        for cells in rows:
            number += 1
            yield checked(Row(number, cells))


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return (
        cell
        if isinstance(cell, str)
        else format(cell, "f")
        if isinstance(cell, Decimal)
        else str(cell)
    )


def _staged(count: int) -> list[str]:
    return [f"c{number}" for number in range(1, count + 1)]


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
