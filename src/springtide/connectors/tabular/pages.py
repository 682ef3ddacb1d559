"""Tables of web pages, such as shop systems write and call ``.xls``; all rows as one table.

The page is cut at every ``<`` and never held: whatever it is like, it is read in one pass.
"""

import html
import re
from collections.abc import Iterator
from pathlib import Path

from springtide.connectors.tabular.cells import (
    ROW_LENGTH_MAX,
    Row,
    UnreadableFile,
    checked,
    shown_name,
    tell_encoding,
)
from springtide.kit.errors import N_

_CHUNK = 2**18
_PIECE_MAX = 2**22
_CELLS_MAX = 2_000
_SPAN_MAX = 1_000
_ROWS_SPAN_MAX = 100_000
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w-]{2,40})""", re.IGNORECASE)
_TAG = re.compile(r"/?[a-zA-Z][\w:]*")
_TAG_END = re.compile(r"""(?:[^>"']|"[^"]*"|'[^']*')*>""")
_SPAN = re.compile(r"""\b(col|row)span\s*=\s*["']?\s*(\d{1,6})""", re.IGNORECASE)
_BREAKS = {"br", "/p", "/div", "/li"}
_SKIPPED = {"style", "script", "xml", "head"}


def is_page(start: bytes) -> bool:
    """Tell a web page with a table, or one that may have one, by a file's first bytes."""
    text = start.replace(b"\x00", b"").removeprefix(b"\xef\xbb\xbf").lower()
    return text.lstrip(b"\xff\xfe \t\r\n").startswith(b"<") and (
        b"<html" in text or b"<table" in text
    )


def page_encoding(path: Path, start: bytes) -> str:
    """Return a page's encoding: by its bytes, and by what it says where those leave it open."""
    told = tell_encoding(path)
    said = _CHARSET.search(start)
    if told != "gb18030" or said is None:
        return told
    name = said[1].decode("ascii").lower()
    return told if name.startswith(("utf", "gb")) else name


def page_rows(path: Path, encoding: str) -> Iterator[Row]:
    """Yield the rows of all tables of a page."""
    table = _Table()
    name = shown_name(path)
    for tag, attributes, text in _tags(_pieces(path, encoding)):
        row = table.meet(tag, attributes)
        if row is not None:
            yield row
        table.say(text)
        if table.is_too_wide:
            raise UnreadableFile(file=name, why=N_("it has more than 1,000 columns"))
    row = table.meet("/table", "")
    if row is not None:
        yield row


def _pieces(path: Path, encoding: str) -> Iterator[str]:
    """Yield what stands after each ``<``, up to the next."""
    rest = ""
    with path.open(encoding=encoding, errors="surrogateescape", newline="") as file:
        while chunk := file.read(_CHUNK):
            *pieces, rest = (rest + chunk).split("<")
            if len(rest) > _PIECE_MAX:
                raise UnreadableFile(
                    file=shown_name(path), why=N_("a cell of more than 32,767 characters")
                )
            yield from pieces
    yield rest


def _tags(pieces: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Yield every tag with its attributes and the text behind it; none for a stray ``<``."""
    until = ""
    yield "", "", next(pieces)
    for piece in pieces:
        if until == "-->" or (not until and piece.startswith("!--")):
            _, end, text = piece.partition("-->")
            until = "" if end else "-->"
            if end:
                yield "", "", text
            continue
        found = _TAG.match(piece)
        tag = found[0].lower() if found else ""
        if until and tag != until:
            continue
        until = ""
        if not found:
            is_tag = piece.startswith(("!", "?", "/"))
            yield "", "", piece.partition(">")[2] if is_tag else "<" + piece
            continue
        if tag in _SKIPPED:
            until = "/" + tag
            continue
        end_at = piece.find(">")
        if end_at < 0:
            yield tag, piece, ""
            continue
        if piece.count('"', 0, end_at) % 2 or piece.count("'", 0, end_at) % 2:
            whole = _TAG_END.match(piece)
            end_at = whole.end() - 1 if whole else end_at
        yield tag, piece[found.end() : end_at], piece[end_at + 1 :]


class _Table:
    """The row that is being read, and the cells of earlier rows that reach into it."""

    def __init__(self) -> None:
        self._number = 0
        self._cells: list[str] | None = None
        self._lines: list[list[str]] | None = None
        self._length = 0
        self._spans = (1, 1)
        self._hanging: dict[int, int] = {}
        self.is_too_wide = False

    def meet(self, tag: str, attributes: str) -> Row | None:
        """Take in a tag; return the row that it ends."""
        row = None
        if tag in ("tr", "/tr", "table", "/table"):
            row = self._end_row()
            if tag == "tr":
                self._number += 1
                self._cells = []
                self._length = 0
        elif tag in ("td", "th", "/td", "/th"):
            self._end_cell()
            if tag[0] != "/":
                if self._cells is None:
                    self._number += 1
                    self._cells = []
                spans = dict(_SPAN.findall(attributes.lower())) if attributes else {}
                self._spans = int(spans.get("col", 1)), int(spans.get("row", 1))
                self._lines = [[]]
        elif tag in _BREAKS and self._lines is not None:
            self._lines.append([])
        return row

    def say(self, text: str) -> None:
        """Take in a text; what is too long to be used is not held in whole."""
        if self._lines is not None and text and self._length <= ROW_LENGTH_MAX:
            self._length += len(text)
            self._lines[-1].append(text)

    def _end_cell(self) -> None:
        if self._lines is None or self._cells is None:
            return
        lines = (" ".join(html.unescape("".join(line)).split()) for line in self._lines)
        self._lines = None
        self._fill()
        across, down = min(self._spans[0], _SPAN_MAX), min(self._spans[1], _ROWS_SPAN_MAX)
        for place in range(max(1, across)):
            if down > 1:
                self._hanging[len(self._cells)] = down
            self._cells.append("\n".join(line for line in lines if line) if place == 0 else "")
        self.is_too_wide = len(self._cells) > _CELLS_MAX

    def _fill(self) -> None:
        """Leave the places empty that a cell above takes."""
        if self._cells is not None:
            while len(self._cells) in self._hanging and len(self._cells) <= _CELLS_MAX:
                self._cells.append("")

    def _end_row(self) -> Row | None:
        self._end_cell()
        if self._cells is None:
            return None
        self._fill()
        cells, self._cells = tuple(self._cells), None
        self._hanging = {place: left - 1 for place, left in self._hanging.items() if left > 1}
        return checked(Row(self._number, cells)) if cells else None
