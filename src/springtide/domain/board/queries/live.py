"""The board at one instant: the campaign's day so far against comparable days at the same time."""

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import accumulate

from springtide.analytics import pacing
from springtide.domain.access.model import Shop
from springtide.domain.board import store
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import (
    Buyers,
    Counted,
    DayPlan,
    GoalProgress,
    Hour,
    ProductLine,
    Snapshot,
    Value,
)
from springtide.domain.board.ports import FactRows
from springtide.domain.board.queries.numbers import combined, day_window, divided, values
from springtide.kit.time import Window, at_wall_time

#: How many comparable days are averaged, and how far back they are looked for.
COMPARABLE_DAYS = 4
COMPARABLE_WEEKS_BACK = 12
TOP = 10
_HOUR_KINDS = ("visitors", "orders", "paid_money", "units", "paying_buyers")
_DAYS_KEPT = 400


@dataclass(frozen=True, slots=True)
class DayCurves:
    """One past day: each metric's number so far by minute, all from the day's first minute."""

    day: date
    window: Window
    curves: Mapping[str, Sequence[int]]

    def at(self, kind: str, minute: int) -> int:
        """Return a metric's number after so many minutes."""
        return pacing.so_far(self.curves.get(kind, ()), minute)


class Snapshots:
    """Takes snapshots; keeps past days' curves while the facts of those days stay the same."""

    def __init__(self, reader: FactRows) -> None:
        self._reader = reader
        self._days: OrderedDict[Hashable, DayCurves] = OrderedDict()

    def take(self, *, shop: Shop, plan: DayPlan, now: datetime) -> Snapshot:
        """Return the board of a campaign's day at an instant."""
        window = day_window(plan.day, shop.tz)
        so_far = Window(window.starts_at, max(window.starts_at, min(now, window.ends_at)))
        past = self.comparable_days(shop=shop, plan=plan)
        minutes = [_minutes_passed(day, now, window, shop) for day in past]
        numbers = values(self._reader, shop=shop.slug, window=so_far)
        compared = _compare(numbers, past, minutes)
        hours = self._hours(shop, so_far, window, past)
        goals = tuple(
            _progress(kind, target, numbers, past, minutes)
            for kind, target in plan.goals.items()
            if target > 0
        )
        return Snapshot(
            shop=shop.slug,
            day=plan.day,
            as_of=now,
            comparable_days=tuple(day.day for day in past),
            values=compared,
            hours=hours,
            top_by_money=self._top(shop, so_far, "paid_minor"),
            top_by_units=self._top(shop, so_far, "units"),
            goals=goals,
            is_simulated=any(value.is_simulated for value in numbers.values()),
            is_over=now >= window.ends_at,
        )

    def comparable_days(self, *, shop: Shop, plan: DayPlan) -> list[DayCurves]:
        """Return the last same weekdays with orders before the build-up began, newest first."""
        weeks = range(1, COMPARABLE_WEEKS_BACK + 1)
        days = [plan.day - timedelta(days=7 * week) for week in weeks]
        days = [day for day in days if day < plan.began_on]
        if not days:
            return []
        windows = [day_window(day, shop.tz) for day in days]
        latest = max(window.ends_at for window in windows)
        rows = self._reader.rows(store.states(shop.slug, tuple(windows)), before=latest)
        states = {place: (count, versions) for place, count, versions in rows}
        found: list[DayCurves] = []
        for index, day in enumerate(days):
            if index not in states:
                continue
            curves = self._curves(shop, day, states[index])
            if curves.at("orders", len(curves.curves.get("orders", ()))):
                found.append(curves)
            if len(found) == COMPARABLE_DAYS:
                break
        return found

    def _curves(self, shop: Shop, day: date, state: Hashable) -> DayCurves:
        # Facts are only ever added, or replaced by a higher version: the state tells them apart.
        key = (shop.slug, day, state)
        if key in self._days:
            self._days.move_to_end(key)
            return self._days[key]
        curves = day_curves(self._reader, shop=shop, day=day)
        self._days[key] = curves
        while len(self._days) > _DAYS_KEPT:
            self._days.popitem(last=False)
        return curves

    def _hours(
        self, shop: Shop, so_far: Window, whole: Window, past: Sequence[DayCurves]
    ) -> tuple[Hour, ...]:
        metrics = store.counted(_HOUR_KINDS)
        rows = store.ask(self._reader, store.by_bucket, shop.slug, so_far, metrics, 3600)
        by_hour = {
            int(row[0]): {
                part.kind: int(amount) for part, amount in zip(metrics, row[1:], strict=True)
            }
            for row in rows
        }
        hours = []
        paid = 0
        count = int((whole.ends_at - whole.starts_at).total_seconds()) // 3600
        for index in range(count):
            starts_at = whole.starts_at + timedelta(hours=index)
            has_begun = starts_at < so_far.ends_at
            numbers = by_hour.get(index, {})
            paid += numbers.get("paid_money", 0)
            usual = sum(day.at("paid_money", (index + 1) * 60) for day in past)
            hours.append(
                Hour(
                    starts_at=starts_at,
                    label=starts_at.astimezone(shop.tz).strftime("%H:%M"),
                    values=numbers if has_begun else {},
                    paid_so_far_minor=paid if has_begun else None,
                    usual_so_far_minor=divided(usual, len(past)) if past else None,
                )
            )
        return tuple(hours)

    def _top(self, shop: Shop, window: Window, order: str) -> tuple[ProductLine, ...]:
        rows = store.ask(self._reader, store.top_products, shop.slug, window, order, TOP)
        return tuple(ProductLine(row[0], int(row[1]), int(row[2]), int(row[3])) for row in rows)


