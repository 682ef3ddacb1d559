"""Workbooks in the XML of Excel 2003 (SpreadsheetML), sheet by sheet and row by row.

Source: the "XML Spreadsheet Reference" (urn:schemas-microsoft-com:office:spreadsheet).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.parsers import expat

from springtide.connectors.tabular.cells import (
    ROW_LENGTH_MAX,
    Row,
    UnreadableFile,
    checked,
    shown_name,
)
from springtide.kit.errors import N_

_SPACE = "urn:schemas-microsoft-com:office:spreadsheet"
_CHUNK = 2**18
_COLUMNS_MAX = 16_384
_ROWS_MAX = 2**31


class Met(NamedTuple):
    """A row, and the name of the sheet that it stands in."""

    sheet: str
    row: Row


class _EntityError(Exception):
    """The file defines words of its own, which no workbook does."""


def is_xml_workbook(start: bytes) -> bool:
    """Tell such a workbook by a file's first bytes."""
    text = start.replace(b"\x00", b"")
    return _SPACE.encode() in text and b"<html" not in text.lower()


def xml_rows(path: Path) -> Iterator[Met]:
    """Yield the rows of all sheets."""
    reader = _Reader()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                reader.parser.Parse(chunk, False)
                yield from reader.taken()
        reader.parser.Parse(b"", True)
        yield from reader.taken()
    except (expat.ExpatError, _EntityError, ValueError, LookupError) as error:
        raise UnreadableFile(file=shown_name(path), why=N_("it is damaged")) from error


class _Reader:
    def __init__(self) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._say
        self.parser.EntityDeclHandler = self._refuse
        self._met: list[Met] = []
        self._sheet = ""
        self._number = 0
        self._cells: list[str] = []
        self._parts: list[str] | None = None
        self._length = 0

    def taken(self) -> Iterator[Met]:
        """Yield the rows that are whole."""
        met, self._met = self._met, []
        yield from met

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match name.removeprefix(_SPACE + " "):
            case "Worksheet":
                self._sheet = attributes.get(f"{_SPACE} Name", "")[:100]
                self._number = 0
            case "Row":
                self._number = self._index(attributes, self._number, _ROWS_MAX)
                self._cells = []
                self._length = 0
            case "Cell":
                place = self._index(attributes, len(self._cells), _COLUMNS_MAX)
                self._cells += [""] * (place - len(self._cells))
            case "Data":
                self._parts = []

    def _index(self, attributes: dict[str, str], before: int, most: int) -> int:
        index = int(attributes.get(f"{_SPACE} Index", before + 1))
        if not before < index <= most:
            raise ValueError(index)
        return index

    def _end(self, name: str) -> None:
        match name.removeprefix(_SPACE + " "):
            case "Row":
                self._met.append(Met(self._sheet, checked(Row(self._number, tuple(self._cells)))))
            case "Data":
                if self._parts is not None and self._cells:
                    self._cells[-1] = "".join(self._parts)
                self._parts = None

    def _say(self, text: str) -> None:
        if self._parts is not None and self._length <= ROW_LENGTH_MAX:
            self._length += len(text)
            self._parts.append(text)

    def _refuse(self, *_declared: Any) -> None:
        raise _EntityError
