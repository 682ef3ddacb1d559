"""The cheap tests of values give what the careful expressions say, whatever the cells hold."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.connectors.tabular import values
from springtide.domain.imports.ports import StagedColumn
from springtide.kit.time import zone

CELL = StagedColumn("cell", "VARCHAR")


@cache
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    return connection


def ask(cells: list[str | None], given: dict[str, str], careful: str = "null") -> list[Any]:
    """Return the last value, and what the careful expression says, for each cell as texts."""
    query = "(select unnest($cells::varchar[]) as cell)"
    for name, expression in given.items():
        query = f"(select *, {expression} as {name} from {query})"
    last = list(given)[-1]
    return (
        engine()
        .execute(
            f"select cast({last} as varchar), cast({careful} as varchar) from {query}",
            {"cells": cells},
        )
        .fetchall()
    )


def value(cell: str | None, given: dict[str, str]) -> str | None:
    ((found, _),) = ask([cell], given)
    return None if found is None else str(found)


BLANKS = " \t\n\r\x0b\x1c\x85\xa0\u1680\u200b\u200e\u2028\u202f\u3000\ufeff"
HOSTILE = [
    *BLANKS, *"'\"=-+.,:/\\#<>@[]{}|~!%％0123456789azAZ_eETZ年月日元¥￥$€无、。】（）！～龥À ɏ١",
    '="', "-", "--", "null", "None", "NaN", "N/A", "\\N", "#N/A", "无退款申请", "12", "2024",
    "-01", "-30", "2024-02-30", "2024-01-02", " 10:20:30", "T10:20", "+08:00", " +0800", "Z", ".5",
    "1,234", "1e5", "1_000", "0x10", "inf", "9" * 16, "９９", "1.0", "45000", "1700000000",
    "24:00:00", "2024/1/2 3:04", "张三", "title",
]  # fmt: skip
CELLS = st.lists(
    st.none() | st.lists(st.sampled_from(HOSTILE), max_size=5).map("".join) | st.text(max_size=6),
    min_size=1,
    max_size=40,
)
MANY = settings(max_examples=80, deadline=None)


def agree(cells: list[str | None], given: dict[str, str], careful: str) -> None:
    for cell, (found, meant) in zip(cells, ask(cells, given, careful), strict=True):
        assert (cell, found) == (cell, meant)


@MANY
@given(CELLS)
def test_texts_mean_what_the_careful_expression_says(cells: list[str | None]) -> None:
    agree(cells, {"v": values.text("cell")}, values.careful_text("cell"))


@MANY
@given(CELLS, st.sampled_from(".,"), st.sampled_from([0, 2, 3]))
def test_numbers_and_money_mean_what_the_careful_expressions_say(
    cells: list[str | None], decimal: str, exponent: int
) -> None:
    number = values.careful_number(values.careful_text("cell"), decimal)
    agree(cells, values.numbers("v", CELL, decimal=decimal), number)
    scaled = f"try_cast(try(round({number} * {10**exponent})) as bigint)"
    agree(cells, values.minor("v", CELL, exponent=exponent, decimal=decimal), scaled)


@MANY
@given(CELLS)
def test_whole_numbers_and_rates_mean_what_the_careful_expressions_say(
    cells: list[str | None],
) -> None:
    given = values.integers("v", CELL)
    agree(cells, given, values.careful_whole(values.careful_number("raw_number_v")))
    for bare, scale in ((None, 0), ("fraction", 10_000), ("percent", 100)):
        given = values.rate("v", CELL, bare=bare)
        agree(cells, given, values.careful_rate("raw_v", scale))


ZONES = ["Asia/Shanghai", "UTC", "Europe/Paris", "Asia/Kolkata", "America/New_York"]
DAYS = st.datetimes(datetime.fromisoformat("1980-01-01"), datetime.fromisoformat("2110-01-01"))
TIMES = DAYS.flatmap(
    lambda at: st.sampled_from(
        [
            f"{at:%Y-%m-%d %H:%M:%S}", f"{at:%Y-%m-%d}", f"{at:%Y/%-m/%-d %-H:%M}",
            f"{at:%Y/%m/%d}",
            f"{at:%Y-%m-%d %H:%M:%S} +0200", f"{at:%Y-%m-%dT%H:%M:%S}Z", f"{at:%Y年%m月%d日 %H:%M}",
            f"{at:%Y%m%d}", f"{at:%Y-%m-%d %H:%M:%S.%f}", f"{at:%Y/%m/%d %H:%M:%S}",
            f"{at:%Y-%m-%d} 24:00:00", f"{at:%Y-%m-%d %H:%M}:60", f"{at:%y-%m-%d %H:%M:%S}00",
        ]
    )
)  # fmt: skip


@MANY
@given(
    CELLS.flatmap(lambda cells: st.lists(TIMES, min_size=5).map(lambda t: cells + t)),
    st.sampled_from(ZONES),
)
def test_instants_mean_what_the_careful_expressions_say(cells: list[str | None], name: str) -> None:
    given = values.instants("v", CELL, zone=name)
    local = values.careful_wall("raw_v")
    at = values.careful_wall_instant(f"({local})", name)
    agree(cells, given, f"coalesce({values.careful_instant('raw_v')}, {at})")


@pytest.mark.parametrize("name", ZONES)
def test_wall_times_are_instants_as_the_zones_of_python_have_them(name: str) -> None:
    place = zone(name)
    first = datetime.fromisoformat("1990-01-01")
    walls = [first + timedelta(days=5 * day, minutes=97 * day) for day in range(8_000)]
    query = (
        f"select {values.wall('place', name)} from (select unnest($walls::timestamp[]) as place)"
    )
    found = engine().execute(f"select epoch_us(v) from ({query}) as t(v)", {"walls": walls})
    meant = [wall.replace(tzinfo=place).astimezone(UTC) for wall in walls]
    exact = [(at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for at in meant]
    # An hour that a zone skips is none in Python and the next one here.
    skipped = [
        wall.replace(tzinfo=place).astimezone(UTC).astimezone(place).replace(tzinfo=None) != wall
        for wall in walls
    ]
    pairs = zip(found.fetchall(), exact, skipped, strict=True)
    assert [at for ((at,), us, is_skipped) in pairs if at != us and not is_skipped] == []


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ('="1930000123456789"', "1930000123456789"),
        ("'18618486065", "18618486065"),
        ("'18618486065'", "18618486065"),
        ('="\t6917\t"', "6917"),
        ("\t168.99\t", "168.99"),
        ("\ufeff订单\u200b", "订单"),
        ("\u3000张 三\xa0", "张 三"),
        ("\u202a13800000000\u202c", "13800000000"),
        ("O'Neil'", "O'Neil'"),
        ("' - ", None),
        ("无退款申请", None),
        ("  ", None),
        ("''", None),
    ],
)
def test_texts_are_freed_of_what_exports_wrap_them_in(cell: str, meant: str | None) -> None:
    assert value(cell, {"v": values.text("cell")}) == meant


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        ("1,234", "1234"),
        ("-1,234,567.89", "-1234567.89"),
        ("89.00元", "89"),
        ("￥1,299.5", "1299.5"),
        ("１，２３４．５", "1234.5"),
        ("$ 12", "12"),
        ("1 234", "1234"),
        ("1,23", None),
        ("1_000", None),
        ("ten", None),
        ("3%", None),
    ],
)
def test_numbers_are_read_as_people_write_them(cell: str, meant: str | None) -> None:
    found = value(cell, values.numbers("v", CELL))
    assert (found is None) == (meant is None)
    assert meant is None or found is None or Decimal(found) == Decimal(meant)
    cents = value(cell, values.minor("v", CELL))
    assert cents == (None if meant is None else f"{Decimal(meant) * 100:.0f}")


@pytest.mark.parametrize(
    ("cell", "bare", "meant"),
    [
        ("3.21%", None, "321"),
        ("+128.63%", None, "12863"),
        ("-0.005%", None, "-1"),
        ("1,234.5 %", None, "123450"),
        ("３．５％", None, "350"),
        ("0.0321", None, None),
        ("0.0321", "fraction", "321"),
        ("3.21", "percent", "321"),
        ("-", "fraction", None),
        ("%", None, None),
    ],
)
def test_rates_are_basis_points(cell: str, bare: str | None, meant: str | None) -> None:
    assert value(cell, values.rate("v", CELL, bare=bare)) == meant


def test_a_column_of_several_is_written_out_once() -> None:
    column = StagedColumn("concat_ws(' ', cell, '10:20')", "VARCHAR")
    given = values.instants("v", column, zone="Asia/Shanghai")
    assert sum(expression.count("concat_ws") for expression in given.values()) == 1
    assert value("2024-01-02", given) == "2024-01-02 02:20:00+00"


def test_an_expression_of_operators_is_taken_as_a_whole() -> None:
    assert value("a", {"v": values.text("cell || 'b '")}) == "ab"
    moment = "timestamp '2024-01-01' + interval 1 day"
    assert value("a", {"v": values.wall(moment, "Asia/Shanghai")}) == "2024-01-01 16:00:00+00"


def test_every_kind_of_typed_column_has_a_rate_and_a_number() -> None:
    for type_, bare in product(("DOUBLE", "INTEGER", "DECIMAL(5,4)"), (None, "fraction")):
        given = {
            "typed": f"try_cast(cell as {type_})",
            **values.rate("v", StagedColumn("typed", type_), bare=bare),
        }
        assert value("1", given) == ("10000" if bare else None)
