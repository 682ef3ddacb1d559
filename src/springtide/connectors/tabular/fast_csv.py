"""CSV files that DuckDB reads by itself, many times as fast as row by row, and to the same end.

A file in another encoding is written again in UTF-8 first. DuckDB's strict reader takes rows as
``read_csv`` of ``cells`` does, but that it drops empty lines, and blanks around quotes. Both show
in a sum: what the cells hold, with delimiters, line ends and quotes, is as long as the file. In
any doubt, and for a file with a single bad row, the caller reads row by row.
"""

import codecs
import csv
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import duckdb

from springtide.connectors.tabular.cells import (
    CELL_LENGTH_MAX,
    DELIMITERS,
    LINES_MAX,
)
from springtide.connectors.tabular.sql import csv_columns, staged_names
from springtide.domain.imports.ports import Head
from springtide.kit.sql import quoted

_CHUNK = 2**18
_END = 2**16
_LINE_MAX = 2**20
# What Python's ``str.strip`` takes for blanks.
_BLANK = (
    r"[\t-\r\x{1c}-\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}"
    r"\x{3000}]*"
)
_UTF8 = ("utf-8", "utf-8-sig")


@dataclass(frozen=True, slots=True)
class _Plain:
    """A file in UTF-8 whose rows begin after ``skip`` lines, and what its rows add up to."""

    path: Path
    skip: int
    size: int
    quotes: int
    breaks: int
    line_end: int


def stage_plain(
    connection: duckdb.DuckDBPyConnection, head: Head, header_row: int, count: int, folder: Path
) -> bool:
    """Make the table ``staged`` of a CSV file; False, and no table, if that is in doubt."""
    if head.container != "csv" or head.delimiter not in DELIMITERS or count < 2:
        return False
    with tempfile.TemporaryDirectory(dir=folder) as place:
        try:
            plain = _prepare(head, header_row, Path(place))
        except (UnicodeError, csv.Error):
            return False
        if plain is None:
            return False
        try:
            _read(connection, plain, head.delimiter, header_row, count)
        except duckdb.Error:
            connection.execute("drop table if exists staged")
            return False
    if _agrees(connection, plain, count):
        return True
    connection.execute("drop table staged")
    return False


def _prepare(head: Head, header_row: int, folder: Path) -> _Plain | None:
    lines = _lines_above(head, header_row)
    # DuckDB takes a name such as a[1] for a pattern.
    path = folder / "utf8.csv"
    if head.encoding.lower() in _UTF8:
        path.symlink_to(head.path.resolve())
    else:
        _write_utf8(head, path)
    with path.open("rb") as file:
        last = b""
        for _ in range(lines):
            last = file.readline(_LINE_MAX)
            if not last.endswith(b"\n") or b"\r" in last[:-2]:
                return None
        start = file.tell()
        if lines > 1:
            path = folder / "rows.csv"
            with path.open("wb") as copy:
                shutil.copyfileobj(file, copy, _CHUNK)
            file.seek(start)
        return _summed(file, path, int(lines == 1), 2 if last.endswith(b"\r\n") else 1)


def _lines_above(head: Head, header_row: int) -> int:
    """Return the number of lines that the header, and all that stands above it, take."""
    with head.path.open(encoding=head.encoding, errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, delimiter=head.delimiter, strict=True)
        for _ in range(header_row + 1):
            next(reader)
        return reader.line_num


def _write_utf8(head: Head, path: Path) -> None:
    decoder = codecs.getincrementaldecoder(head.encoding)("strict")
    with head.path.open("rb") as file, path.open("wb") as copy:
        while chunk := file.read(_CHUNK):
            copy.write(decoder.decode(chunk).encode())
        copy.write(decoder.decode(b"", final=True).encode())


def _summed(file: IO[bytes], path: Path, skip: int, line_end: int) -> _Plain | None:
    """Return what stands from here on; None if it holds nothing, or what only Python reads."""
    start, quotes, breaks = file.tell(), 0, 0
    while chunk := file.read(_CHUNK):
        if b"\x00" in chunk:
            return None
        quotes += chunk.count(b'"')
        breaks += chunk.count(b"\n") + chunk.count(b"\r")
    end = file.tell()
    file.seek(max(start, end - _END))
    tail = file.read()
    rows = tail.rstrip(b"\r\n")
    if not rows:
        return None
    size = end - start - len(tail) + len(rows) + line_end
    return _Plain(path, skip, size, quotes, breaks, line_end)


def _read(
    connection: duckdb.DuckDBPyConnection,
    plain: _Plain,
    delimiter: str,
    header_row: int,
    count: int,
) -> None:
    names = staged_names(count)
    connection.execute(
        f"create table staged as select row_number() over () + {header_row + 1} as row_no, "
        f"{', '.join(names)} from read_csv({quoted(str(plain.path))}, auto_detect = false, "
        f"header = false, skip = {plain.skip}, delim = {quoted(delimiter)}, quote = '\"', "
        "escape = '\"', strict_mode = true, nullstr = '', "
        f"columns = {csv_columns(dict.fromkeys(names, 'VARCHAR'))})"
    )


def _agrees(connection: duckdb.DuckDBPyConnection, plain: _Plain, count: int) -> bool:
    """Tell whether the rows hold all that the file does; leave out those that are all blank."""
    names = staged_names(count)
    length = " + ".join(f"coalesce(strlen({name}), 0)" for name in names)
    everything = f"concat({', '.join(names)})"
    # Most rows have a cell that begins with a plain letter.
    is_plain = " or ".join(f"({name} >= '!' and {name} < chr(127))" for name in names)
    is_blank = f"({is_plain}) is not true and regexp_full_match({everything}, '{_BLANK}')"
    kept_quotes = f"strlen({everything}) - strlen(replace({everything}, '\"', ''))"
    rows, held, longest, blanks, quotes = _one(
        connection,
        f"select count(*), coalesce(sum({length}), 0), coalesce(max({length}), 0), "
        f"count(*) filter ({is_blank}), "
        f"{f'coalesce(sum({kept_quotes}), 0)' if plain.quotes else '0'} from staged",
    )
    between = rows * (count - 1 + plain.line_end)
    if held - quotes + between + plain.quotes != plain.size or longest > CELL_LENGTH_MAX:
        return False
    if plain.breaks - rows * plain.line_end > LINES_MAX:
        broken = f"strlen({everything}) - strlen(translate({everything}, chr(10) || chr(13), ''))"
        (most,) = _one(connection, f"select max({broken}) from staged")
        if most > LINES_MAX:
            return False
    if blanks:
        connection.execute(f"delete from staged where {is_blank}")
    return True


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> tuple[int, ...]:
    (row,) = connection.execute(query).fetchall()
    return row
