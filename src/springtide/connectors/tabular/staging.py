"""Files into DuckDB: the first look, then all rows with their numbers in the table ``staged``."""

import csv
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from springtide.connectors.tabular.cells import (
    EmptyFile,
    Row,
    UnreadableFile,
    is_text,
    read_csv,
    shown_name,
    tell_delimiter,
    tell_encoding,
)
from springtide.connectors.tabular.workbooks import (
    OLE,
    SUFFIXES,
    ZIP,
    check_workbook,
    workbook_rows,
)
from springtide.domain.facts.ports import Column, Head
from springtide.kit.errors import N_, NotFound

HEAD_ROWS = 20
COLUMNS_MAX = 1_000
_REFUSED = dict.fromkeys(("column_name", "reason", "value"), "VARCHAR")


def look(path: Path, *, encoding: str | None = None, delimiter: str | None = None) -> Head:
    """Return the head of a file; refuse one that is missing, empty or not what its name says."""
    start = _start(path)
    if start.startswith(b"PAR1"):
        return Head(path, "parquet", (_parquet_columns(path),))
    if path.suffix.lower() in SUFFIXES or start.startswith((ZIP, OLE)):
        check_workbook(path)
        return _with_rows(Head(path, "workbook", ()), workbook_rows(path))
    if path.suffix.lower() == ".parquet":
        raise UnreadableFile(file=shown_name(path), why=N_("it is not a Parquet file"))
    if encoding is None and not is_text(start):
        why = N_("it is not text, or in an encoding that has to be named: save it as UTF-8")
        raise UnreadableFile(file=shown_name(path), why=why)
    encoding = encoding or tell_encoding(path)
    try:
        delimiter = delimiter or tell_delimiter(path, encoding)
        head = Head(path, "csv", (), encoding, delimiter)
        return _with_rows(head, read_csv(path, encoding, delimiter))
    except LookupError as error:
        raise UnreadableFile(file=shown_name(path), why=N_("no such encoding")) from error
    except UnicodeError as error:
        raise UnreadableFile(file=shown_name(path), why=N_("it is not text")) from error


def _start(path: Path) -> bytes:
    """Return a file's first bytes; refuse what is no file that can be read to its end."""
    try:
        if not path.exists():
            raise NotFound(what=N_("file"), key=os.fsencode(path).decode("utf-8", "replace"))
        if path.is_dir():
            raise UnreadableFile(file=shown_name(path), why=N_("it is a folder"))
        if not path.is_file():
            raise UnreadableFile(file=shown_name(path), why=N_("it is not a plain file"))
        if path.stat().st_size == 0:
            raise EmptyFile(file=shown_name(path))
        with path.open("rb") as file:
            return file.read(4_096)
    except (OSError, ValueError) as error:
        raise UnreadableFile(file=shown_name(path), why=N_("it may not be read")) from error


def _with_rows(head: Head, rows: Iterator[Row]) -> Head:
    first: list[tuple[str, ...]] = []
    for row in rows:
        while len(first) < row.number - 1:
            first.append(())
        first.append(row.cells)
        if len(first) >= HEAD_ROWS:
            break
    if not any(first):
        raise EmptyFile(file=shown_name(head.path))
    return Head(head.path, head.container, tuple(first), head.encoding, head.delimiter)


class Staging:
    """A DuckDB that holds a file's rows in ``staged`` and the refused ones in ``rejected``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection = connection
        self._folder = folder
        fields = ", ".join(f"{name} {type_}" for name, type_ in _REFUSED.items())
        connection.execute(f"create table rejected (row_no BIGINT, {fields})")
        self.row_count = 0
        self.names: tuple[str, ...] = ()

    def load(self, head: Head, header_row: int) -> dict[str, Column]:
        """Stage the rows under a header row; return the columns by their unique names."""
        names = unique_names(head.rows[header_row])
        if len(names) > COLUMNS_MAX:
            raise UnreadableFile(
                file=shown_name(head.path), why=N_("it has more than 1,000 columns")
            )
        if head.container == "parquet":
            self._load_parquet(head.path, len(names))
        else:
            rows = (
                workbook_rows(head.path)
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
                write = csv.writer(file, lineterminator="\n").writerow
                refuse = csv.writer(refused_file, lineterminator="\n").writerow
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
            f"strict_mode = true, "
            f"columns = {{{types}}}, nullstr = '')"
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


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def plainly_named(path: Path, folder: Path | None = None) -> Iterator[str]:
    """Give a file another place for DuckDB, which takes a name such as ``a[1]`` for a pattern."""
    with tempfile.TemporaryDirectory(prefix="springtide-", dir=folder) as place:
        link = Path(place) / "table.parquet"
        link.symlink_to(path.resolve())
        yield str(link)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    with duckdb.connect() as connection, plainly_named(path) as place:
        try:
            rows = connection.execute(
                f"describe select * from read_parquet({quoted(place)})"
            ).fetchall()
        except duckdb.Error as error:
            raise UnreadableFile(
                file=shown_name(path), why=N_("it is not a Parquet file")
            ) from error
    return tuple(row[0] for row in rows)
