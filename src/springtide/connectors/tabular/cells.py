"""CSV files cell by cell: encodings, delimiters, broken quotes and ragged rows told by row number.

Row numbers are those a spreadsheet shows: the header is row 1, an empty line is a row, and a cell
with line breaks does not add one.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from springtide.kit.errors import N_, Refusal

CELL_LENGTH_MAX = 32_767
_LINE_LENGTH_MAX = 64 * 2**20
# A quoted cell may go over so many lines; more is a quote that was never closed.
_LINES_MAX = 2_000
_SAMPLE = 256 * 1024
_DELIMITERS = ",\t;|"
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))

csv.field_size_limit(2**31 - 1)


class EmptyFile(Refusal):
    """A file without a single row."""

    code = "empty_file"
    text = N_("{file}: the file is empty.")


class UnreadableFile(Refusal):
    """A file that is not what its name says."""

    code = "unreadable_file"
    text = N_("{file}: cannot be read: {why}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its number, and its cells or why they cannot be used."""

    number: int
    cells: tuple[str, ...]
    reason: str | None = None


def tell_encoding(path: Path) -> str:
    """Return the encoding of a text file: by its mark, else UTF-8, else GB18030.

    GB18030 reads GBK and GB2312 too. A file that is neither is read as UTF-8, and the rows that
    are not are rejected one by one.
    """
    with path.open("rb") as file:
        start = file.read(4)
        for mark, encoding in _BOMS:
            if start.startswith(mark):
                return encoding
    for encoding in ("utf-8", "gb18030"):
        if _decodes(path, encoding):
            return encoding
    return "utf-8"


def _decodes(path: Path, encoding: str) -> bool:
    try:
        with path.open(encoding=encoding, newline="") as file:
            while file.read(2**20):
                pass
    except UnicodeDecodeError:
        return False
    return True


def tell_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that splits the first lines most evenly; a comma if none does."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        lines = [line for line in file.read(_SAMPLE).splitlines() if line.strip()][:20]
    best, best_score = ",", 0
    for delimiter in _DELIMITERS:
        counts = [len(row) - 1 for row in csv.reader(lines, delimiter=delimiter)]
        common = max(set(counts), key=counts.count, default=0)
        score = common * counts.count(common)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def read_csv(path: Path, encoding: str, delimiter: str) -> Iterator[Row]:
    """Yield every row of a CSV file, readable or not, in order."""
    number = 0
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        lines = _Lines(_physical_lines(file, path.name))
        while True:
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            try:
                for cells in reader:
                    number += 1
                    lines.forget()
                    if cells:
                        yield _checked(Row(number, tuple(cells)))
                return
            except (csv.Error, _TooManyLinesError) as error:
                number += 1
                first = lines.rewind()
                if first is None:
                    return
                reason = N_("a quote is not closed")
                if isinstance(error, csv.Error) and "expected after" in str(error):
                    reason = N_("a quote in the middle of a cell")
                yield Row(number, (first.rstrip("\r\n")[:CELL_LENGTH_MAX],), reason)


class _TooManyLinesError(Exception):
    """A cell goes over more lines than any real one."""


class _Lines:
    """Lines for the csv module that can be taken back to the start of a broken row."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._row: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if len(self._row) > _LINES_MAX:
            raise _TooManyLinesError
        line = next(self._source)
        self._row.append(line)
        return line

    def forget(self) -> None:
        """Note that a row ended well."""
        self._row.clear()

    def rewind(self) -> str | None:
        """Give back all lines of the broken row but the first, and return that one."""
        if not self._row:
            return None
        first, *rest = self._row
        self._row = []
        self._source = chain(rest, self._source)
        return first


def _physical_lines(file: io.TextIOBase, name: str) -> Iterator[str]:
    while line := file.readline(_LINE_LENGTH_MAX):
        if len(line) == _LINE_LENGTH_MAX and not line.endswith("\n"):
            raise UnreadableFile(file=name, why=N_("a line is longer than 64 million characters"))
        yield line


def _checked(row: Row) -> Row:
    text = "".join(row.cells)
    reason = None
    if "\x00" in text:
        reason = N_("a NUL character")
    elif not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
        reason = N_("characters that are not in the file's encoding")
    elif len(text) > CELL_LENGTH_MAX and max(map(len, row.cells)) > CELL_LENGTH_MAX:
        reason = N_("a cell of more than 32,767 characters")
    return Row(row.number, row.cells, reason) if reason else row
