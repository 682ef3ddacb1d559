"""Token buckets, cursors, settings and safe addresses: what needs no database."""

from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.api.limits import Limits, TooManyRequests
from springtide.api.paging import BadCursor, page_of, read_cursor, write_cursor
from springtide.bootstrap import House
from springtide.kit.db import Database
from springtide.settings import BadSetting, read_settings
from springtide.web.frame.sessions import log_in_address
from tests.kit.house import settings_in

KEY, OTHER = UUID(int=1), UUID(int=2)


@pytest.fixture(scope="module")
def plain_house(tmp_path_factory: pytest.TempPathFactory) -> House:
    folder = tmp_path_factory.mktemp("plain")
    url = f"sqlite:///{folder}/state.db"
    return House(settings_in(folder, url), Database(url))


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    limits = Limits(rate=2, burst=3)
    assert [limits.take(KEY, at_seconds=0).remaining for _ in range(3)] == [2, 1, 0]
    with pytest.raises(TooManyRequests) as refused:
        limits.take(KEY, at_seconds=0.1)
    assert refused.value.facts["seconds"] == 1
    assert limits.take(KEY, at_seconds=0.5).remaining == 0
    assert limits.take(OTHER, at_seconds=0.5).remaining == 2
    assert limits.take(KEY, at_seconds=100).remaining == 2


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.lists(st.floats(0, 2, allow_nan=False), max_size=200),
)
def test_no_stretch_of_time_gets_more_than_burst_and_rate(
    rate: int, burst: int, waits: list[float]
) -> None:
    limits, clock, granted = Limits(rate=rate, burst=burst), 0.0, 0
    for wait in waits:
        clock += wait
        try:
            limits.take(KEY, at_seconds=clock)
        except TooManyRequests:
            continue
        granted += 1
    assert granted <= burst + rate * clock + 1e-6


def test_a_clock_that_steps_back_gives_nothing() -> None:
    limits = Limits(rate=1, burst=1)
    limits.take(KEY, at_seconds=10)
    with pytest.raises(TooManyRequests):
        limits.take(KEY, at_seconds=5)


@given(st.lists(st.one_of(st.text(), st.integers(-(2**60), 2**60)), max_size=4))
def test_a_cursor_comes_back_as_it_went(plain_house: House, position: list[object]) -> None:
    cursor = write_cursor(plain_house, scope="orders shop", position=position)
    assert read_cursor(plain_house, scope="orders shop", cursor=cursor) == position
    with pytest.raises(BadCursor):
        read_cursor(plain_house, scope="orders other", cursor=cursor)


@given(st.text(min_size=1))
def test_a_made_up_cursor_is_refused(plain_house: House, cursor: str) -> None:
    with pytest.raises(BadCursor):
        read_cursor(plain_house, scope="orders", cursor=cursor)


def test_a_changed_cursor_is_refused(plain_house: House) -> None:
    cursor = write_cursor(plain_house, scope="orders", position=[5])
    for place in range(len(cursor)):
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        try:
            position = read_cursor(plain_house, scope="orders", cursor=changed)
        except BadCursor:
            continue
        # The last letter of base 64 holds bits that mean nothing.
        assert (place, position) == (len(cursor) - 1, [5])


@pytest.mark.parametrize(("rows", "more"), [(0, False), (3, False), (4, True)])
def test_a_page_has_a_next_one_only_when_rows_are_left(
    plain_house: House, rows: int, more: bool
) -> None:
    items, cursor = page_of(
        plain_house, scope="x", rows=list(range(rows)), limit=3, position=lambda row: row
    )
    assert len(items) == min(rows, 3)
    assert (cursor is not None) == more
    if cursor:
        assert read_cursor(plain_house, scope="x", cursor=cursor) == 2


@pytest.mark.parametrize("value", ["http", "-1", "0", "65536", "８０８０", "8e3", "9" * 5000])
def test_a_port_that_is_none_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadSetting, match="PORT=") as refused:
        read_settings({"SPRINGTIDE_DATA": str(tmp_path), "PORT": value})
    assert len(str(refused.value)) < 200


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = read_settings({"SPRINGTIDE_DATA": str(tmp_path)})
    again = read_settings({"SPRINGTIDE_DATA": str(tmp_path)})
    assert len(first.secret) == 64
    assert first.secret == again.secret
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret"]


@pytest.mark.parametrize(
    ("path", "query", "address"),
    [
        ("/", "", "/log-in"),
        ("/shops/a", "", "/log-in?next=/shops/a"),
        ("/shops/a", "x=1&next=https://evil.test", None),
    ],
)
def test_the_way_back_is_one_value_of_the_log_in_address(
    path: str, query: str, address: str | None
) -> None:
    made = log_in_address(path, query)
    assert address is None or made == address
    assert "&" not in made
    assert made.count("=") <= 1
