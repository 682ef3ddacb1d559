"""The quick way to read a cell says the same as the careful one."""

from typing import Any

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from springtide.connectors.tabular import values
from springtide.domain.facts.ports import Column

CELL = Column("cell", "VARCHAR")
_BLANKS = ("", " ", "\t", "\n", "\u00a0", "\ufeff", "\u200b", "\u3000")
_SIGNS = ("'", '="', '"', "=", "%", "元", "¥", "-", "+", ",", ".", "/", ":", "{", "~", "_")
_WORDS = ("张", "龥", "null", "NULL", "N/A", "\\N", "无退款申请", "#N/A", "1e5", "1,234", "１，")
_TIMES = ("2025-03-04", "2025/3/4", " 10:11:12", "T10:11", "Z", "+08:00", "24:00:00")
_MARKS = st.sampled_from([*_BLANKS, *_SIGNS, *_WORDS, *_TIMES])
_PARTS = st.one_of(_MARKS, st.integers(0, 10**12).map(str), st.text("0123456789", max_size=3))
CELLS = st.lists(st.lists(_PARTS, max_size=4).map("".join), min_size=1, max_size=30)


def _read(cells: list[str], chain: dict[str, str], *wanted: str) -> list[tuple[Any, ...]]:
    """Work a chain of values out over cells."""
    query = "select unnest(?) as cell"
    for name, expression in chain.items():
        query = f"select *, {expression} as {name} from ({query})"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        return connection.execute(f"select {', '.join(wanted)} from ({query})", [cells]).fetchall()


@settings(max_examples=200, deadline=None)
@given(CELLS)
@example(
    [
        "abc ",
        '="1"',
        "'1",
        "null",
        "Null",
        "无退款申请",
        "无退款申请了",
        "\u3000",
        "a\u200b",
        "-",
        "--",
    ]
)
def test_a_clean_text_is_what_careful_reading_makes_of_it(cells: list[str]) -> None:
    chain = {"quick": values.text("cell"), "careful": values._careful("cell")}
    for quick, careful in _read(cells, chain, "quick", "careful"):
        assert quick == careful


@settings(max_examples=200, deadline=None)
@given(CELLS)
@example(
    [
        "1_000",
        "1e5",
        "0.005",
        "-0.005",
        "999999999.99999999",
        "12,34",
        "１，２３４．５０元",
        "1.005",
    ]
)
def test_a_plain_number_is_what_careful_reading_makes_of_it(cells: list[str]) -> None:
    careful = values._number("raw", ".")
    chain = {
        "raw": values.text("cell"),
        "careful": careful,
        "careful_minor": "try_cast(try(round(careful * 100)) as bigint)",
        "careful_whole": "case when careful = trunc(careful) then try_cast(careful as bigint) end",
        **values.numbers("number", CELL),
        **values.minor("money", CELL),
        **values.integers("whole", CELL),
    }
    names = ("number", "careful", "money", "careful_minor", "whole", "careful_whole")
    for number, slow, money, slow_money, whole, slow_whole in _read(cells, chain, *names):
        assert (number, money, whole) == (slow, slow_money, slow_whole)


@settings(max_examples=200, deadline=None)
@given(CELLS)
@example(["2025-03-04 24:00:00", "2025-02-30 10:00:00", "2025-3-4 1:2:3", "2025-11-02 01:30:00"])
def test_the_usual_time_is_what_trying_all_ways_makes_of_it(cells: list[str]) -> None:
    for zone in ("Asia/Shanghai", "America/New_York"):
        quick = values.instants("moment", CELL, zone=zone)
        careful = quick | {"usual_moment": "cast(null as timestamp)"}
        found = _read(cells, quick, "epoch_us(moment)")
        assert found == _read(cells, careful, "epoch_us(moment)")


@pytest.mark.parametrize(
    ("cell", "points"),
    [("3.21%", 321), ("0.0321", 321), ("-82.74%", -8274), ("1,234.5%", 123450), ("３％", 300),
     ("100 %", 10000), ("-", None), ("", None), ("x%", None), ("%", None)],
)  # fmt: skip
def test_a_rate_is_in_basis_points(cell: str, points: int | None) -> None:
    assert _read([cell], values.rate("rate", CELL), "rate") == [(points,)]


@pytest.mark.parametrize(
    ("cell", "text"),
    [('="193000"', "193000"), ("'18618486065", "18618486065"), ("\t6917\t", "6917"),
     ("\ufeff订单 ", "订单"), ("\u30001\u3000", "1"), ("NULL", None), ("无退款申请", None),
     ("a-b", "a-b"), ("=1+1", "=1+1"), (" ", None)],
)  # fmt: skip
def test_what_stands_round_a_text_is_taken_away(cell: str, text: str | None) -> None:
    assert _read([cell], {"said": values.text("cell")}, "said") == [(text,)]
