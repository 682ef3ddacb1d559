"""Tables in web pages: what many a back office calls an Excel file."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

from springtide.connectors.tabular.cells import (
    CELL_LENGTH_MAX,
    Row,
    UnreadableFile,
    checked,
    shown_name,
)
from springtide.kit.errors import N_

_CHUNK = 2**18
_SPAN_MAX = 100
_CELLS_MAX = 2_000
_MARKS = (b"<html", b"<table", b"<!doctype html", b"<head", b"<meta")


def is_page(start: bytes) -> bool:
    """Tell a web page by its first bytes."""
    head = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith(b"<") and any(mark in head for mark in _MARKS)


def page_rows(path: Path, encoding: str) -> Iterator[Row]:
    """Yield the rows of all tables of a page, in order."""
    reader = _Tables(shown_name(path))
    number = 0
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        while chunk := file.read(_CHUNK):
            reader.feed(chunk)
            for cells in reader.take():
                number += 1
                yield checked(Row(number, cells))
    reader.close()
    for cells in reader.take(is_over=True):
        number += 1
        yield checked(Row(number, cells))


class _Tables(HTMLParser):
    """Gathers the cells of rows; a table inside a cell is text of that cell."""

    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self._name = name
        self._rows: list[tuple[str, ...]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._length = 0
        self._span = 1

    def take(self, *, is_over: bool = False) -> list[tuple[str, ...]]:
        """Return the rows that are whole."""
        if is_over:
            self._end_row()
        rows, self._rows = self._rows, []
        return rows

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a row or a cell, which ends the one before it."""
        if tag == "tr":
            self._end_row()
            self._row = []
        elif tag in ("td", "th") and self._row is not None:
            self._end_cell()
            span = dict(attrs).get("colspan") or "1"
            self._span = min(int(span), _SPAN_MAX) if span.isascii() and span.isdigit() else 1
            self._cell, self._length = [], 0
        elif tag == "br" and self._cell is not None:
            self._cell.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """End a cell or a row."""
        if tag in ("td", "th"):
            self._end_cell()
        elif tag in ("tr", "table"):
            self._end_row()

    def handle_data(self, data: str) -> None:
        """Take the text of a cell."""
        if self._cell is not None and self._length <= CELL_LENGTH_MAX:
            self._cell.append(data)
            self._length += len(data)

    def _end_cell(self) -> None:
        if self._cell is None or self._row is None:
            return
        self._row.append("".join(self._cell).strip())
        self._row += [""] * (self._span - 1)
        self._cell = None
        if len(self._row) > _CELLS_MAX:
            raise UnreadableFile(file=self._name, why=N_("it has more than 1,000 columns"))

    def _end_row(self) -> None:
        self._end_cell()
        if self._row is not None:
            self._rows.append(tuple(self._row))
        self._row = None
