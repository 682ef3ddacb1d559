"""Money of a group split over its rows in SQL is what ``kit.money.split`` makes of it."""

import duckdb
from hypothesis import example, given, settings
from hypothesis import strategies as st

from springtide.connectors.tabular.allocation import Levels
from springtide.kit.money import split

_AMOUNT = st.one_of(st.integers(0, 20), st.integers(0, 10**12))
_GROUP = st.tuples(_AMOUNT, st.lists(_AMOUNT, min_size=1, max_size=6))


@settings(max_examples=50, deadline=None)
@given(st.lists(_AMOUNT, min_size=1, max_size=5))
def test_a_single_row_gets_all_whichever_way_it_is_worked_out(totals: list[int]) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table lines (row_no bigint, total bigint)")
        connection.executemany("insert into lines values (?, ?)", list(enumerate(totals)))
        found = []
        for is_single in (True, False):
            levels = Levels(
                "select *, '1' as line_no from lines", partition="row_no", is_single=is_single
            )
            levels.split("share", total="total", weight="0")
            query = f"select row_no, share from ({levels.query}) order by row_no"
            cursor = connection.execute(query)
            found.append((cursor.fetchall(), [column[1] for column in cursor.description]))
    assert found[0] == found[1]
    assert [share for _, share in found[0][0]] == totals


@settings(max_examples=150, deadline=None)
@given(st.lists(_GROUP, min_size=1, max_size=5))
@example([(100, [1, 1, 1]), (7, [0, 0]), (0, [3, 4]), (10**12, [10**12, 1])])
def test_shares_sum_to_the_whole_and_are_those_of_money(
    groups: list[tuple[int, list[int]]],
) -> None:
    rows = [
        (f"o{number}", total, weight, number * 10 + place)
        for number, (total, weights) in enumerate(groups)
        for place, weight in enumerate(weights)
    ]
    with duckdb.connect() as connection:
        connection.execute(
            "create table lines (order_key varchar, total bigint, weight bigint, row_no bigint)"
        )
        connection.executemany("insert into lines values (?, ?, ?, ?)", rows)
        levels = Levels(
            "select *, cast(row_no as varchar) as line_no from lines", partition="order_key"
        )
        levels.split("share", total="total", weight="weight")
        found = connection.execute(f"select share from ({levels.query}) order by row_no").fetchall()
    wanted = [share for total, weights in groups for share in split(total, weights)]
    assert [share for (share,) in found] == wanted
