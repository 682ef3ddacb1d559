"""Pace: where a day is heading, from how far comparable days had come at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass

#: Below this share of a usual day the projection would be noise: nothing is said.
SHARE_BPS_MIN = 200


@dataclass(frozen=True, slots=True)
class Projection:
    """The projected finish with its plain range: the least and most over the comparable days.

    ``low`` and ``high`` are None with fewer than two comparable days: one day has no spread.
    ``share_bps`` is the share of a usual day that has passed.
    """

    finish: int
    low: int | None
    high: int | None
    share_bps: int


def so_far(curve: Sequence[int], minute: int) -> int:
    """Return a cumulative curve's value after ``minute`` minutes (0 before the first).

    >>> so_far([5, 9, 9], 2), so_far([5, 9, 9], 0), so_far([5, 9, 9], 99)
    (9, 0, 9)
    """
    if minute <= 0 or not curve:
        return 0
    return curve[min(minute, len(curve)) - 1]


def project(
    actual: int, *, curves: Sequence[Sequence[int]], minutes: Sequence[int]
) -> Projection | None:
    """Return the projected finish of a day that stands at ``actual``; None while too early.

    ``curves`` are comparable days' cumulative values by minute, ``minutes`` how many minutes of
    each had passed at the same wall time. The finish is actual / share of the pooled days; the
    range is the same with each day's own share (ratio-to-curve pacing, as airlines' and
    retailers' booking curves do). Days without anything are left out.
    """
    days = [
        (so_far(curve, minute), curve[-1])
        for curve, minute in zip(curves, minutes, strict=True)
        if curve and curve[-1] > 0
    ]
    if not days:
        return None
    passed = sum(part for part, _ in days)
    whole = sum(total for _, total in days)
    share_bps = _rounded(passed * 10_000, whole)
    if share_bps < SHARE_BPS_MIN or any(part == 0 for part, _ in days):
        return None
    finishes = [_rounded(actual * total, part) for part, total in days]
    several = len(finishes) > 1
    return Projection(
        finish=_rounded(actual * whole, passed),
        low=min(finishes) if several else None,
        high=max(finishes) if several else None,
        share_bps=share_bps,
    )


def _rounded(over: int, under: int) -> int:
    """Return the quotient of two non-negative whole numbers, half rounded up."""
    return (2 * over + under) // (2 * under)
