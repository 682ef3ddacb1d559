"""The file of the rows that an import refused: where, why, and the row itself."""

import csv
import re
from pathlib import Path
from typing import Any

from springtide.connectors.tabular.staging import Staging

# A cell that a spreadsheet would run as a formula; a plain number does no harm.
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_PLAIN_NUMBER = re.compile(r"^[+-]?[\d.,]+$")
_SHOWN_MAX = 1_000


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
        header = ["row", "column", "reason", "value", *stage.names]
        writer.writerow([harmless(name) for name in header])
        while row is not None:
            number, column, reason, value, *originals = row
            if column in stage.names:
                value = originals[stage.names.index(column)]
            shown = (number, column or "", reason, value, *originals)
            writer.writerow([harmless(str(cell)) if cell is not None else "" for cell in shown])
            count += 1
            row = rows.fetchone()
    return count, first[0], first[1] or "", first[2]


def harmless(cell: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: such a one gets a leading quote.

    >>> harmless("=1+1"), harmless("-5.00"), harmless("plain")
    ("'=1+1", '-5.00', 'plain')
    """
    if _FORMULA.match(cell) and not _PLAIN_NUMBER.match(cell):
        return f"'{cell}"
    return cell
