"""The review: a sale's day and warm-up against the comparable days, and what fell short."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from springtide.domain.access.model import Shop
from springtide.domain.board import store
from springtide.domain.board.model import DayPlan, Value
from springtide.domain.board.ports import FactRows
from springtide.domain.board.queries.live import DayCurves, Snapshots, with_change
from springtide.domain.board.queries.numbers import combined, day_window, divided, values
from springtide.domain.facts.model import EARLIEST
from springtide.kit.time import Window

#: What the warm-up is measured by; ratios to the comparable weeks make the radar.
WARM_UP_KINDS = ("visitors", "page_views", "favourites", "carts")
#: A change below this is a gap for the next plan.
GAP_BPS = -300


@dataclass(frozen=True, slots=True)
class HeroLine:
    """A hero's units and money on the day, beside its average on the comparable days."""

    product_key: str
    units: int
    usual_units: int | None
    paid_minor: int
    usual_paid_minor: int | None


@dataclass(frozen=True, slots=True)
class Review:
    """A sale looked back at. ``warm_up`` is empty where no comparable week was measured."""

    day: date
    comparable_days: tuple[date, ...]
    window: Window
    values: Mapping[str, Value]
    heroes: tuple[HeroLine, ...]
    warm_up_window: Window
    warm_up: Mapping[str, Value]
    goals: Mapping[str, tuple[int, int]]

    @property
    def gaps(self) -> tuple[str, ...]:
        """The metrics that lay clearly below the comparable days."""
        return tuple(
            kind
            for kind, value in self.values.items()
            if value.change_bps is not None and value.change_bps < GAP_BPS and kind != "refunds"
        )

    @property
    def weakest_leg(self) -> str | None:
        """The warm-up's lowest ratio to its comparable weeks."""
        ratios = {
            kind: value.change_bps
            for kind, value in self.warm_up.items()
            if value.change_bps is not None
        }
        return min(ratios, key=lambda kind: (ratios[kind], kind)) if ratios else None


def review(
    reader: FactRows,
    *,
    snapshots: Snapshots,
    shop: Shop,
    plan: DayPlan,
    warm_up: Window,
    heroes: Sequence[str],
) -> Review:
    """Return the review of a campaign's day; of a day that still runs, what it has so far.

    The same functions as the board's count here, over the whole day.
    """
    window = day_window(plan.day, shop.tz)
    past = snapshots.comparable_days(shop=shop, plan=plan)
    found = values(reader, shop=shop.slug, window=window)
    return Review(
        day=plan.day,
        comparable_days=tuple(day.day for day in past),
        window=window,
        values=_beside(found, past),
        heroes=_heroes(reader, shop, window, past, heroes),
        warm_up_window=warm_up,
        warm_up=_warm_up(reader, shop, plan, warm_up, past),
        goals={kind: (target, found[kind].amount or 0) for kind, target in plan.goals.items()},
    )


def _beside(found: Mapping[str, Value], past: Sequence[DayCurves]) -> dict[str, Value]:
    if not past:
        return dict(found)
    sums = {kind: sum(day.curves[kind][-1] for day in past) for kind in past[0].curves}
    return {
        kind: with_change(
            value, divided(sums[kind], len(past)) if kind in sums else combined(kind, sums)
        )
        for kind, value in found.items()
    }


def _heroes(
    reader: FactRows,
    shop: Shop,
    window: Window,
    past: Sequence[DayCurves],
    keys: Sequence[str],
) -> tuple[HeroLine, ...]:
    if not keys:
        return ()

    def sold(span: Window) -> dict[str, tuple[int, int]]:
        rows = store.ask(reader, store.sold, shop.slug, span, tuple(keys))
        return {key: (int(units), int(paid)) for key, units, paid in rows}

    today = sold(window)
    before = [sold(day.window) for day in past]
    lines = []
    for key in keys:
        units, paid = today.get(key, (0, 0))
        usual = [sum(day.get(key, (0, 0))[index] for day in before) for index in (0, 1)]
        lines.append(
            HeroLine(
                key,
                units,
                divided(usual[0], len(past)) if past else None,
                paid,
                divided(usual[1], len(past)) if past else None,
            )
        )
    return tuple(lines)


def _warm_up(
    reader: FactRows, shop: Shop, plan: DayPlan, warm_up: Window, past: Sequence[DayCurves]
) -> dict[str, Value]:
    """Return the warm-up beside the same stretch before each comparable day.

    A stretch that began before anybody's visits were kept is no measure and is left out.
    """
    found = values(reader, shop=shop.slug, window=warm_up, kinds=WARM_UP_KINDS)
    weeks = [
        Window(warm_up.starts_at - (plan.day - day.day), warm_up.ends_at - (plan.day - day.day))
        for day in past
    ]
    if not weeks:
        return {}
    ever = Window(EARLIEST, max(week.starts_at for week in weeks) + timedelta(microseconds=1))
    first = store.ask(reader, store.first_view, shop.slug, ever)[0][0]
    weeks = [week for week in weeks if first is not None and week.starts_at.timestamp() >= first]
    if not weeks:
        return {}
    before = [values(reader, shop=shop.slug, window=week, kinds=WARM_UP_KINDS) for week in weeks]
    return {
        kind: replace(
            with_change(
                value, divided(sum(week[kind].amount or 0 for week in before), len(before))
            ),
            is_simulated=value.is_simulated or any(week[kind].is_simulated for week in before),
        )
        for kind, value in found.items()
    }
