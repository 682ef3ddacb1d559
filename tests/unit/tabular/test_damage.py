"""Whatever a file holds, it is read or refused in words: no other error, no endless reading."""

import gzip
import json
from itertools import count
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.connectors.tabular.detect import look
from springtide.connectors.tabular.staging import Staging
from springtide.kit.errors import Refusal
from tests.kit.workbooks import workbook
from tests.kit.xls import old_workbook

CSV = 'order_id,date,amount\no1,2025-01-01,1\n"o2",2025-01-02,"2\n3"\n'
PAGE = (
    '<html><style>td {}</style><table><tr><td colspan=2 rowspan="2">a&amp;b<br></td><th>c</th></tr>'
    "<tr><td>d<tr><td>e</td></tr></table><!-- f --></html>"
)
SHEETS = (
    '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
    'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"><Worksheet ss:Name="a"><Table>'
    '<Row ss:Index="2"><Cell ss:Index="3"><Data ss:Type="String">b</Data></Cell></Row>'
    '<Row><Cell ss:Index="3"><Data ss:Type="Number">1</Data></Cell></Row>'
    "</Table></Worksheet></Workbook>"
)
RECORDS = [{"id": f"o{number}", "total": 1.5, "lines": [{"sku": "a"}]} for number in range(3)]
LINES = "\n".join(json.dumps(record) for record in (*RECORDS, {"id": "x", "__parentId": "o2"}))
WORKBOOK = workbook([("order_id", "amount"), ("o1", 1.5), ("o2", 2)])
SEEDS = [
    CSV.encode(), CSV.encode("utf-16"), "订单,金额\n中,1\n".encode("gbk"), PAGE.encode(),
    SHEETS.encode(), json.dumps({"orders": RECORDS}).encode(), LINES.encode(), WORKBOOK,
    old_workbook({"a": [("b", "c"), ("d", 1)], "e": [("f", 2)]}), gzip.compress(CSV.encode() * 9),
]  # fmt: skip
NUMBERS = st.sampled_from([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", bytes(4), b"\xfe\xff\xff\xff"])
PIECES = st.binary(max_size=6) | NUMBERS | st.sampled_from([b"<", b'"', b"{", b"[", b"\n", b"\x00"])
FILES = count()


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Return a file with some bytes changed, put in, lost, or the end cut off."""
    content = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        lost = draw(st.sampled_from([0, 1, 4, 40]))
        content = content[:place] + draw(PIECES) + content[place + lost :]
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


def read_or_refuse(folder: Path, content: bytes) -> int:
    """Return the number of rows of all tables that were read."""
    path = folder / f"{next(FILES)}.xls"
    path.write_bytes(content)
    rows, told = 0, path.name
    try:
        for head in look(path, folder=folder):
            with duckdb.connect(config={"threads": 1}) as connection:
                stage = Staging(connection, folder)
                stage.load(head, next(n for n, row in enumerate(head.rows) if row))
                rows += stage.row_count
    except Refusal as refusal:
        told = str(refusal)
    assert path.name in told
    path.unlink()
    return rows


@settings(max_examples=150, deadline=5_000)
@given(damaged())
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    read_or_refuse(tmp_path_factory.getbasetemp(), content)


@settings(max_examples=100, deadline=5_000)
@given(
    st.sampled_from(
        [b"", b"\xd0\xcf\x11\xe0", b"PK\x03\x04", b"\x1f\x8b", b"PAR1", b"{", b'[{"', b"<table>",
         b"<html><tr><td>", b"\xff\xfe", b"\xef\xbb\xbf", b"a,b\n"]
    ),
    st.binary(max_size=300),
)  # fmt: skip
def test_random_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, start: bytes, rest: bytes
) -> None:
    read_or_refuse(tmp_path_factory.getbasetemp(), start + rest)


@pytest.mark.parametrize("seed", SEEDS, ids=range(len(SEEDS)))
def test_what_is_whole_is_read(tmp_path: Path, seed: bytes) -> None:
    assert read_or_refuse(tmp_path, seed) > 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [
        b"<table><tr><td>" + b"<" * 2_000_000,
        b"<table>" + b"<td rowspan=99999 colspan=999>" * 20_000,
        b"<table><!--" + b"<!-" * 500_000,
        b"<table>" + b"<tr>" * 500_000,
        b"<table>" + b"x" * 9_000_000,
        b'[{"a":' + b"[" * 2_000_000,
        b'{"a":' * 500_000,
        b'[{"a": "' + b"x" * 20_000_000,
        b"[" + b"[],{}," * 300_000,
        b"[" + b"1," * 1_000_000,
        b'a,b\n"' + b"x\n" * 100_000,
        b"a,b\n" + b'"' * 1_000_001,
        b"a,b\n" + b"\n" * 1_000_000 + b"1,2",
        b"a" * 5_000_000,
    ],
    ids=range(14),
)
def test_a_file_made_to_be_slow_is_not(tmp_path: Path, content: bytes) -> None:
    read_or_refuse(tmp_path, content)
    assert list(tmp_path.iterdir()) == []
