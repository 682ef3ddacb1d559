"""Tables going out: CSV that spreadsheets open right, XLSX and Parquet, each value as its type."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import duckdb
from xlsxwriter import Workbook

from springtide.connectors.tabular.rejects import kept
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import exponent, to_decimal
from springtide.kit.sql import identifier, quoted

SUFFIXES = ("csv", "xlsx", "parquet")
#: A sheet's rows, less the header's.
SHEET_ROWS_MAX = 1_048_575
_CELL_MAX = 32_767
# Whole numbers that a spreadsheet's cell holds to the last digit.
_EXACT_MAX = 10**15
_BATCH = 5_000

Type = Literal["text", "count", "money", "instant", "day"]
Row = Sequence[Any]


class TooManyRows(Refusal):
    """More rows than a file of this kind may have."""

    code = "too_many_rows"
    text = N_("These are more than {most} rows: choose fewer, another format, or the command line.")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in programs, its heading for people (English), and what its cells are.

    Texts are str, counts int, money an int in minor units, instants aware datetimes, days dates;
    None is an empty cell in any of them. ``words`` says what the words that programs keep (states,
    kinds) are called for people, in English; Parquet has the programs'.
    """

    name: str
    heading: str
    type_: Type = "text"
    # By a text or a StrEnum, which is one.
    words: Mapping[Any, str] | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How values are written: the shop's currency and zone, and the words of the reader."""

    currency: str
    zone: ZoneInfo
    translate: Callable[[str], str]

    def heading(self, column: Column) -> str:
        """Return a column's heading; it tells the currency of money and the zone of instants."""
        more = {"money": self.currency, "instant": self.zone.key}.get(column.type_)
        heading = self.translate(column.heading)
        return f"{heading} ({more})" if more else heading

    def word(self, column: Column, value: Any) -> str:
        """Return a text as people read it."""
        text = str(value)
        return text if column.words is None else self.translate(column.words.get(text, text))


def write(
    path: Path,
    format_: str,
    columns: Sequence[Column],
    rows: Iterable[Row],
    manner: Manner,
    *,
    most: int | None = None,
) -> int:
    """Write rows to a new file; return how many. Refuses more than ``most`` (``TooManyRows``).

    CSV and XLSX have headings for people and times in the shop's zone; no cell is a formula.
    Parquet has the columns' names, decimals for money and instants in UTC.
    """
    limit = min(most or SHEET_ROWS_MAX, SHEET_ROWS_MAX) if format_ == "xlsx" else most
    counted = _counted(rows, limit)
    match format_:
        case "csv":
            return _write_csv(path, columns, counted, manner)
        case "xlsx":
            return _write_xlsx(path, columns, counted, manner)
        case "parquet":
            return _write_parquet(path, columns, counted, manner)
    raise ValueError(format_)


def _counted(rows: Iterable[Row], most: int | None) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if most is not None and number > most:
            raise TooManyRows(most=most)
        yield row


def _write_csv(path: Path, columns: Sequence[Column], rows: Iterable[Row], manner: Manner) -> int:
    count = 0
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([kept(manner.heading(column)) for column in columns])
        for row in rows:
            writer.writerow(
                [_text(column, value, manner) for column, value in zip(columns, row, strict=True)]
            )
            count += 1
    return count


def _text(column: Column, value: Any, manner: Manner) -> str:
    if value is None:
        return ""
    match column.type_:
        case "money":
            return str(to_decimal(value, manner.currency))
        case "instant":
            local: datetime = value.astimezone(manner.zone)
            return local.strftime("%Y-%m-%d %H:%M:%S")
        case "text":
            return kept(manner.word(column, value))
    return str(value)


def _write_xlsx(path: Path, columns: Sequence[Column], rows: Iterable[Row], manner: Manner) -> int:
    options = {
        "constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False,
        "strings_to_numbers": False, "tmpdir": str(path.parent),
    }  # fmt: skip
    count = 0
    with Workbook(str(path), options) as book:
        sheet = book.add_worksheet()
        digits = exponent(manner.currency)
        money = "#,##0" + (f".{'0' * digits}" if digits else "")
        formats = {
            "money": book.add_format({"num_format": money}),
            "instant": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
        }
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 0)
        for at, column in enumerate(columns):
            heading = manner.heading(column)
            sheet.set_column(at, at, max(12, min(40, 2 * len(heading))))
            sheet.write_string(0, at, heading, bold)
        for count, row in enumerate(rows, start=1):
            for at, (column, value) in enumerate(zip(columns, row, strict=True)):
                if value is not None:
                    _write_cell(sheet, count, at, column, value, manner, formats)
    return count


def _write_cell(
    sheet: Any,
    row: int,
    at: int,
    column: Column,
    value: Any,
    manner: Manner,
    formats: dict[str, Any],
) -> None:
    form = formats.get(column.type_)
    match column.type_:
        case "count" | "money" if abs(value) >= _EXACT_MAX:
            sheet.write_string(row, at, _text(column, value, manner))
        case "count":
            sheet.write_number(row, at, value)
        case "money":
            sheet.write_number(row, at, float(to_decimal(value, manner.currency)), form)
        case "instant":
            local = value.astimezone(manner.zone).replace(tzinfo=None)
            sheet.write_datetime(row, at, local, form)
        case "day":
            sheet.write_datetime(row, at, value, form)
        case _:
            sheet.write_string(row, at, manner.word(column, value)[:_CELL_MAX])


def _write_parquet(
    path: Path, columns: Sequence[Column], rows: Iterable[Row], manner: Manner
) -> int:
    types = {
        "text": "VARCHAR",
        "count": "BIGINT",
        "money": f"DECIMAL(24, {exponent(manner.currency)})",
        "instant": "TIMESTAMPTZ",
        "day": "DATE",
    }
    config: dict[str, Any] = {"threads": 1, "temp_directory": str(path.parent)}
    with duckdb.connect(config=config) as connection:
        connection.execute("set TimeZone = 'UTC'")
        fields = ", ".join(f"{identifier(each.name)} {types[each.type_]}" for each in columns)
        connection.execute(f"create table going ({fields})")
        taken = ", ".join(
            f"cast(unnest(${at}::varchar[]) as {types[each.type_]})"
            for at, each in enumerate(columns, start=1)
        )
        remaining, count = iter(rows), 0
        while batch := list(islice(remaining, _BATCH)):
            count += len(batch)
            texts = [
                [_exact(column, row[at], manner) for row in batch]
                for at, column in enumerate(columns)
            ]
            connection.execute(f"insert into going select {taken}", texts)
        connection.execute(f"copy going to {quoted(str(path))} (format parquet)")
    return count


def _exact(column: Column, value: Any, manner: Manner) -> str | None:
    if value is None:
        return None
    match column.type_:
        case "money":
            return str(to_decimal(value, manner.currency))
        case "instant":
            at: datetime = value
            return at.astimezone(UTC).isoformat()
        case "day":
            day: date = value
            return day.isoformat()
    return str(value)
