"""What every export format owes: nothing lost, nothing twice, bad rows told by row and column."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from springtide.connectors.files import FORMATS
from springtide.connectors.files.generic import NestedColumn
from springtide.connectors.tabular.cells import EmptyFile, UnreadableFile
from springtide.connectors.tabular.mapping import BadMapping, MissingColumns, UnknownColumns
from springtide.connectors.tabular.rejects import harmless
from springtide.domain.catalog.queries import product_count, products_by_keys
from springtide.domain.imports import queries
from springtide.domain.imports.model import RowCounts
from springtide.domain.imports.normalise import ROUNDED
from springtide.flows.files.imports import import_file, recover
from springtide.flows.files.table_load import StrictRefusal
from springtide.kit.errors import NotFound, Refusal
from tests.kit.bench import ACTOR, Bench

PLAIN = """customer_id,order_date,revenue
c1,2025-01-02,10.50
c2,2025-01-03 12:30,"1,200"
c1,2025/1/4,3
"""


@pytest.mark.parametrize("kind", list(FORMATS))
def test_every_format_refuses_a_file_of_another_kind_in_words(bench: Bench, kind: str) -> None:
    with pytest.raises(Refusal) as caught:
        bench.bring("colour,shape\nred,round\n", kind=kind)
    assert "orders.csv" in str(caught.value)
    assert "colour" in str(caught.value)


def test_obvious_headers_need_no_mapping(bench: Bench) -> None:
    done = bench.bring(PLAIN)
    assert done.rows == RowCounts(3, 3, 0, 0, 0)
    assert done.format == "generic"
    rows = bench.rows("customer_key, amount_minor, cast(occurred_at as varchar)")
    assert rows == [
        ("c1", 1050, "2025-01-01 16:00:00+00"),
        ("c2", 120000, "2025-01-03 04:30:00+00"),
        ("c1", 300, "2025-01-03 16:00:00+00"),
    ]
    found = bench.summary()
    assert found.kinds == {"order": 3, "payment": 3}
    assert (found.gross_minor, found.net_minor, found.customers, found.orders) == (
        121350, 121350, 2, 3,
    )  # fmt: skip


def test_the_same_file_twice_changes_nothing_and_a_corrected_row_wins(bench: Bench) -> None:
    text = "order_id,customer_id,product_id,date,quantity,amount\n" + "".join(
        f"o{n // 2},c{n % 3},p{n},2025-0{1 + n % 3}-02,2,{n}.00\n" for n in range(30)
    )
    assert bench.bring(text).rows == RowCounts(30, 30, 0, 0, 0)
    before = bench.rows("*")
    again = bench.bring(text)
    assert again.rows == RowCounts(30, 0, 0, 30, 0)
    assert bench.rows("*") == before
    changed = text.replace("o3,c0,p6,2025-01-02,2,6.00", "o3,c0,p6,2025-02-20,2,7.00")
    assert bench.bring(changed).rows == RowCounts(30, 0, 1, 29, 0)
    assert len(bench.rows("*")) == 30
    (row,) = [row for row in bench.rows("product_key, amount_minor") if row[0] == "p6"]
    assert row == ("p6", 700)
    more = changed + "o99,c1,p99,2025-03-03,1,5\n"
    assert bench.bring(more).rows == RowCounts(31, 1, 0, 30, 0)
    assert sum(file.row_count for file in bench.target.lake.snapshot().files) == 62


def test_the_mapping_says_columns_encoding_dates_numbers_and_kinds(bench: Bench) -> None:
    text = (
        "a preamble\n\n客户;单号;日期;时刻;货号;名称;件;单价;事\n"
        "张;1;31.01.2025;09:30;p1;杯;2;1.299,50;buy\n"
        "李;;01.02.2025;10:00;p2;碗;;;看\n"
        "李;2;01.02.2025;10:00;p2;碗;-1;5,00;buy\n"
    )
    mapping = {
        "source": "till",
        "decimal": ",",
        "zone": "Europe/Paris",
        "date_formats": ["%d.%m.%Y %H:%M"],
        "negative": "refund",
        "kinds": {"看": "view"},
        "constants": {"source_path": "shop/counter"},
        "columns": {
            "customer_key": "客户", "order_key": "单号", "occurred_at": ["日期", "时刻"],
            "product_key": "货号", "product_name": "名称", "quantity": "件", "price": "单价",
            "kind": "事", "props": ["名称"],
        },
    }  # fmt: skip
    done = bench.bring(text.encode("gbk"), mapping=mapping)
    assert bench.rejects(done) == [(5, "件", "is not a whole number")]
    columns = "customer_key, amount_minor, quantity, cast(occurred_at as varchar), source_path"
    paid = [("张", 259900, 2, "2025-01-31 08:30:00+00", "shop/counter")]
    assert bench.rows(columns) == bench.rows(columns, "payment") == paid
    assert [row[:3] for row in bench.rows(columns, "refund")] == [("李", 500, 1)]
    assert bench.rows("source, props") == [("till", '{"名称":"杯"}')]
    with bench.target.database.read() as tx:
        found = products_by_keys(tx, shop_id=bench.shop.id, keys=["p1"])
    assert found["p1"].name == "杯"


def test_paid_and_refunded_columns_give_payments_and_refunds(bench: Bench) -> None:
    text = (
        "order_id,customer_id,order_date,amount,paid_at,refund_amount\n"
        "1,a,2025-01-01,10,2025-01-02,\n"
        "2,b,2025-01-01,20,,\n"
        "3,c,2025-01-01,30,2025-01-03,5.5\n"
    )
    assert bench.bring(text).rows == RowCounts(3, 3, 0, 0, 0)
    found = bench.summary()
    assert found.kinds == {"order": 3, "payment": 2, "refund": 1}
    assert (found.gross_minor, found.paid_minor, found.refunded_minor) == (6000, 4000, 550)


BAD_ROWS = [
    ("c1,2025-02-30,1", "order_date", "is not a possible time"),
    ("c1,9999-01-01,1", "order_date", "is not a possible time"),
    ("c1,1900-01-01,1", "order_date", "is not a possible time"),
    ("c1,yesterday,1", "order_date", "is not a possible time"),
    ("c1,,1", "order_date", "is not a possible time"),
    ("c1,2025-01-01,-5", "revenue", "is negative"),
    ("c1,2025-01-01,ten", "revenue", "is not an amount"),
    ("c1,2025-01-01,", "revenue", "is missing"),
    ('c1,2025-01-01,"1,5"', "revenue", "is not an amount"),
    ("c1,2025-01-01,1e30", "revenue", "is not an amount"),
    ("c1,2025-01-01,9999999999999999", "revenue", "too large"),
    ("c1,2025-01-01,NaN5", "revenue", "is not an amount"),
    ("c1,2025-01-01", "", "2 cells where the header has 3"),
    ("c1,2025-01-01,1,2,3", "", "5 cells where the header has 3"),
    ("c\x00,2025-01-01,1", "", "a NUL character"),
    ("c\x07,2025-01-01,1", "customer_id", "control characters"),
    ('"c"x,2025-01-01,1', "", "a quote in the middle of a cell"),
    ('"c1,2025-01-01,1', "", "a quote is not closed"),
    ("x" * 10_000_000 + ",2025-01-01,1", "", "a cell of more than 32,767 characters"),
    ("x" * 130 + ",2025-01-01,1", "customer_id", "longer than 120 characters"),
    ("c1,2025-01-01,9e29", "revenue", "is not an amount"),
    ("1.23457E+17,2025-01-01,1", "customer_id", ROUNDED),
    ("c2,2025-01-02,2", "", "the same as an earlier row"),
]


@pytest.mark.parametrize(("bad", "column", "reason"), BAD_ROWS, ids=[r[2] for r in BAD_ROWS])
def test_a_bad_row_is_rejected_by_row_column_and_reason_and_the_rest_imported(
    bench: Bench, bad: str, column: str, reason: str
) -> None:
    text = f"customer_id,order_date,revenue\nc2,2025-01-02,2\n\n{bad}\nc3,2025-01-03,3\n"
    done = bench.bring(text)
    assert bench.rejects(done) == [(4, column, reason)]
    assert done.rows == RowCounts(3, 2, 0, 0, 1)
    assert bench.rows("customer_key, amount_minor") == [("c2", 200), ("c3", 300)]
    before = bench.summary()
    assert before.rejected == 1
    assert bench.bring(text).rows == RowCounts(3, 0, 0, 2, 1)
    assert bench.summary() == before


def test_strict_refuses_the_whole_file_and_names_the_first_bad_row(bench: Bench) -> None:
    with pytest.raises(StrictRefusal) as caught:
        bench.bring(PLAIN + "c9,2025-02-30,1\nc9,2025-03-01,x\n", is_strict=True)
    assert "2 rows" in str(caught.value)
    assert "row 5, column “order_date”" in str(caught.value)
    assert bench.rows("*") == []
    with bench.target.database.read() as tx:
        (record,) = queries.imports(tx, shop_id=bench.shop.id)
    assert record.state == "refused"
    assert (record.rows.new, record.rows.rejected) == (0, 2)
    # Whoever imported it finds the rows with its record, and no path of the server in the words.
    assert record.rejects_file == caught.value.rejects.name
    assert caught.value.rejects.is_file()
    assert str(bench.target.rejects) not in str(caught.value)
    assert record.problem is not None
    assert str(bench.target.rejects) not in str(record.problem.facts)


@pytest.mark.parametrize(
    ("content", "name", "refusal"),
    [
        (b"", "orders.csv", EmptyFile),
        (b"\n\n\n", "orders.csv", EmptyFile),
        (b"colour,shape\nred,round\n", "orders.csv", UnknownColumns),
        (b"PK\x03\x04 broken", "orders.xlsx", UnreadableFile),
        (b"PAR1 broken", "orders.parquet", UnreadableFile),
        (b"not parquet", "orders.parquet", UnreadableFile),
        (bytes(range(256)) * 20, "orders.csv", UnreadableFile),
        ("customer_id,date,amount\n".encode("utf-16-le"), "orders.csv", UnreadableFile),
        (gzip.compress(b"customer_id,date,amount\n", mtime=0)[:-9], "orders.csv", UnreadableFile),
        (b"\xff\xfe" + "a,b\n1,2\n".encode("utf-16-le"), "orders.csv", UnknownColumns),
        (b"\xff\xfe\x00", "orders.csv", Refusal),
        (b"a,b\n1,2\n", "missing/orders.csv", NotFound),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(
    bench: Bench, content: bytes, name: str, refusal: type[Refusal]
) -> None:
    path = bench.folder / name
    if path.parent.exists():
        path.write_bytes(content)
    with pytest.raises(refusal) as caught:
        import_file(bench.target, path, shop=bench.shop, actor=ACTOR)
    assert name.split("/")[-1] in str(caught.value)
    assert bench.rows("*") == []


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "gbk", "utf-16"])
def test_encodings_are_told_by_the_file(bench: Bench, encoding: str) -> None:
    text = "客户,日期,金额\n张三,2025-01-01,5\n"
    assert bench.bring(text.encode(encoding)).rows == RowCounts(1, 1, 0, 0, 0)
    assert bench.rows("customer_key") == [("张三",)]


def test_a_row_that_is_not_in_the_encoding_is_rejected(bench: Bench) -> None:
    text = b"customer_id,date,amount\nc1,2025-01-01,1\nc\xff\xff,2025-01-01,2\n"
    mapping = {
        "encoding": "utf-8",
        "columns": {"customer_key": "customer_id", "occurred_at": "date", "amount": "amount"},
    }
    done = bench.bring(text, mapping=mapping)
    assert bench.rejects(done) == [(3, "", "characters that are not in the file's encoding")]


def test_dates_that_can_be_read_two_ways_are_asked_about(bench: Bench) -> None:
    with pytest.raises(Refusal, match="two ways"):
        bench.bring("customer_id,date,amount\na,03/04/2025,1\n")
    bench.bring("customer_id,date,amount\na,03/04/2025,1\nb,12/31/2025,2\n")
    days = bench.rows("strftime(timezone('Asia/Shanghai', occurred_at), '%m-%d')")
    assert days == [("03-04",), ("12-31",)]


@pytest.mark.parametrize(
    ("document", "where"),
    [
        ({}, "columns"),
        ({"columns": {"occurred_at": "d", "colour": "x"}}, "columns.colour"),
        ({"columns": {"occurred_at": 5}}, "columns.occurred_at"),
        ({"columns": {"amount": "a"}}, "columns.occurred_at"),
        ({"columns": {"occurred_at": "d"}, "sauce": 1}, "sauce"),
        ({"columns": {"occurred_at": "d"}, "source": "api"}, "source"),
        ({"columns": {"occurred_at": "d"}, "kind": "party"}, "kind"),
        ({"columns": {"occurred_at": "d"}, "kinds": {"a": "party"}}, "kinds.a"),
        ({"columns": {"occurred_at": "d"}, "unit": []}, "unit"),
        ({"columns": {"occurred_at": "d"}, "delimiter": 7}, "delimiter"),
        ({"columns": {"occurred_at": "d"}, "header_row": "x"}, "header_row"),
        ({"columns": {"occurred_at": "d"}, "date_formats": [1]}, "date_formats"),
        ({"columns": {"occurred_at": "d"}, "date_formats": ["%Q%"]}, "date_formats"),
        ({"columns": {"occurred_at": "d"}, "zone": []}, "zone"),
        ({"columns": {"occurred_at": "d"}, "constants": {"colour": "x"}}, "constants.colour"),
        ({"columns": {"occurred_at": ""}}, "columns.occurred_at"),
    ],
)
def test_a_bad_mapping_is_refused_at_its_place(
    bench: Bench, document: dict[str, Any], where: str
) -> None:
    with pytest.raises(BadMapping) as caught:
        bench.bring("d\n2025-01-01\n", mapping=document)
    assert where in str(caught.value)


def test_a_missing_column_is_named_with_those_seen(bench: Bench) -> None:
    columns = {"occurred_at": "day", "amount": "money", "customer_key": "who"}
    with pytest.raises(MissingColumns) as caught:
        bench.bring("who,day,price\na,2025-01-01,1\n", mapping={"columns": columns})
    assert "money" in str(caught.value)
    assert "price" in str(caught.value)


def test_hostile_texts_are_kept_as_they_are_and_harmless_in_the_rejects(bench: Bench) -> None:
    hostile = '=HYPERLINK("http://x","y")'
    html = "<script>alert(1)</script>"
    text = "customer_id,date,amount,note\n"
    text += (
        f'{html},2025-01-01,1,ok\n{html},2025-01-01,x,"{hostile.replace(chr(34), chr(34) * 2)}"\n'
    )
    done = bench.bring(text)
    assert bench.rows("customer_key") == [(html,)]
    assert done.rejects_file is not None
    with done.rejects_file.open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["note"] == "'" + hostile
    assert row["rejected_value"] == "x"


@pytest.mark.parametrize("cell", ["=1", "+1+1", "-1+2", "@x", "\tx", "\rx", "-a"])
def test_a_cell_that_would_run_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == "'" + cell


def test_quotes_with_line_breaks_count_as_one_row(bench: Bench) -> None:
    text = 'customer_id,date,amount,note\na,2025-01-01,1,"x\ny\nz"\nb,2025-01-01,bad,""\n'
    done = bench.bring(text)
    assert bench.rejects(done) == [(3, "amount", "is not an amount")]


def test_workbooks_and_parquet_are_read_like_csv(bench: Bench) -> None:
    path = bench.folder / "orders.parquet"
    duckdb.execute(
        "copy (select 'c' || range as customer_id, timestamp '2025-01-01' as order_date, "
        f"cast(range as double) / 10 as revenue from range(20)) to '{path}' (format parquet)"
    )
    done = import_file(bench.target, path, shop=bench.shop, actor=ACTOR)
    assert done.rows == RowCounts(20, 20, 0, 0, 0)
    assert bench.summary().gross_minor == 1900


def parquet(bench: Bench, query: str, name: str = "orders.parquet") -> Path:
    """Write the answer to a query as a Parquet file."""
    made = bench.folder / "made.parquet"
    duckdb.execute(f"copy ({query}) to '{made}' (format parquet)")
    return made.rename(bench.folder / name)


PLENTY = (
    "select 'c' || range as customer_id, timestamp '2025-01-01' + to_days(cast(range as integer)) "
    "as order_date, cast(range as double) / 10 as revenue from range(400)"
)


@pytest.mark.parametrize("place", [40, 500, 2_000])
def test_a_parquet_file_that_is_damaged_inside_is_refused_and_nothing_imported(
    bench: Bench, place: int
) -> None:
    path = parquet(bench, PLENTY)
    content = bytearray(path.read_bytes())
    content[place : place + 40] = bytes(byte ^ 0xFF for byte in content[place : place + 40])
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="damaged"):
        import_file(bench.target, path, shop=bench.shop, actor=ACTOR)
    path.write_bytes(content[:-200])
    with pytest.raises(UnreadableFile):
        import_file(bench.target, path, shop=bench.shop, actor=ACTOR)
    assert bench.rows("*") == []
    with bench.target.database.read() as tx:
        states = [record.state for record in queries.imports(tx, shop_id=bench.shop.id)]
    assert states == ["refused"]


def test_parquet_columns_of_other_types_are_read_or_refused_by_name(bench: Bench) -> None:
    path = parquet(bench, "select ['a'] as customer_id, date '2025-01-01' as date, 1 as amount")
    with pytest.raises(NestedColumn, match="customer_id"):
        import_file(bench.target, path, shop=bench.shop, actor=ACTOR)
    rows = (
        "(12.0::double, 'k1'::blob, timestamp '2025-01-01', 1.5), "
        "(1.2e17::double, 'k2', timestamp '2025-01-01', 1), "
        "(null, 'k3', timestamp 'infinity', 1), (null, 'k4', timestamp '2025-01-01', null), "
        "(null, null, timestamp '2025-01-01', 1), (null, 'k6', timestamp '290000-01-01', 1)"
    )
    columns = "customer_id, order_id, date, amount"
    # A name that DuckDB would take for a pattern.
    path = parquet(bench, f"select * from (values {rows}) as t({columns})", "or[1]ders?.parquet")
    done = import_file(bench.target, path, shop=bench.shop, actor=ACTOR)
    assert bench.rejects(done) == [
        (3, "customer_id", ROUNDED),
        (4, "date", "is not a possible time"),
        (5, "amount", "is missing"),
        (6, "order_id", "is missing"),
        (7, "date", "is not a possible time"),
    ]
    assert bench.rows("customer_key, order_key, amount_minor") == [("12", "k1", 150)]
    empty = parquet(bench, f"{PLENTY} limit 0")
    done = import_file(bench.target, empty, shop=bench.shop, actor=ACTOR)
    assert done.rows == RowCounts()


def test_one_absurd_quantity_does_not_spoil_the_file(bench: Bench) -> None:
    text = "order_id,date,quantity,price\no1,2025-01-01,1e10,1\no2,2025-01-01,2,9e29\n"
    done = bench.bring(text + "o3,2025-01-01,2,1.25\n")
    assert bench.rejects(done) == [(2, "quantity", "is too large"), (3, "price", "is too large")]
    assert bench.rows("order_key, amount_minor") == [("o3", 250)]


def test_a_wide_table_and_empty_rows_are_no_trouble(bench: Bench) -> None:
    extra = ",".join(f"x{number}" for number in range(600))
    empty = "," * 602
    text = f"customer_id,date,amount,{extra}\n" + f"a,2025-01-01,1{',' * 600}\n{empty}\n" * 2
    done = bench.bring(text.replace("a,2025-01-01,1,", "b,2025-01-01,1,", 1))
    assert (done.rows, bench.rejects(done)) == (RowCounts(2, 2, 0, 0, 0), [])


@pytest.mark.parametrize("encoding", ["utf-8", "gbk"])
def test_one_broken_byte_does_not_change_the_encoding_of_the_rest(
    bench: Bench, encoding: str
) -> None:
    good = "客户,日期,金额\n张三,2025-01-01,5\n".encode(encoding)
    done = bench.bring(good + "李四".encode(encoding)[:-1] + b"\xff,2025-01-02,6\n")
    assert bench.rejects(done) == [(3, "", "characters that are not in the file's encoding")]
    assert bench.rows("customer_key") == [("张三",)]


def test_what_is_no_plain_file_is_refused_and_not_waited_for(bench: Bench) -> None:
    pipe = bench.folder / "pipe.csv"
    os.mkfifo(pipe)
    endless = bench.folder / "endless.csv"
    endless.symlink_to("/dev/zero")
    for path in (pipe, endless, bench.folder):
        with pytest.raises(UnreadableFile, match=path.name):
            import_file(bench.target, path, shop=bench.shop, actor=ACTOR)


def test_a_file_whose_name_is_no_text_is_imported_and_shown(bench: Bench) -> None:
    path = bench.folder / os.fsdecode(b"\xb6\xa9.parquet")
    parquet(bench, PLENTY).rename(path)
    done = import_file(bench.target, path, shop=bench.shop, actor=ACTOR)
    assert (done.rows.new, done.file) == (400, "\ufffd\ufffd.parquet")


TRANSACTIONS = (
    "household_id,store_id,basket_id,product_id,quantity,sales_value,retail_disc,coupon_disc,"
    "coupon_match_disc,week,transaction_timestamp\n"
    "900,330,31198570044,1095275,1,0.5,0,0,0,1,2017-01-01 11:53:26\n"
    "900,330,31198570047,9878513,0,2.9000000000000004,0.1,0.2,0.05,1,2017-01-01 12:10:28\n"
    "901,330,31198570048,9878513,1,x,0,0,0,1,2017-01-01 12:10:28\n"
    ",330,31198570049,9878513,1,1,0,0,0,1,2017-01-01 12:10:28\n"
)


def test_complete_journey_lines_are_orders_and_payments(bench: Bench) -> None:
    done = bench.bring(TRANSACTIONS, "transactions.csv")
    assert done.format == "completejourney"
    assert bench.rejects(done) == [
        (4, "sales_value", "is not an amount"),
        (5, "household_id", "is missing"),
    ]
    columns = (
        "external_id, customer_key, order_key, product_key, quantity, amount_minor, "
        "discount_minor, cast(occurred_at as varchar)"
    )
    assert bench.rows(columns) == [
        ("order:31198570044:1095275", "900", "31198570044", "1095275", 1, 50, 0,
         "2017-01-01 11:53:26+00"),
        ("order:31198570047:9878513", "900", "31198570047", "9878513", 0, 290, 35,
         "2017-01-01 12:10:28+00"),
    ]  # fmt: skip
    assert len(bench.rows("*", "payment")) == 2


def test_complete_journey_products_go_to_the_catalog(bench: Bench) -> None:
    text = (
        "product_id,manufacturer_id,department,brand,product_category,product_type,package_size\n"
        "1,2,GROCERY,National,FRZN ICE,ICE - CRUSHED/CUBED,22 LB\n2,2,MISC,National,,,\n"
    )
    assert bench.bring(text, "products.csv").rows == RowCounts(2, 2, 0, 0, 0)
    assert bench.bring(text, "products.csv").rows == RowCounts(2, 0, 0, 2, 0)
    with bench.target.database.read() as tx:
        assert product_count(tx, shop_id=bench.shop.id) == 2
        found = products_by_keys(tx, shop_id=bench.shop.id, keys=["1"])["1"]
    assert (found.name, found.category) == ("ICE - CRUSHED/CUBED", "FRZN ICE")


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[4].split(os.pathsep)
from springtide.bootstrap import real_instant
from tests.kit.bench import ACTOR, Bench
from springtide.domain.access.model import Shop
from springtide.flows.files.imports import import_file
from springtide.kit.db import Database
import uuid
from springtide.flows.files import table_load
folder, stage, shop_id = sys.argv[1:4]
table_load._LARGE_BYTES = int(sys.argv[5])
shop = Shop(uuid.UUID(shop_id), "tide", "Tide", "CNY", "Asia/Shanghai")
database = Database(f"sqlite:///{folder}/state.db")
database.clock = real_instant
bench = Bench(database, Path(folder), shop)
def progress(reached):
    if reached == stage:
        os.kill(os.getpid(), signal.SIGKILL)
import_file(bench.target, Path(folder) / "orders.csv", shop=shop, actor=ACTOR, progress=progress)
"""


