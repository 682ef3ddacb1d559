"""Customer levels from recency, frequency and money: cut points, scores, named segments.

All values are whole numbers (days, orders, minor units) and cut points are kept as exact fifths,
so a tie never falls to one side or the other by a rounding error.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from springtide.kit.errors import N_

OTHERS = N_("Others")


@dataclass(frozen=True, slots=True)
class SegmentRange:
    """A named segment: the scores (1 to 5) it takes in, both ends included."""

    name: str
    recency: tuple[int, int]
    frequency: tuple[int, int]
    money: tuple[int, int]

    def takes(self, recency: int, frequency: int, money: int) -> bool:
        """Tell whether three scores lie in the ranges."""
        return (
            self.recency[0] <= recency <= self.recency[1]
            and self.frequency[0] <= frequency <= self.frequency[1]
            and self.money[0] <= money <= self.money[1]
        )


#: The ranges of the README of the R package rfm 0.3; the first that takes a customer is theirs.
SEGMENTS = (
    SegmentRange(N_("Champions"), (5, 5), (5, 5), (5, 5)),
    SegmentRange(N_("Potential Loyalist"), (3, 5), (3, 5), (2, 5)),
    SegmentRange(N_("Loyal Customers"), (2, 4), (2, 4), (2, 4)),
    SegmentRange(N_("Promising"), (3, 4), (1, 3), (3, 5)),
    SegmentRange(N_("New Customers"), (4, 5), (1, 3), (1, 5)),
    SegmentRange(N_("Can't Lose Them"), (1, 2), (3, 4), (4, 5)),
    SegmentRange(N_("At Risk"), (1, 2), (2, 5), (4, 5)),
    SegmentRange(N_("Need Attention"), (1, 3), (3, 5), (3, 5)),
    SegmentRange(N_("About To Sleep"), (2, 3), (1, 3), (1, 4)),
    SegmentRange(N_("Lost"), (1, 1), (1, 5), (1, 5)),
)
SEGMENT_NAMES = (*(segment.name for segment in SEGMENTS), OTHERS)

Cuts = tuple[Fraction, ...]


@dataclass(frozen=True, slots=True)
class CutPoints:
    """The 20, 40, 60 and 80 % points of the three measures."""

    recency: Cuts
    frequency: Cuts
    money: Cuts


@dataclass(frozen=True, slots=True)
class Scores:
    """Three scores of 1 to 5, 5 the best, and the segment they make."""

    recency: int
    frequency: int
    money: int
    segment: str


def cut_points(values: Sequence[int]) -> Cuts:
    """Return the 20, 40, 60 and 80 % quantiles, exact (type 7 of Hyndman and Fan, R's default).

    >>> [float(cut) for cut in cut_points([1, 2, 3, 4, 5, 7])]
    [2.0, 3.0, 4.0, 5.0]
    """
    ordered = sorted(values)
    if not ordered:
        return ()
    cuts = []
    for fifths in (1, 2, 3, 4):
        index, remainder = divmod((len(ordered) - 1) * fifths, 5)
        step = ordered[index + 1] - ordered[index] if remainder else 0
        cuts.append(ordered[index] + Fraction(step * remainder, 5))
    return tuple(cuts)


class Scorer:
    """Gives scores by fixed cut points; a value that lies on a cut belongs below it.

    Few days since the last order are good, so recency counts down where the others count up.
    """

    def __init__(self, cuts: CutPoints) -> None:
        # Fifths as whole numbers: 1 million customers are compared without making fractions.
        self._recency = [int(cut * 5) for cut in cuts.recency]
        self._frequency = [int(cut * 5) for cut in cuts.frequency]
        self._money = [int(cut * 5) for cut in cuts.money]
        self._segments: dict[tuple[int, int, int], str] = {}

    def scores(self, *, recency_days: int, order_count: int, money_minor: int) -> Scores:
        """Return the scores and the segment of one customer."""
        recency = 5 - _above(recency_days, self._recency)
        frequency = 1 + _above(order_count, self._frequency)
        money = 1 + _above(money_minor, self._money)
        key = (recency, frequency, money)
        if key not in self._segments:
            self._segments[key] = segment_of(*key)
        return Scores(recency, frequency, money, self._segments[key])


def segment_of(recency: int, frequency: int, money: int) -> str:
    """Return the first segment whose ranges take the three scores, else Others."""
    for segment in SEGMENTS:
        if segment.takes(recency, frequency, money):
            return segment.name
    return OTHERS


def _above(value: int, fifths: Sequence[int]) -> int:
    return sum(1 for cut in fifths if value * 5 > cut)
