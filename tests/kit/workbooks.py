"""XLSX workbooks by hand: the least of the format that Excel writes, cell by cell."""

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_DOCUMENT = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
#: The formats of cells, by their place in the styles below.
_GENERAL, _DAY, _MOMENT, _CLOCK, _PERCENT = range(5)
_FORMATS = (0, 14, 22, 21, 9)
_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no zones


@dataclass(frozen=True)
class Raw:
    """A cell of a type of its own: ``e`` an error, ``str`` a formula's text, ``n`` a number."""

    value: str
    type_: str = "n"
    formula: str = ""
    style: int = _GENERAL


def error(text: str) -> Raw:
    """Return an error such as #N/A."""
    return Raw(text, "e")


def formula(text: str, value: str, type_: str = "n") -> Raw:
    """Return a formula with the value that Excel kept."""
    return Raw(value, type_, text)


def percent(value: str) -> Raw:
    """Return a number shown as a percentage."""
    return Raw(value, style=_PERCENT)


def workbook(
    rows: Iterable[Sequence[object]],
    *,
    above: int = 0,
    sheet: str | None = None,
    has_hidden: bool = False,
) -> bytes:
    """Return a workbook of one sheet whose rows begin under ``above`` empty ones.

    Cells are None, texts, numbers, booleans, dates, datetimes, times or ``Raw``. ``sheet`` stands
    in for the XML of the whole sheet; ``has_hidden`` puts a sheet that is not shown before it.
    """
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in _parts(sheet or _sheet(rows, above), has_hidden).items():
            archive.writestr(name, _HEAD + text)
    return found.getvalue()


def _parts(sheet: str, has_hidden: bool) -> dict[str, str]:
    hidden = '<sheet name="Lists" sheetId="2" state="hidden" r:id="r3"/>' if has_hidden else ""
    formats = "".join(f'<xf numFmtId="{number}" applyNumberFormat="1"/>' for number in _FORMATS)
    book = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    return {
        "[Content_Types].xml": f'<Types xmlns="{_TYPES}">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{book}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{book}.worksheet+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{book}.styles+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
        f'Type="{_DOCUMENT}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOCUMENT}"><sheets>'
        f'{hidden}<sheet name="Sheet1" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
        f'<Relationship Id="r1" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r3" Type="{_DOCUMENT}/worksheet" Target="worksheets/sheet2.xml"/>'
        f'<Relationship Id="r2" Type="{_DOCUMENT}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}"><cellXfs count="{len(_FORMATS)}">'
        f"{formats}</cellXfs></styleSheet>",
        "xl/worksheets/sheet1.xml": sheet,
        "xl/worksheets/sheet2.xml": _sheet([("Lists",)], 0),
    }


def _sheet(rows: Iterable[Sequence[object]], above: int) -> str:
    lines = []
    for number, row in enumerate(rows, start=above + 1):
        cells = "".join(_cell(value, place, number) for place, value in enumerate(row))
        lines.append(f'<row r="{number}">{cells}</row>')
    return sheet_of("".join(lines))


def sheet_of(rows: str) -> str:
    """Return the XML of a sheet with these rows."""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData></worksheet>'


def _cell(value: object, place: int, row: int) -> str:
    at = f'r="{_letters(place)}{row}"'
    match value:
        case None:
            return ""
        case Raw():
            made = f"<f>{escape(value.formula)}</f>" if value.formula else ""
            style = f's="{value.style}" t="{value.type_}"'
            return f"<c {at} {style}>{made}<v>{escape(value.value)}</v></c>"
        case bool():
            return f'<c {at} t="b"><v>{int(value)}</v></c>'
        case int() | float():
            return f"<c {at}><v>{value!r}</v></c>"
        case datetime():
            return f'<c {at} s="{_MOMENT}"><v>{_days(value)!r}</v></c>'
        case date():
            midnight = datetime.combine(value, time())
            return f'<c {at} s="{_DAY}"><v>{int(_days(midnight))}</v></c>'
        case time():
            seconds = (value.hour * 60 + value.minute) * 60 + value.second
            return f'<c {at} s="{_CLOCK}"><v>{seconds / 86_400!r}</v></c>'
    return f'<c {at} t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def _letters(place: int) -> str:
    """Return the letters of a column: A, Z, AA.

    >>> _letters(0), _letters(25), _letters(26), _letters(16383)
    ('A', 'Z', 'AA', 'XFD')
    """
    letters = ""
    place += 1
    while place:
        place, rest = divmod(place - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def _days(value: datetime) -> float:
    return (value - _EPOCH).total_seconds() / 86_400
