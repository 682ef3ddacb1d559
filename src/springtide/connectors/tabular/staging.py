"""Files into DuckDB: the first look, then all rows with their numbers in the table ``staged``."""

import csv
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
from python_calamine import CalamineError, CalamineWorkbook

from springtide.connectors.tabular.cells import (
    CELL_LENGTH_MAX,
    EmptyFile,
    Row,
    UnreadableFile,
    read_csv,
    tell_delimiter,
    tell_encoding,
)
from springtide.domain.facts.ports import Column, Head
from springtide.kit.errors import N_, NotFound

HEAD_ROWS = 20
COLUMNS_MAX = 1_000
_UNPACKED_MAX = 2 * 2**30
_WORKBOOKS = {".xlsx", ".xls", ".xlsm", ".ods"}
_REJECTED = "row_no BIGINT, column_name VARCHAR, reason VARCHAR, value VARCHAR"


def look(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Head:
    """Return the head of a file; refuse one that is missing, empty or not what its name says."""
    if not path.is_file():
        raise NotFound(what="file", key=str(path))
    if path.stat().st_size == 0:
        raise EmptyFile(file=path.name)
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(b"PAR1"):
        return Head(path, "parquet", (_parquet_columns(path),))
    if path.suffix.lower() in _WORKBOOKS or start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _with_rows(Head(path, "workbook", ()), _workbook_rows(path))
    if path.suffix.lower() == ".parquet":
        raise UnreadableFile(file=path.name, why=N_("it is not a Parquet file"))
    encoding = encoding or tell_encoding(path)
    try:
        delimiter = delimiter or tell_delimiter(path, encoding)
        head = Head(path, "csv", (), encoding, delimiter)
        return _with_rows(head, read_csv(path, encoding, delimiter))
    except LookupError as error:
        raise UnreadableFile(file=path.name, why=str(error)) from error
    except UnicodeError as error:
        raise UnreadableFile(file=path.name, why=N_("it is not text")) from error


def _with_rows(head: Head, rows: Iterator[Row]) -> Head:
    first: list[tuple[str, ...]] = []
    for row in rows:
        while len(first) < row.number - 1:
            first.append(())
        first.append(row.cells)
        if len(first) >= HEAD_ROWS:
            break
    if not any(first):
        raise EmptyFile(file=head.path.name)
    return Head(head.path, head.container, tuple(first), head.encoding, head.delimiter)


class Staging:
    """A DuckDB that holds a file's rows in ``staged`` and the refused ones in ``rejected``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        connection.execute(f"create table rejected ({_REJECTED})")
        self.row_count = 0
        self.names: tuple[str, ...] = ()

    def load(self, head: Head, header_row: int) -> dict[str, Column]:
        """Stage the rows under a header row; return the columns by their unique names."""
        names = unique_names(head.rows[header_row])
        if len(names) > COLUMNS_MAX:
            raise UnreadableFile(file=head.path.name, why=N_("it has more than 1,000 columns"))
        if head.container == "parquet":
            self._load_parquet(head.path, len(names))
        else:
            rows = (
                _workbook_rows(head.path)
                if head.container == "workbook"
                else read_csv(head.path, head.encoding, head.delimiter)
            )
            self._load_rows(names, rows, header_row + 1)
        ((staged,),) = self.connection.execute("select count(*) from staged").fetchall()
        ((rejected,),) = self.connection.execute("select count(*) from rejected").fetchall()
        self.row_count = staged + rejected
        self.names = names
        described = self.connection.execute("describe select * from staged").fetchall()
        columns = [Column(name, type_) for name, type_, *_ in described if name != "row_no"]
        return dict(zip(names, columns, strict=True))

    def _load_parquet(self, path: Path, count: int) -> None:
        columns = ", ".join(_staged(count))
        self.connection.execute(
            f"create view staged(row_no, {columns}) as select file_row_number + 2, * "
            f"exclude (file_row_number) from read_parquet({quoted(str(path))}, "
            "file_row_number = true)"
        )

    def _load_rows(self, names: Sequence[str], rows: Iterable[Row], header_row: int) -> None:
        """Write the rows that are whole to a clean file, which DuckDB reads in one go."""
        refused: list[tuple[int, str, str, str]] = []
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            clean = Path(folder) / "rows.csv"
            with clean.open("w", encoding="utf-8", newline="") as file:
                write = csv.writer(file).writerow
                for row in rows:
                    if row.number <= header_row:
                        continue
                    cells = row.cells
                    if row.reason is None and len(cells) == len(names):
                        write((row.number, *cells))
                    elif reason := row.reason or _raggedness(cells, len(names)):
                        shown = "".join(cells[:1]).encode("utf-8", "replace").decode()
                        refused.append((row.number, "", reason, shown.replace("\x00", "")[:200]))
                    elif any(cells):
                        write((row.number, *cells[: len(names)]))
            self._read_clean(clean, _staged(len(names)))
        if refused:
            self.connection.executemany("insert into rejected values (?, ?, ?, ?)", refused)

    def _read_clean(self, clean: Path, names: Sequence[str]) -> None:
        columns = {"row_no": "BIGINT", **dict.fromkeys(names, "VARCHAR")}
        types = ", ".join(f"{quoted(name)}: '{type_}'" for name, type_ in columns.items())
        if not clean.stat().st_size:
            fields = ", ".join(f"{identifier(name)} {type_}" for name, type_ in columns.items())
            self.connection.execute(f"create table staged ({fields})")
            return
        self.connection.execute(
            f"create table staged as select * from read_csv({quoted(str(clean))}, "
            f"auto_detect = false, header = false, delim = ',', quote = '\"', escape = '\"', "
            f"new_line = '\\r\\n', strict_mode = true, max_line_size = 68000000, "
            f"columns = {{{types}}}, nullstr = '')"
        )


def _staged(count: int) -> list[str]:
    return [f"c{number}" for number in range(1, count + 1)]


def _raggedness(cells: Sequence[str], wanted: int) -> str | None:
    """Return why a row does not fit its header; empty cells at the end do not matter."""
    if len(cells) > wanted and not any(cells[wanted:]):
        return None
    if not any(cells):
        return None
    return f"{len(cells)} cells where the header has {wanted}"


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


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _parquet_columns(path: Path) -> tuple[str, ...]:
    with duckdb.connect() as connection:
        try:
            rows = connection.execute(
                f"describe select * from read_parquet({quoted(str(path))})"
            ).fetchall()
        except duckdb.Error as error:
            raise UnreadableFile(file=path.name, why=N_("it is not a Parquet file")) from error
    return tuple(row[0] for row in rows)


def _workbook_rows(path: Path) -> Iterator[Row]:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if sum(info.file_size for info in archive.infolist()) > _UNPACKED_MAX:
                    raise UnreadableFile(file=path.name, why=N_("it unpacks to more than 2 GB"))
        workbook = CalamineWorkbook.from_path(str(path))
        sheet = workbook.get_sheet_by_index(0)
        above = sheet.start[0] if sheet.start else 0
        for number, cells in enumerate(sheet.iter_rows(), start=above + 1):
            texts = tuple(_cell_text(cell) for cell in cells)
            yield Row(number, texts, _cell_problem(texts))
    except (CalamineError, zipfile.BadZipFile, IndexError, OSError) as error:
        raise UnreadableFile(file=path.name, why=N_("it is not a workbook")) from error


def _cell_problem(texts: Sequence[str]) -> str | None:
    if any("\x00" in text for text in texts):
        return N_("a NUL character")
    if any(len(text) > CELL_LENGTH_MAX for text in texts):
        return N_("a cell of more than 32,767 characters")
    return None


def _cell_text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
