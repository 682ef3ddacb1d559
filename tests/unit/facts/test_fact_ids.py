"""Ids of facts are read as they were built, in Python and in SQL alike."""

from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from springtide.domain.facts import fact_ids
from springtide.kit.sql import quoted

KEYS = st.text("abz019-_", min_size=1, max_size=12)
NUMBERS = st.integers(1, 99_999).map(str)
OWN = st.integers(100_000, 10**18).map(str)
KINDS = st.sampled_from(["order", "payment", "refund"])


def told(external_id: str, expression: str, kind: str = "order", order: str = "o") -> Any:
    query = (
        f"select {expression} from (select $id as external_id, $kind as kind, $order as order_key)"
    )
    given_ = {"id": external_id, "kind": kind, "order": order}
    used = {name: value for name, value in given_.items() if f"${name}" in query}
    with duckdb.connect() as connection:
        (row,) = connection.execute(query, used).fetchall()
    return row[0]


@settings(max_examples=30)
@given(KINDS, KEYS, NUMBERS | OWN | st.sampled_from([fact_ids.ALL_LINES, fact_ids.SHIPPING]))
def test_a_line_is_read_as_it_was_built(kind: str, order: str, line: str) -> None:
    made = fact_ids.build(kind, order, line)
    assert told(made, fact_ids.build_sql(kind, "order_key", quoted(line)), kind, order) == made
    assert told(made, fact_ids.is_sql(kind, "order_key", quoted(line)), kind, order)
    assert told(made, fact_ids.LINE) == line
    assert told(made, fact_ids.IS_SHIPPING) is (line == fact_ids.SHIPPING)
    assert told(made, fact_ids.IS_ALL_LINES) is (line == fact_ids.ALL_LINES)
    is_own = line.isdigit() and len(line) > 5
    assert told(made, fact_ids.HAS_OWN_LINE) is is_own
    is_numbered = line == fact_ids.ALL_LINES or (line.isdigit() and not is_own)
    assert told(made, fact_ids.HAS_NUMBERED_LINE) is is_numbered
    assert told(made, fact_ids.IS_OF_ORDER, kind, order)
    assert not told(made, fact_ids.IS_WHOLE_ORDER, kind, order)
    assert told(fact_ids.build(kind, order), fact_ids.IS_WHOLE_ORDER, kind, order)


@settings(max_examples=30)
@given(KEYS, OWN, KEYS)
def test_an_after_sale_stands_in_for_the_refund_of_its_line(
    order: str, line: str, after_sale: str
) -> None:
    plain = fact_ids.build("refund", order, line)
    made = fact_ids.build("refund", order, line, after_sale)
    assert told(made, fact_ids.IS_OF_AFTER_SALE)
    assert not told(plain, fact_ids.IS_OF_AFTER_SALE)
    assert told(made, fact_ids.WITHOUT_AFTER_SALE) == plain


@pytest.mark.parametrize(
    ("external_id", "group"),
    [
        ("order:1001:1", "order4"),
        ("wish:77", "wish2"),
        ("1001", "4"),
        ("INV-7:1", "7"),
        ("order:" + "9" * 120, "order99"),
    ],
)
def test_ids_of_one_kind_and_length_rise_together(external_id: str, group: str) -> None:
    assert told(external_id, fact_ids.RISING_GROUP) == group


def test_rows_that_are_alike_are_numbered_from_the_second_on() -> None:
    query = f"select {fact_ids.numbered_sql(quoted('cart:a'))} from (select unnest([1, 2]) as turn)"
    with duckdb.connect() as connection:
        rows = connection.execute(query).fetchall()
    assert [row[0] for row in rows] == ["cart:a", "cart:a:2"]
