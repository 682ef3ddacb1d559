"""A file that DuckDB reads by itself is staged as it is row by row: rows, numbers and rejects."""

import csv
import io
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from springtide.connectors.tabular.detect import look
from springtide.connectors.tabular.fast_csv import stage_plain
from springtide.connectors.tabular.staging import Staging
from springtide.domain.imports.ports import Head

Staged = tuple[list[Any], list[Any]]


def staged(head: Head, header_row: int, folder: Path, *, is_row_by_row: bool) -> Staged:
    with duckdb.connect() as connection:
        stage = Staging(connection, folder, is_row_by_row=is_row_by_row)
        stage.load(head, header_row)
        return (
            connection.execute("select * from staged order by row_no").fetchall(),
            connection.execute("select * from rejected order by row_no").fetchall(),
        )


def is_plain(head: Head, header_row: int, folder: Path) -> bool:
    with duckdb.connect() as connection:
        return stage_plain(connection, head, header_row, len(head.rows[header_row]), folder)


def agree(content: bytes, header_row: int, folder: Path, **said: Any) -> bool:
    """Hold the two ways against each other; tell whether DuckDB could read the file."""
    path = folder / "orders.csv"
    path.write_bytes(content)
    (head,) = look(path, **said)
    if header_row >= len(head.rows) or not head.rows[header_row]:
        return False
    careful = staged(head, header_row, folder, is_row_by_row=True)
    assert staged(head, header_row, folder, is_row_by_row=False) == careful
    return is_plain(head, header_row, folder)


# What CSV readers stumble over.
PIECES = [
    '"', '""', '"a"', '"a,b"', '"x\ny"', '"x\r\ny"', ",", ",", "\n", "\r\n", "\r", "a", "1", " ",
    "\t", ";", "=", '="1"', "'", "中", "\u3000", "\xa0", "\x00", "\x1a", "\\", "#", "NULL", "\x85",
]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join), st.sampled_from("\n\r"))
@example('a,b\n "q" ,x\n', "\n")
@example('"q" ,x\n', "\n")
@example("1,2\n\n3,4\n", "\n")
@example("1,2\n,\n \u3000,\t\n3,4", "\n")
@example("1,2,\n3,4,\n", "\n")
@example("1,2\x00\n", "\n")
def test_texts_of_any_sort_come_to_the_same_both_ways(
    tmp_path_factory: pytest.TempPathFactory, text: str, line_end: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    agree(f"x,y{line_end}{text}".encode(), 0, folder, delimiter=",", encoding="utf-8")


CELLS = st.text(
    st.sampled_from("ab1 ,;\t\"'\n\r=中文é\u3000-.") | st.characters(codec="utf-8"), max_size=8
)


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, int, str]:
    """Return a table as programs write it, its header's row, and the delimiter."""
    width = draw(st.integers(2, 5))
    rows = draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=8))
    delimiter = draw(st.sampled_from(",\t;|"))
    found = io.StringIO(newline="")
    writer = csv.writer(
        found,
        delimiter=delimiter,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
    )
    above = draw(st.lists(st.lists(CELLS, min_size=1, max_size=3), max_size=3))
    writer.writerows(above)
    writer.writerow([f"h{number}" for number in range(width)])
    writer.writerows(rows)
    ragged = draw(st.sampled_from(["", "", "", "lone\n", "\n\n", delimiter * width + "\n", '"']))
    return found.getvalue() + ragged, len(above), delimiter


@settings(max_examples=80, deadline=None)
@given(tables(), st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le"]))
def test_tables_in_any_encoding_come_to_the_same_both_ways(
    tmp_path_factory: pytest.TempPathFactory, table: tuple[str, int, str], encoding: str
) -> None:
    text, header_row, delimiter = table
    folder = tmp_path_factory.getbasetemp()
    agree(text.encode(encoding), header_row, folder, delimiter=delimiter, encoding=encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_what_shops_export_is_read_without_going_row_by_row(
    tmp_path: Path, encoding: str, line_end: str
) -> None:
    rows = [
        "导出时间,2025-06-18", "订单编号,标题,备注", '="2025",a"b,',
        '"1","两行\n备注","说""好"""', ",,", "2, x ,y",
    ]  # fmt: skip
    content = line_end.join([*rows, "", ""]).encode(encoding)
    assert agree(content, 1, tmp_path)


@pytest.mark.parametrize("name", ["a[1].csv", "a?.csv", "*.csv", "a.csv.gz", "a.zst", "中 '.csv"])
def test_a_name_says_nothing_to_the_engine(tmp_path: Path, name: str) -> None:
    (tmp_path / "a1.csv").write_text("a,b\n9,9\n")
    path = tmp_path / name
    path.write_text("a,b\n1,2\n")
    (head,) = look(path)
    assert is_plain(head, 0, tmp_path)
    assert staged(head, 0, tmp_path, is_row_by_row=False) == ([(2, "1", "2")], [])


@pytest.mark.parametrize(
    ("content", "header_row"),
    [
        (b"a,b\n1,2\n\xff\xff,3\n", 0),
        (b"a,b\n1,2\n" + b"x" * 40_000 + b",3\n", 0),
        (b'a,b\n1,"' + b"\n" * 3_000 + b'"\n2,3\n', 0),
        (b"a,b\n1,2\n3\n4,5,6\n", 0),
        (b"a\n1\n\n2\n", 0),
        (b"a,b\n", 0),
        (b"a,b\n\n\n", 0),
        (b"a,b\r1,2\r3,4\r", 0),
        (b"a,b\r\n1,2\n3,4\r\n", 0),
        ("客户,日期\n张三,2\n".encode("gbk") + b"\x81\xff,3\n", 0),
    ],
)
def test_a_file_in_doubt_is_read_row_by_row(
    tmp_path: Path, content: bytes, header_row: int
) -> None:
    assert not agree(content, header_row, tmp_path)


def test_rows_keep_their_order_and_numbers_in_a_file_of_many_buffers(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    filling = "多" * 300
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write("a,b,c\n")
        file.writelines(f'{row},"{filling}\n""{row}""",x\n' for row in range(2, 80_000))
    assert path.stat().st_size > 2**26
    (head,) = look(path)
    with duckdb.connect(config={"threads": 2}) as connection:
        assert stage_plain(connection, head, 0, 3, tmp_path)
        query = "select count(*), count(*) filter (c1 = row_no and ends_with(b, c1)) from "
        found = connection.execute(f"{query} (select *, trim(c2, '\"') as b from staged)")
        assert found.fetchall() == [(79_998, 79_998)]
