"""A name says nothing: pages, JSON, archives and old workbooks are read by their content."""

import gzip
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from springtide.connectors.tabular.cells import EmptyFile, UnreadableFile
from springtide.connectors.tabular.detect import look
from springtide.connectors.tabular.records import CHILDREN, BrokenJson
from springtide.connectors.tabular.staging import Staging
from springtide.domain.imports.ports import BadRecord, Head
from tests.kit.workbooks import workbook
from tests.kit.xls import old_workbook

CSV = "order_id,date,amount\no1,2025-01-01,1\no2,2025-01-02,2\n"
ROWS = [("o1", "2025-01-01", "1"), ("o2", "2025-01-02", "2")]


class Loaded:
    """A table as it was staged: names, rows with their numbers, and the refused ones."""

    def __init__(self, head: Head, folder: Path, header: int = 0) -> None:
        with duckdb.connect() as connection:
            stage = Staging(connection, folder)
            self.names = tuple(stage.load(head, header))
            query = "select * exclude row_no from staged order by row_no"
            self.rows = connection.execute(query).fetchall()
            query = "select row_no from staged order by row_no"
            self.numbers = [number for (number,) in connection.execute(query).fetchall()]
            query = "select row_no, reason from rejected order by row_no"
            self.rejected = connection.execute(query).fetchall()


def write(folder: Path, content: str | bytes, name: str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def one(path: Path) -> Head:
    (head,) = look(path)
    return head


def packed(*files: tuple[str, bytes]) -> bytes:
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return found.getvalue()


@pytest.mark.parametrize("name", ["orders.xls", "orders.xlsx", "orders", "orders.dat"])
def test_text_with_the_name_of_a_workbook_is_read_as_text(tmp_path: Path, name: str) -> None:
    for delimiter in ",\t;":
        head = one(write(tmp_path, CSV.replace(",", delimiter), name))
        assert (head.container, head.delimiter) == ("csv", delimiter)
        assert Loaded(head, tmp_path).rows == ROWS


PAGE = """<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head>
<meta http-equiv=Content-Type content="text/html; charset={charset}">
<style>td {{ mso-number-format:"\\@"; }} <!-- table {{ color: red }} --></style></head>
<body><!--[if gte mso 9]><xml><x:Name>a<b></x:Name></xml><![endif]-->
<table border=1><tr><th>订单编号</th><th>日期</th><th colspan="2">金额&nbsp;</th></tr>
<tr><td rowspan=2 x:str="a>b">o1</td><td>2025-01-01</td><td>1&amp;2<br>3</td><td>x</td></tr>
<tr><td>2025-01-02<td><b>2 &lt; 3</b>  4</td><td>5 < 6</td></tr>
<tr></tr><TR><TD>o3</TD><TD></TD><TD>9</TD><TD></TD></TR>
</table></body></html>"""


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-8-sig", "utf-16"])
def test_a_web_page_called_a_workbook_is_read_cell_by_cell(tmp_path: Path, encoding: str) -> None:
    content = PAGE.format(charset=encoding.removesuffix("-sig")).encode(encoding)
    head = one(write(tmp_path, content, "orders.xls"))
    assert head.container == "page"
    loaded = Loaded(head, tmp_path)
    assert loaded.names == ("订单编号", "日期", "金额", "column 4")
    assert loaded.rows == [
        ("o1", "2025-01-01", "1&2\n3", "x"),
        (None, "2025-01-02", "2 < 3 4", "5 < 6"),
        ("o3", None, "9", None),
    ]
    assert loaded.numbers == [2, 3, 5]


SHEETS = """<?xml version="1.0"?><?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
<Worksheet ss:Name="订单"><Table><Row><Cell><Data ss:Type="String">单号</Data></Cell>
<Cell ss:Index="3"><Data ss:Type="String">金额</Data></Cell></Row>
<Row ss:Index="4"><Cell><Data ss:Type="String">o1 &amp; co</Data></Cell>
<Cell/><Cell><Data ss:Type="Number">9.90</Data></Cell></Row></Table></Worksheet>
<Worksheet ss:Name="empty"><Table/></Worksheet></Workbook>"""


def test_the_xml_of_excel_2003_is_read_by_sheet(tmp_path: Path) -> None:
    head = one(write(tmp_path, SHEETS, "orders.xls"))
    assert (head.container, head.sheet) == ("xml", "订单")
    loaded = Loaded(head, tmp_path)
    assert (loaded.rows, loaded.numbers) == ([("o1 & co", None, "9.90")], [4])
    bomb = SHEETS.replace("?>\n<Work", '?><!DOCTYPE x [<!ENTITY a "b">]><Work')
    assert bomb != SHEETS
    for broken in (SHEETS[:-40], bomb):
        with pytest.raises(UnreadableFile, match="damaged"):
            look(write(tmp_path, broken, "orders.xls"))


OLD = old_workbook(
    {"Lists": [("x",)], "订单": [(), ("单号", "金额"), ("o1", 1.5), ("o2", None)], "b": [("y", 2)]},
    hidden=["Lists"],
)


def test_an_old_workbook_is_read_by_sheet(tmp_path: Path) -> None:
    heads = look(write(tmp_path, OLD, "orders.csv"))
    assert [(head.container, head.sheet) for head in heads] == [
        ("workbook", "订单"), ("workbook", "b"),
    ]  # fmt: skip
    loaded = Loaded(heads[0], tmp_path, header=1)
    assert (loaded.names, loaded.numbers) == (("单号", "金额"), [3, 4])
    assert loaded.rows == [("o1", "1.5"), ("o2", None)]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        # A sheet that says it spans 4 billion rows; one that ends before it begins.
        ("00020e0000000000040000000000", "00020e0000000000ffffffff0000", "30 million"),
        ("00020e0000000000040000000000", "00020e0009000000040000000000", "damaged"),
        # The workbook's chain of sectors leads back to its beginning.
        ("09000000feffffff", "0900000002000000", "damaged"),
        # Texts to share, more than the file could hold.
        ("0a000000", "fc00080000000000ffffff7f0a000000", "damaged"),
        ("0a000000", "2f0000000a000000", "password"),
    ],
)
def test_an_old_workbook_that_is_a_trap_is_refused_with_the_reason(
    tmp_path: Path, before: str, after: str, why: str
) -> None:
    made = OLD.replace(bytes.fromhex(before), bytes.fromhex(after), 1)
    assert made != OLD
    with pytest.raises(UnreadableFile, match=why):
        look(write(tmp_path, made, "orders.xls"))


