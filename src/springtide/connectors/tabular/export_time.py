"""When a file was exported, by its name."""

import re
from datetime import UTC, datetime, time, timedelta

from springtide.kit.time import at_wall_time, zone

# 202506210930 or 20250621_093005, 2025-06-18 09.30.00, 2025-06-18; and Unix seconds. What begins
# a further date is no time: the 2025 between the days of a period is a year, not 20:25.
_DAY = r"20\d\d[-_.年]?(?:0[1-9]|1[0-2])[-_.月]?(?:0[1-9]|[12]\d|3[01])"
_STAMP = re.compile(
    r"(?<!\d)(20\d\d)[-_.年]?(0[1-9]|1[0-2])[-_.月]?(0[1-9]|[12]\d|3[01])日?"
    rf"(?:[-_T ]?(?!{_DAY})([01]\d|2[0-3])[-_.:]?([0-5]\d)(?:[-_.:]?[0-5]\d)?)?(?!\d)"
)
_SECONDS = re.compile(r"(?<!\d)(1[4-9]\d{8})(?:\d{3})?(?!\d)")


def exported_at(name: str, zone_name: str) -> datetime | None:
    """Return the instant a file's name tells: the last in it; None without one.

    A day without a time stands for its end, since what happened on it may be in the file.

    >>> exported_at("ExportOrderList202506210930.csv", "UTC").isoformat()
    '2025-06-21T09:30:00+00:00'
    >>> exported_at("orders_2025-06-01_2025-06-18.xls", "UTC").isoformat()
    '2025-06-19T00:00:00+00:00'
    """
    found = None
    for year, month, day, hour, minute in _STAMP.findall(name):
        try:
            date = datetime(int(year), int(month), int(day), tzinfo=UTC).date()
        except ValueError:
            continue
        wall = time(int(hour), int(minute)) if hour else time()
        days = timedelta(days=0 if hour else 1)
        found = at_wall_time(date + days, wall, zone(zone_name))
    if found is None and (match := _SECONDS.search(name)):
        found = datetime.fromtimestamp(int(match[1]), UTC)
    return found
