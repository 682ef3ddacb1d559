"""Workbooks say the same as CSV files, and one that is a trap is refused before it is opened."""

import io
import struct
import zipfile
from datetime import date, datetime

import pytest

from springtide.connectors.tabular.cells import UnreadableFile
from springtide.domain.imports.model import RowCounts
from springtide.domain.imports.normalise import ROUNDED
from tests.kit.bench import Bench
from tests.kit.workbooks import error, formula, percent, sheet_of, workbook

HEADER = ("订单编号", "客户", "日期", "商品id", "数量", "金额", "备注", None, "")


def test_a_workbook_and_a_csv_file_with_the_same_rows_are_the_same_facts(bench: Bench) -> None:
    csv = (
        "订单编号,客户,日期,商品id,数量,金额,备注\n"
        "202511010001,张三,2025-11-01,p1,2,19.90,TRUE\n"
        "202511010002,李四,2025-11-01 09:30:15,1001,1,0.1,15%\n"
        "202511010003,李四,2025-11-11 00:00:01,p2,1,42.5,\n"
        "202511010004,#N/A,2025/11/12,p2,1,8,\n"
        "202511010005,王五,2025-11-12,p2,1,#DIV/0!,\n"
    )
    first = bench.bring(csv)
    assert first.rows == RowCounts(5, 4, 0, 0, 1)
    before = bench.summary()
    rows = [
        HEADER,
        (202511010001, "张三", date(2025, 11, 1), "p1", 2, 19.9, True, None, ""),
        (
            "202511010002", "李四", datetime.fromisoformat("2025-11-01 09:30:15"),
            1001, 1, 0.1, percent("0.15"),
        ),
        (
            202511010003, " 李四 ", datetime.fromisoformat("2025-11-11 00:00:01"),
            formula('"p"&2', "p2", "str"), formula("1=1", "1"), formula("85/2", "42.5"),
        ),
        (202511010004, error("#N/A"), "2025/11/12", "p2", 1, 8),
        (202511010005, "王五", "2025-11-12", "p2", 1, formula("1/0", "#DIV/0!", "e")),
        ("", None, " "),
    ]  # fmt: skip
    done = bench.bring(workbook(rows, above=3), "orders.xlsx")
    assert done.rows == RowCounts(5, 0, 0, 4, 1)
    assert bench.rejects(first) == [(6, "金额", "is missing")]
    # Row numbers are those that Excel shows: the table begins under three empty rows.
    assert bench.rejects(done) == [(9, "金额", "is missing")]
    after = bench.summary()
    assert (after.kinds, after.gross_minor, after.customers) == (before.kinds, 7_050, 2)
    assert after.rejected == 2  # one of each file


def test_real_dates_are_read_beside_the_formats_of_a_mapping(bench: Bench) -> None:
    mapping = {
        "date_formats": ["%d.%m.%Y"],
        "columns": {"customer_key": "who", "occurred_at": "day", "amount": "sum"},
    }
    rows = [("who", "day", "sum"), ("a", "03.04.2025", 1), ("b", date(2025, 4, 3), 1)]
    assert bench.bring(workbook(rows), "days.xlsx", mapping=mapping).rows.new == 2
    assert len({at for (at,) in bench.rows("occurred_at")}) == 1


def test_an_order_number_that_excel_rounded_is_refused_and_never_imported(bench: Bench) -> None:
    rows = [
        ("order_id", "date", "amount"),
        (123456789012345678, date(2025, 11, 1), 1),
        (1234567890123450, date(2025, 11, 1), 1),
        (1234567890123456, date(2025, 11, 1), 1),  # exact: no spreadsheet rounded it
        ("123456789012345678", date(2025, 11, 1), 1),
    ]
    done = bench.bring(workbook(rows), "orders.xlsx")
    assert bench.rejects(done) == [(2, "order_id", ROUNDED), (3, "order_id", ROUNDED)]
    assert "export again" in ROUNDED
    assert bench.rows("order_key") == [("1234567890123456",), ("123456789012345678",)]


def test_the_first_sheet_that_is_shown_is_read(bench: Bench) -> None:
    rows = [("customer_id", "date", "amount"), ("a", date(2025, 11, 1), 1)]
    assert bench.bring(workbook(rows, has_hidden=True), "orders.xlsx").rows.new == 1


def _spread() -> bytes:
    """Return a workbook of two cells, at the two ends of the largest sheet: 500 GB in memory."""
    cells = (
        f'<row r="{row}"><c r="{place}{row}"><v>1</v></c></row>'
        for place, row in (("A", 1), ("XFD", 1_048_576))
    )
    return workbook([], sheet=sheet_of("".join(cells)))


def _bomb() -> bytes:
    """Return a workbook whose archive promises 2 GB."""
    content = bytearray(workbook([("a",)]))
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, entry + 24, 2**31)
    return bytes(content)


def _flipped() -> bytes:
    content = bytearray(workbook([(f"a{n}", n) for n in range(200)]))
    middle = len(content) // 2
    content[middle : middle + 20] = bytes(20)
    return bytes(content)


def _other_archive() -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
    return found.getvalue()


_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(5_000)


@pytest.mark.parametrize(
    ("content", "name", "why"),
    [
        (_spread(), "orders.xlsx", "30 million cells"),
        (_bomb(), "orders.xlsx", "1 GB"),
        (_flipped(), "orders.xlsx", "damaged"),
        (workbook([("a", "b")])[:400], "orders.xlsx", "damaged"),
        (_other_archive(), "orders.ods", "not an XLSX workbook"),
        (_OLE + "EncryptedPackage".encode("utf-16-le"), "orders.xlsx", "password"),
        (_OLE, "orders.xls", "damaged"),
        (workbook([], sheet=sheet_of("<row><c><v>1</v></c></row>")), "o.xlsx", "places"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_workbook_that_is_a_trap_or_none_is_refused_with_the_reason(
    bench: Bench, content: bytes, name: str, why: str
) -> None:
    with pytest.raises(UnreadableFile, match=why):
        bench.bring(content, name)
    assert bench.rows("*") == []
