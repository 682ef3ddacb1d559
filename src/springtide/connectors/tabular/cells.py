"""CSV files cell by cell: encodings, delimiters, broken quotes and ragged rows told by row number.

Row numbers are those a spreadsheet shows: the header is row 1, an empty line is a row, and a cell
with line breaks does not add one.
"""

import codecs
import csv
import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from springtide.kit.errors import N_, Refusal

CELL_LENGTH_MAX = 32_767
# In UTF-8 with its quotes a row of this length is below DuckDB's longest line (2 MB).
ROW_LENGTH_MAX = 400_000
_LINE_LENGTH_MAX = 64 * 2**20
# A quoted cell may go over so many lines; more is a quote that was never closed.
LINES_MAX = 2_000
_SAMPLE = 256 * 1024
_CHUNK = 2**18
DELIMITERS = ",\t;|"
_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

# Bytes that are not in the encoding are read as lone surrogates.
_LOST = re.compile("[\ud800-\udfff]")
# What the letters beyond ASCII begin with in UTF-8.
_FIRST_BYTES = bytes(range(0xC2, 0xF5))
# What text hardly holds: control characters but tab, line ends and escape.
_CONTROL = bytes([*range(9), *range(14, 27), *range(28, 32)])

csv.field_size_limit(2**31 - 1)


class EmptyFile(Refusal):
    """A file without a single row."""

    code = "empty_file"
    text = N_("{file}: the file is empty.")


class UnreadableFile(Refusal):
    """A file that is not what its name says."""

    code = "unreadable_file"
    text = N_("{file}: cannot be read: {why}")


def shown_name(path: Path) -> str:
    """Return a file's name as text that can be stored and shown, whatever bytes it is made of."""
    return os.fsencode(path.name).decode("utf-8", "replace")


@contextmanager
def calling(path: Path, name: str) -> Iterator[None]:
    """Have refusals call a file by the name that people know, whatever it is called on the disk."""
    try:
        yield
    except Refusal as refusal:
        ours = {shown_name(path), os.fsencode(path).decode("utf-8", "replace")}
        for fact, value in refusal.facts.items():
            if isinstance(value, str) and value in ours:
                refusal.facts[fact] = name
        raise


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: its number, and its cells or why they cannot be used."""

    number: int
    cells: tuple[str, ...]
    reason: str | None = None


def tell_encoding(path: Path) -> str:
    """Return the encoding of a text file: by its mark, else UTF-8, else GB18030.

    GB18030 reads GBK and GB2312 too. Of a file that is neither in whole, whichever most of it is:
    the rows that are not are rejected one by one.
    """
    with path.open("rb") as file:
        start = file.read(4)
        for mark, encoding in _BOMS:
            if start.startswith(mark):
                return encoding
    return "utf-8" if _is_utf8(path) else "gb18030"


def _is_utf8(path: Path) -> bool:
    """Tell whether a file has no byte that UTF-8 has not, or more letters of it than such bytes.

    GB18030 seldom makes letters of UTF-8, while most pairs of UTF-8's bytes are letters in GB18030:
    that a file can be read as GB18030 says little.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("ignore")
    letters = wrong = before = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            if chunk.isascii() and not decoder.getstate()[0]:
                continue
            known = decoder.decode(chunk).encode()
            held = len(decoder.getstate()[0])
            letters += len(known) - len(known.translate(None, _FIRST_BYTES))
            wrong += len(chunk) - len(known) - held + before
            before = held
    wrong += before
    return letters >= wrong if letters else not wrong


def is_text(start: bytes) -> bool:
    """Tell text by its first bytes: a mark of its encoding, or few control characters."""
    if start.startswith(tuple(mark for mark, _ in _BOMS)):
        return True
    return len(start) - len(start.translate(None, _CONTROL)) <= len(start) // 20


def tell_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that splits the first lines most evenly; a comma if none does."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        lines = [line for line in file.read(_SAMPLE).splitlines() if line.strip()][:20]
    best, best_score = ",", 0
    for delimiter in DELIMITERS:
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
        lines = _Lines(_physical_lines(file, shown_name(path)))
        while True:
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
            try:
                for cells in reader:
                    number += 1
                    lines.forget()
                    if cells:
                        yield checked(Row(number, tuple(cells)))
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
        if len(self._row) > LINES_MAX:
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


def checked(row: Row) -> Row:
    """Return the row, with the reason if its cells cannot be used."""
    text = "".join(row.cells)
    reason = None
    if "\x00" in text:
        reason = N_("a NUL character")
    elif not text.isascii() and _LOST.search(text):
        reason = N_("characters that are not in the file's encoding")
    elif len(text) > CELL_LENGTH_MAX and max(map(len, row.cells)) > CELL_LENGTH_MAX:
        reason = N_("a cell of more than 32,767 characters")
    elif len(text) > ROW_LENGTH_MAX:
        reason = N_("a row of more than 400,000 characters")
    return Row(row.number, row.cells, reason) if reason else row