@pytest.mark.parametrize(
    "stage", ["reading", "checking", "people", "comparing", "writing", "committing", "committed"]
)
@pytest.mark.parametrize("large_bytes", [0, 400_000_000], ids=["on disk", "in memory"])
def test_an_import_killed_at_any_step_leaves_all_or_nothing(
    bench: Bench, stage: str, large_bytes: int
) -> None:
    bench.bring(PLAIN)
    more = PLAIN + "".join(f"c{n},2025-0{1 + n % 9}-01,{n}\n" for n in range(40))
    bench.write(more)
    died = subprocess.run(
        [
            sys.executable, "-c", _KILLED, str(bench.folder), stage, str(bench.shop.id),
            os.pathsep.join(path for path in sys.path if path), str(large_bytes),
        ],
        check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL
    is_in = stage == "committed"
    assert len(bench.rows("*")) == (43 if is_in else 3)
    recover(bench.target)
    with bench.target.database.read() as tx:
        states = [record.state for record in queries.imports(tx, shop_id=bench.shop.id)]
    assert sorted(states) == ["done", "done" if is_in else "failed"]
    again = bench.bring(more)
    assert again.rows == (RowCounts(43, 0, 0, 43, 0) if is_in else RowCounts(43, 40, 0, 3, 0))
    assert len(bench.rows("*")) == 43
    assert list(bench.target.lake.spill.iterdir()) == []


def test_what_a_dead_look_or_export_left_goes_after_a_day(bench: Bench) -> None:
    spill = bench.target.lake.spill
    now = bench.target.clock()
    for name, age in (("look-old", 25), ("export-old", 25), ("look-new", 23), ("other", 25)):
        (spill / name).mkdir()
        then = (now - timedelta(hours=age)).timestamp()
        os.utime(spill / name, (then, then))
    recover(bench.target)
    assert sorted(place.name for place in spill.iterdir()) == ["look-new", "other"]


def test_an_import_is_recorded_with_its_counts(bench: Bench) -> None:
    done = bench.bring(PLAIN + "x,x,x\n")
    with bench.target.database.read() as tx:
        record = queries.import_record(tx, shop_id=bench.shop.id, import_id=done.import_id)
    assert (record.state, record.format, record.rows) == ("done", "generic", done.rows)
    assert record.rejects_file == done.rejects_file.name if done.rejects_file else None
    assert json.dumps(record.problem) == "null"