def test_every_sheet_that_is_shown_and_not_empty_is_a_table(tmp_path: Path) -> None:
    found = workbook([("a", "b"), (1, 2)], has_hidden=True)
    assert [head.sheet for head in look(write(tmp_path, found, "a.xlsx"))] == ["Sheet1"]
    with pytest.raises(EmptyFile):
        look(write(tmp_path, workbook([]), "a.xlsx"))


@pytest.mark.parametrize(
    ("content", "member"),
    [
        (gzip.compress(CSV.encode(), mtime=0), ""),
        (gzip.compress(CSV[:30].encode(), mtime=0) + gzip.compress(CSV[30:].encode(), mtime=0), ""),
        (packed(("报表/orders.csv", CSV.encode()), ("__MACOSX/._orders.csv", b"x")), None),
        (packed(("orders.xlsx", workbook([("order_id", "date", "amount"), *ROWS]))), None),
    ],
)
def test_a_packed_file_is_read_as_what_is_in_it(
    tmp_path: Path, content: bytes, member: str | None
) -> None:
    folder = tmp_path / "spill"
    folder.mkdir()
    head = one(write(tmp_path, content, "orders.csv"))
    assert head.path.name == "orders.csv"
    assert member is None or head.member == member
    assert Loaded(head, folder).rows == ROWS
    assert list(folder.iterdir()) == []


