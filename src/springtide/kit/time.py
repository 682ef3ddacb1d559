"""Time: aware UTC instants, plan times relative to an anchor, and a clock that can be simulated."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from springtide.kit.errors import N_, Refusal


class BadZone(Refusal):
    """A time zone that IANA does not know."""

    code = "bad_zone"
    text = N_("“{value}” is not an IANA time zone, such as Asia/Shanghai.")


def zone(name: str) -> ZoneInfo:
    """Return the IANA zone of a name; refuse an unknown one."""
    if name not in available_timezones():
        raise BadZone(value=name[:60])
    return ZoneInfo(name)


def at_wall_time(day: date, wall: time, tz: ZoneInfo) -> datetime:
    """Return the UTC instant of a wall time in a zone.

    A wall time that happens twice (clocks go back) is the first one; one that never happens
    (clocks go forward) is moved on by the gap, as PEP 495 with ``fold=0`` does.
    """
    return datetime.combine(day, wall, tzinfo=tz).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class RelativeTime:
    """A plan's time: so many days from the campaign's day, at a wall time of the shop's zone."""

    day_offset: int
    wall: time

    def resolve(self, day: date, tz: ZoneInfo) -> datetime:
        """Return the UTC instant for a campaign whose sale day is ``day``."""
        return at_wall_time(day + timedelta(days=self.day_offset), self.wall, tz)


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open range of instants ``[starts_at, ends_at)``."""

    starts_at: datetime
    ends_at: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.starts_at <= instant < self.ends_at


@dataclass(frozen=True, slots=True)
class SimulatedClock:
    """A clock that ran at ``speed`` from ``shows`` since the real instant ``set_at``.

    With ``stops_at`` it never goes past that instant; speed 0 stands still.
    """

    shows: datetime
    set_at: datetime
    speed: float = 0.0
    stops_at: datetime | None = None

    def at(self, real: datetime) -> datetime:
        """Return what the clock shows at a real instant."""
        shown = self.shows + (real - self.set_at) * self.speed
        return min(shown, self.stops_at) if self.stops_at else shown


@dataclass(frozen=True, slots=True)
class Shown:
    """What a clock shows now, and the instant that no clock which agrees with it shows yet."""

    now: datetime
    not_yet: datetime


def counted_anew(made: datetime, ends: datetime, now: datetime) -> datetime:
    """Return when a hold ends that is counted from ``now`` instead; never later than it was."""
    return min(ends, now + max(ends - made, timedelta(0)))
