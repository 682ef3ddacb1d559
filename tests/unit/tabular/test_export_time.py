"""The instant that a file's name tells."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.connectors.tabular.export_time import exported_at
from springtide.kit.time import zone

CHINA = "Asia/Shanghai"


@pytest.mark.parametrize(
    ("name", "wall"),
    [
        ("orders_2025-06-01_2025-06-18.xls", "2025-06-19T00:00"),
        ("orders_20250601_20250618.xls", "2025-06-19T00:00"),
        ("orders 2025.06.01 2025.06.18.xls", "2025-06-19T00:00"),
        ("2025年06月01日-2025年06月18日.xls", "2025-06-19T00:00"),
        ("orders_2025-06-01_2025-06-18_0930.xls", "2025-06-18T09:30"),
        ("orders_2025-06-18_2025.xls", "2025-06-18T20:25"),
        ("orders_20250618_202507.xls", "2025-06-18T20:25"),
        ("ExportOrderList202506210930.csv", "2025-06-21T09:30"),
        ("orders_2025-06-18 23.59.59.csv", "2025-06-18T23:59"),
    ],
)
def test_a_name_tells_the_end_of_its_last_day_or_its_time(name: str, wall: str) -> None:
    found = exported_at(name, CHINA)
    assert found is not None
    assert found.astimezone(zone(CHINA)).replace(tzinfo=None).isoformat("T", "minutes") == wall


@given(
    first=st.dates(date(2015, 1, 1), date(2039, 12, 31)),
    days=st.integers(0, 400),
    mark=st.sampled_from(["-", ".", "_", ""]),
    between=st.sampled_from(["_", "-", " ", "~", "_to_", "至", "T"]),
)
def test_a_period_ends_with_its_last_day_however_it_is_written(
    first: date, days: int, mark: str, between: str
) -> None:
    last = first + timedelta(days=days)
    written = f"%Y{mark}%m{mark}%d"
    name = f"orders_{first.strftime(written)}{between}{last.strftime(written)}.csv"
    midnight = datetime(last.year, last.month, last.day, tzinfo=UTC) + timedelta(days=1)
    assert exported_at(name, "UTC") == midnight