def snapshot(reader: FactRows, *, shop: Shop, plan: DayPlan, now: datetime) -> Snapshot:
    """Return the board at an instant, keeping nothing; a server keeps one ``Snapshots`` instead."""
    return Snapshots(reader).take(shop=shop, plan=plan, now=now)


def day_curves(reader: FactRows, *, shop: Shop, day: date) -> DayCurves:
    """Return one day's numbers so far by minute, distinct people counted when first seen."""
    window = day_window(day, shop.tz)
    minutes = int((window.ends_at - window.starts_at).total_seconds()) // 60
    metrics = tuple(member for member in METRICS.values() if issubclass(member, Counted))
    added = {kind: [0] * minutes for kind, member in METRICS.items() if _is_counted(member)}
    for kind, bucket, amount in store.ask(reader, store.growth, shop.slug, window, metrics, 60):
        added[kind][bucket] += int(amount)
    for before, bucket, count, _ in store.ask_buyers(reader, shop.slug, window, 60):
        added["returning_buyers" if before else "new_buyers"][bucket] += int(count)
    return DayCurves(day, window, {kind: tuple(accumulate(row)) for kind, row in added.items()})


def _is_counted(member: type[object]) -> bool:
    return issubclass(member, Counted | Buyers)


def _minutes_passed(past: DayCurves, now: datetime, window: Window, shop: Shop) -> int:
    """Return how many minutes of a past day had passed at the same wall time."""
    if now >= window.ends_at:
        return int((past.window.ends_at - past.window.starts_at).total_seconds()) // 60
    if now < window.starts_at:
        return 0
    wall = now.astimezone(shop.tz).time()
    then = at_wall_time(past.day, wall, shop.tz)
    return int((then - past.window.starts_at).total_seconds()) // 60


def _compare(
    numbers: Mapping[str, Value], past: Sequence[DayCurves], minutes: Sequence[int]
) -> dict[str, Value]:
    """Put the comparable days' average beside each number; ratios are of the averages' sums."""
    if not past:
        return dict(numbers)
    sums = {
        kind: sum(day.at(kind, minute) for day, minute in zip(past, minutes, strict=True))
        for kind, member in METRICS.items()
        if _is_counted(member)
    }
    compared = {}
    for kind, value in numbers.items():
        usual = combined(kind, sums)
        if _is_counted(METRICS[kind]):
            usual = divided(sums[kind], len(past))
        compared[kind] = with_change(value, usual)
    return compared


def with_change(value: Value, usual: int | None) -> Value:
    """Return a value beside what is usual; no change is told against nought or nothing."""
    change = None
    if value.amount is not None and usual:
        change = divided((value.amount - usual) * 10_000, usual)
    return Value(value.amount, value.is_simulated, usual, change)


def _progress(
    kind: str,
    target: int,
    numbers: Mapping[str, Value],
    past: Sequence[DayCurves],
    minutes: Sequence[int],
) -> GoalProgress:
    so_far = numbers[kind].amount or 0
    return GoalProgress(
        kind=kind,
        target=target,
        so_far=so_far,
        reached_bps=divided(so_far * 10_000, target),
        projection=pacing.project(
            so_far, curves=[day.curves[kind] for day in past], minutes=minutes
        ),
    )
