"""XLSX and XLS workbooks row by row, looked at for traps before they are opened.

The reader (calamine) sets aside memory for the whole rectangle that a sheet's cells span and ends
the process when there is none, so the spread of the cells is counted first.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Any

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from springtide.connectors.tabular import ole
from springtide.connectors.tabular.cells import Row, UnreadableFile, checked, shown_name
from springtide.connectors.tabular.packed import DAMAGE, WORKBOOK_PART, damaged
from springtide.kit.errors import N_

OLE = b"\xd0\xcf\x11\xe0"
_UNPACKED_MAX = 2**30
_CELLS_MAX = 30_000_000
_CHUNK = 2**20
# What says the places of cells and rows: r="AB12", r="12"; and cells that do not say theirs.
_LETTERS = re.compile(rb"""r\s*=\s*["'](?<!\wr=["'])([A-Za-z]+)""")
_DIGITS = re.compile(rb"""r\s*=\s*["'](?<!\wr=["'])[A-Za-z]*(\d{1,10})""")
_PLACELESS = tuple(
    re.compile(start + rb"""c(?:\s+(?!r\b)[\w:]+\s*=\s*(?:"[^"]*"|'[^']*'))*\s*/?>""")
    for start in (b"<", b":")
)
_READING_ERRORS = (CalamineError, zipfile.BadZipFile, IndexError, ValueError, OSError)
# Spreadsheets keep 15 digits of a number; of longer ones the rest is lost.
_EXACT_BELOW = 10**15


def check_workbook(path: Path) -> None:
    """Refuse a file that is no workbook, or one that must not be opened."""
    try:
        why = _trap(path)
    except (*DAMAGE, OSError) as error:
        raise damaged(path, error) from error
    if why:
        raise UnreadableFile(file=shown_name(path), why=why)


def first_rows(path: Path) -> Iterator[tuple[str, Iterator[Row]]]:
    """Yield the sheets that are shown, of a checked workbook, with their rows."""
    with _workbook(path) as workbook:
        shown = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        for name in shown or workbook.sheet_names[:1]:
            yield name, _rows(workbook.get_sheet_by_name(name))


def workbook_rows(path: Path, sheet: str) -> Iterator[Row]:
    """Yield the rows of a sheet of a checked workbook."""
    with _workbook(path) as workbook:
        found = workbook.get_sheet_by_name(sheet)
    return _rows(found)


def _rows(sheet: CalamineSheet) -> Iterator[Row]:
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        yield checked(Row(number, tuple(map(_cell_text, cells))))


@contextmanager
def _workbook(path: Path) -> Iterator[CalamineWorkbook]:
    """Open a workbook; refuse what the reader cannot read, or stumbles over."""
    try:
        with path.open("rb") as file:
            yield CalamineWorkbook.from_filelike(file)
    except BaseException as error:
        # What the reader did not expect comes as a PanicException, which is no Exception.
        is_panic = type(error).__name__ == "PanicException"
        if is_panic or isinstance(error, _READING_ERRORS):
            raise UnreadableFile(file=shown_name(path), why=N_("it is not a workbook")) from error
        raise


def _trap(path: Path) -> str | None:
    """Return why a file must not be opened as a workbook."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == OLE:
        return ole.trap(path, _CELLS_MAX)
    with zipfile.ZipFile(path) as archive:
        if WORKBOOK_PART not in archive.namelist():
            return N_("it is not an XLSX workbook: save it as XLSX or CSV")
        if sum(info.file_size for info in archive.infolist()) > _UNPACKED_MAX:
            return N_("it unpacks to more than 1 GB: save it as CSV")
        return _spread_too_far(archive)


def _spread_too_far(archive: zipfile.ZipFile) -> str | None:
    """Read all of an archive (a damaged one raises); tell a sheet that is too large to hold."""
    for info in archive.infolist():
        letters: set[bytes] = set()
        last_row = 1
        with archive.open(info) as file:
            kept = b""
            while chunk := file.read(_CHUNK):
                text = kept + chunk
                letters.update(_LETTERS.findall(text))
                last_row = max(last_row, *map(int, set(_DIGITS.findall(text))), 1)
                if any(placeless.search(text) for placeless in _PLACELESS):
                    return N_("its cells do not say their places: save it again as XLSX or CSV")
                # A tag that goes over the border is seen whole with the next chunk.
                kept = _open_tag(text)
                if len(kept) > _CHUNK:
                    return N_("it is damaged")
        if max(map(_place, letters), default=0) * last_row > _CELLS_MAX:
            return N_("its sheet spans more than 30 million cells: save it as CSV")
    return None


def _open_tag(text: bytes) -> bytes:
    start = text.rfind(b"<")
    return text[start:] if start >= 0 and b">" not in text[start:] else b""


def _place(letters: bytes) -> int:
    """Return the number of a column.

    >>> _place(b"A"), _place(b"xfd")
    (1, 16384)
    """
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def _cell_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        whole = int(cell)
        is_exact = abs(whole) < _EXACT_BELOW or (abs(whole) < 2**53 and whole % 10)
        return str(whole) if is_exact else f"{cell:.14E}"
    if isinstance(cell, bool):
        return str(cell).upper()
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        return cell.isoformat()
    return str(cell)
