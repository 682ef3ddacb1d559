"""The file of the rows that an import refused: where, why, and the row itself."""

import csv
import re
import unicodedata
from itertools import islice
from pathlib import Path
from typing import Any

from springtide.connectors.tabular.staging import Staging

# A cell that a spreadsheet would run as a formula, also by signs of full width (in Chinese and
# Japanese versions) or small form, and behind what cannot be seen; a plain number does no harm.
_UNSEEN = r"\s\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_FORMULA = re.compile(rf"[\t\r\n]|[{_UNSEEN}]*[=+\-@＝＋－＠﹦﹢﹣﹫]")
_PLAIN_NUMBER = re.compile(r"\s*[+-]?[\d.,]+\s*")
# Digits that a spreadsheet takes for a number, and loses some of.
_ROUNDED = re.compile(r"\d{12,}|0\d+")
# A formula that is a text and nothing else.
_CONSTANT = re.compile(r'="[\w .:/-]*"')
_SHOWN_MAX = 1_000
#: What stands before a rejected row's own cells; named so that no table's own column is.
OURS = ("rejected_row", "rejected_column", "rejected_reason", "rejected_value")


def write_rejects(stage: Staging, path: Path) -> tuple[int, int, str, str] | None:
    """Write the rejected rows with their first problem; return count, row, column and reason.

    None (and no file) without any. Cells that a spreadsheet would run are made plain texts.
    """
    columns = stage.connection.execute("describe select * from staged").fetchall()
    cells = ", ".join(
        f"left(cast(staged.{name} as varchar), {_SHOWN_MAX})" for name, *_ in columns[1:]
    )
    rows = stage.connection.execute(
        "select distinct on (rejected.row_no) rejected.row_no, column_name, reason, value, "
        f"{cells} from rejected left join staged using (row_no) "
        "order by rejected.row_no, reason"
    )
    first = rows.fetchone()
    if first is None:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    row: tuple[Any, ...] | None = first
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        header = [*OURS, *stage.names]
        writer.writerow([harmless(name) for name in header])
        while row is not None:
            number, column, reason, value, *originals = row
            if column in stage.names:
                value = originals[stage.names.index(column)]
            shown = (number, column or "", reason, value, *originals)
            writer.writerow([kept(str(cell)) if cell is not None else "" for cell in shown])
            count += 1
            row = rows.fetchone()
    return count, first[0], first[1] or "", first[2]


def read_rejects(path: Path, count: int) -> tuple[list[str], list[list[str]]]:
    """Return the header and the first rows of a file of rejected rows."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        return next(rows, []), list(islice(rows, count))


def kept(cell: str) -> str:
    """Return a cell that a spreadsheet neither runs nor rounds: long numbers stay texts.

    >>> kept("4628000443885124223"), kept("007"), kept('="19"'), kept("=1+1"), kept("12.50")
    ('="4628000443885124223"', '="007"', '="19"', "'=1+1", '12.50')
    """
    if _ROUNDED.fullmatch(cell):
        return f'="{cell}"'
    return cell if _CONSTANT.fullmatch(cell) else harmless(cell)


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: such a one gets a leading quote.

    >>> harmless("=1+1"), harmless("＝1+1"), harmless("-5.00"), harmless("－５"), harmless("plain")
    ("'=1+1", "'＝1+1", '-5.00', '－５', 'plain')
    """
    if _FORMULA.match(cell) and not _PLAIN_NUMBER.fullmatch(unicodedata.normalize("NFKC", cell)):
        return f"'{cell}"
    return cell