def test_an_archive_of_several_files_gives_a_table_each(tmp_path: Path) -> None:
    content = packed(
        ("a/orders.csv", CSV.encode()),
        ("a/empty.csv", b""),
        ("book.xlsx", workbook([("x", "y"), (1, 2)])),
        ("orders.json", json.dumps({"orders": [{"id": 1}]}).encode()),
    )
    heads = look(write(tmp_path, content, "all.zip"))
    assert [head.sheet for head in heads] == [
        "orders.csv", "book.xlsx / Sheet1", "orders.json / orders",
    ]  # fmt: skip
    assert [Loaded(head, tmp_path).rows for head in heads] == [ROWS, [("1", "2")], [("1",)]]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(CSV.encode(), mtime=0)[:-12], "damaged"),
        (gzip.compress(b"a" * 200_000_000, 9, mtime=0), "200 times"),
        (gzip.compress(gzip.compress(CSV.encode(), mtime=0), mtime=0), "packed twice"),
        (packed(("a.csv", gzip.compress(CSV.encode(), mtime=0))), "packed twice"),
        (packed(("word/document.xml", b"x"), ("[Content_Types].xml", b"x")), "not an XLSX"),
        (packed(*((f"{n}.csv", CSV.encode()) for n in range(51))), "more than 50"),
        (packed(("a.csv", CSV.encode()))[:-20], "damaged"),
        (b"Rar!\x1a\x07\x00" + bytes(90), "RAR"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(90), "7z"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_archive_that_is_a_trap_is_refused_with_the_reason(
    tmp_path: Path, content: bytes, why: str
) -> None:
    with pytest.raises(UnreadableFile, match=why):
        look(write(tmp_path, content, "orders.zip"))


RECORD = (
    '{"id": 12345678901234567890, "total": 1.10, "paid": true, "note": null, "x": [{"y": 2.0}]}'
)
DOCUMENTS = [
    (f"[{RECORD}]", None),
    (f'{{"orders": [{RECORD}]}}', "orders"),
    (f'\ufeff{{"code": 0, "data": {{"total": 1, "list": [{RECORD}]}}}}', None),
    (f'{{"data": {{"orders": {{"edges": [{{"cursor": "a", "node": {RECORD}}}]}}}}}}', "orders"),
    (f'{{"data": {{"orders": {{"nodes": [{RECORD}], "pageInfo": {{"next": null}}}}}}}}', "orders"),
    (f'{{"order": {RECORD}}}', "order"),
    (RECORD, None),
    (f"{RECORD}\n\n{RECORD}\n", None),
]


@pytest.mark.parametrize(("text", "sheet"), DOCUMENTS)
def test_records_are_found_in_json_of_any_shape_and_numbers_are_exact(
    tmp_path: Path, text: str, sheet: str | None
) -> None:
    head = one(write(tmp_path, text, "orders.json"))
    assert (head.container, head.sheet) == ("json", sheet)
    assert head.rows == (("id", "total", "paid", "note", "x"),)
    assert head.record is not None
    assert head.record["total"] == Decimal("1.10")
    loaded = Loaded(head, tmp_path)
    row = ("12345678901234567890", "1.10", "true", None, '[{"y": "2.0"}]')
    assert loaded.rows == [row] * len(loaded.rows)
    assert len(loaded.rows) == (2 if "\n\n" in text else 1)


def test_every_list_of_a_document_is_a_table(tmp_path: Path) -> None:
    text = '{"customers": [{"id": 1}], "none": [], "orders": [{"id": 2}, {"id": 3}]}'
    heads = look(write(tmp_path, text, "all.json"))
    assert [(head.sheet, Loaded(head, tmp_path).rows) for head in heads] == [
        ("customers", [("1",)]), ("orders", [("2",), ("3",)]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ('[{"a": 1},\n {"a": x}]', 2, "broken"),
        ('[{"a": 1},\n {"a": "cut', 2, "broken or cut off"),
        ('[{"a": 1}', 1, "missing"),
        ('[{"a": 1}\n{"b": 2}]', 2, "missing"),
        ('[{"a": 1}]\n]', 2, "more follows"),
        ('[{"a": NaN}]', 1, "broken"),
        ('{"orders": [{"a": 1e999999999}]}', 1, "broken"),
        ('[{"a": ' + "9" * 5_000 + "}]", 1, "broken"),
        ('[{"a": ' + "[" * 100_000, 1, "deep"),
        ('{"a": 5, "b": {', 1, "broken"),
    ],
)
def test_broken_json_is_refused_at_its_place(
    tmp_path: Path, text: str, line: int, why: str
) -> None:
    path = write(tmp_path, text, "orders.json")
    with pytest.raises(BrokenJson, match=why) as caught:
        _ = [Loaded(head, tmp_path) for head in look(path)]
    assert f"line {line}," in str(caught.value)


BULK = """{"id": "gid://shop/Order/1", "name": "#1"}
{"id": "gid://shop/LineItem/11", "sku": "a", "__parentId": "gid://shop/Order/1"}
{"amount": "5", "__parentId": "gid://shop/LineItem/11"}
{"id": "gid://shop/LineItem/12", "sku": "b", "__parentId": "gid://shop/Order/1"}
{"id": "gid://shop/Order/2", "name": "#2"}
not json
{"id": "gid://shop/LineItem/13", "sku": "c", "__parentId": "gid://shop/Order/1"}
{"id": "gid://shop/Order/3", "name": "#3"}
"""


def test_children_of_json_lines_stand_in_their_parents(tmp_path: Path) -> None:
    head = one(write(tmp_path, BULK, "bulk.jsonl"))

    def lines(record: Mapping[str, Any]) -> Iterator[Sequence[object]]:
        if record["name"] == "#3":
            raise BadRecord("no lines")
        for line in record.get(CHILDREN, [{}]):
            yield record["name"], line.get("sku"), line.get(CHILDREN)

    with duckdb.connect() as connection:
        stage = Staging(connection, tmp_path)
        columns = stage.load_records(head, ["name", "sku", "more"], lines)
        assert list(columns) == ["name", "sku", "more"]
        assert connection.execute("select * from staged order by row_no").fetchall() == [
            (1, "#1", "a", '[{"amount": "5", "__parentId": "gid://shop/LineItem/11"}]'),
            (2, "#1", "b", None),
            (5, "#2", None, None),
        ]
        assert connection.execute(
            "select row_no, reason, value from rejected order by row_no"
        ).fetchall() == [
            (3, "it is not JSON", None),
            (4, "its parent is not among the lines above it", None),
            (6, "no lines", '{"id": "gid://shop/Order/3", "name": "#3"}'),
        ]
        assert stage.row_count == 6
