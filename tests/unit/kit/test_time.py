"""Zones, wall times, times relative to a sale's day, windows, and clocks that are simulated."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.kit.time import (
    BadZone,
    RelativeTime,
    SimulatedClock,
    Window,
    at_wall_time,
    counted_anew,
    zone,
)

SHANGHAI, PARIS, NEW_YORK = zone("Asia/Shanghai"), zone("Europe/Paris"), zone("America/New_York")
SALE = date(2026, 11, 11)
NOON = datetime(2026, 11, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", ["", "Shanghai", "asia/shanghai", "UTC+8", "../etc/localtime"])
def test_a_zone_that_is_none_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(BadZone) as refused:
        zone(name)
    assert refused.value.facts == {"value": name}


def test_a_long_name_is_told_short() -> None:
    with pytest.raises(BadZone) as refused:
        zone("x" * 300)
    assert refused.value.facts == {"value": "x" * 60}


@pytest.mark.parametrize(
    ("day", "wall", "tz", "instant"),
    [
        (SALE, time(0, 0), SHANGHAI, datetime(2026, 11, 10, 16, tzinfo=UTC)),
        (SALE, time(20, 0), SHANGHAI, datetime(2026, 11, 11, 12, tzinfo=UTC)),
        (SALE, time(0, 0), NEW_YORK, datetime(2026, 11, 11, 5, tzinfo=UTC)),
        # Summer and winter of one zone.
        (date(2026, 6, 18), time(8, 30), PARIS, datetime(2026, 6, 18, 6, 30, tzinfo=UTC)),
        (date(2026, 12, 18), time(8, 30), PARIS, datetime(2026, 12, 18, 7, 30, tzinfo=UTC)),
        # Twice on 25 October: the first. Never on 29 March: on by the gap.
        (date(2026, 10, 25), time(2, 30), PARIS, datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        (date(2026, 3, 29), time(2, 30), PARIS, datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_wall_time_is_an_instant(day: date, wall: time, tz: object, instant: datetime) -> None:
    found = at_wall_time(day, wall, tz)  # type: ignore[arg-type]
    assert found == instant
    assert found.tzinfo is UTC


def test_a_sale_that_opens_at_eight_the_evening_before() -> None:
    opens = RelativeTime(-1, time(20, 0))
    assert opens.resolve(SALE, SHANGHAI) == datetime(2026, 11, 10, 12, tzinfo=UTC)
    assert opens.resolve(SALE, NEW_YORK) == datetime(2026, 11, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("offset", "day"),
    [(0, 29), (-1, 28), (1, 30), (-28, 1), (2, 31)],
)
def test_days_before_and_after_keep_the_wall_time_over_a_change_of_clocks(
    offset: int, day: int
) -> None:
    # The night to 29 March is an hour short in Paris.
    found = RelativeTime(offset, time(9, 0)).resolve(date(2026, 3, 29), PARIS)
    assert found.astimezone(PARIS) == datetime(2026, 3, day, 9, 0, tzinfo=PARIS)


@given(offset=st.integers(-400, 400), minutes=st.integers(0, 24 * 60 - 1))
def test_one_more_day_is_the_next_day(offset: int, minutes: int) -> None:
    wall = time(minutes // 60, minutes % 60)
    this = RelativeTime(offset, wall).resolve(SALE, SHANGHAI)
    that = RelativeTime(offset + 1, wall).resolve(SALE, SHANGHAI)
    assert that - this == timedelta(days=1)
    assert this.astimezone(SHANGHAI).date() == SALE + timedelta(days=offset)


def test_a_window_begins_with_its_start_and_ends_before_its_end() -> None:
    window = Window(NOON, NOON + timedelta(hours=1))
    tick = timedelta(microseconds=1)
    assert window.starts_at in window
    assert window.ends_at - tick in window
    assert window.starts_at - tick not in window
    assert window.ends_at not in window
    assert NOON not in Window(NOON, NOON)


@pytest.mark.parametrize(
    ("speed", "seconds", "shown"),
    [(0.0, 3_600, 0), (1.0, 90, 90), (600.0, 10, 6_000), (60.0, -5, -300)],
)
def test_a_simulated_clock_runs_from_what_it_showed(speed: float, seconds: int, shown: int) -> None:
    shows = datetime(2025, 11, 11, tzinfo=UTC)
    clock = SimulatedClock(shows, NOON, speed)
    assert clock.at(NOON + timedelta(seconds=seconds)) == shows + timedelta(seconds=shown)


def test_a_simulated_clock_stands_at_its_end() -> None:
    shows = datetime(2025, 11, 11, tzinfo=UTC)
    clock = SimulatedClock(shows, NOON, 10.0, stops_at=shows + timedelta(minutes=1))
    assert clock.at(NOON + timedelta(seconds=5)) == shows + timedelta(seconds=50)
    assert clock.at(NOON + timedelta(seconds=6)) == shows + timedelta(minutes=1)
    assert clock.at(NOON + timedelta(days=6)) == shows + timedelta(minutes=1)


def test_a_hold_counted_anew_lasts_as_long_as_it_was_to_and_never_longer() -> None:
    ahead = NOON + timedelta(days=1)
    quarter = timedelta(minutes=15)
    assert counted_anew(ahead, ahead + quarter, NOON) == NOON + quarter
    # Made before now: it ends when it was to.
    earlier = NOON - timedelta(minutes=10)
    assert counted_anew(earlier, earlier + quarter, NOON) == earlier + quarter
    # One that ended before it was made ends at once.
    assert counted_anew(ahead, ahead - quarter, NOON) == NOON
