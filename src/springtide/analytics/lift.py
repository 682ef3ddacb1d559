"""Lift: what an outreach caused, treated against held out, with 95 % intervals.

Rates come with Newcombe's interval for the difference and the log interval for the ratio, money
per person with Welch's. A verdict says in one word whether the effect can be told from chance.
"""

from dataclasses import dataclass
from math import ceil, erfc, exp, log, sqrt
from statistics import NormalDist

from springtide.analytics import student

CONFIDENCE = 0.95
POWER = 0.8
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that holds the true value in 95 of 100 cases (or the confidence asked for)."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its interval and, where a test belongs to it, its two-sided p-value."""

    value: float
    interval: Interval
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """How many of an arm's people did something."""

    hits: int
    people: int

    @property
    def rate(self) -> float:
        """The share of people who did it; 0 for an empty arm."""
        return self.hits / self.people if self.people else 0.0


@dataclass(frozen=True, slots=True)
class Sums:
    """An arm's amounts: people, sum and sum of squares over all of them."""

    people: int
    total: float
    squares: float

    @property
    def mean(self) -> float:
        """The amount per person; 0 for an empty arm."""
        return self.total / self.people if self.people else 0.0

    @property
    def variance(self) -> float:
        """The sample variance (n - 1)."""
        if self.people < 2:
            return 0.0
        return max(0.0, (self.squares - self.total**2 / self.people) / (self.people - 1))


def z_value(confidence: float = CONFIDENCE) -> float:
    """Return the normal deviate of a two-sided confidence."""
    return _NORMAL.inv_cdf((1 + confidence) / 2)


def wilson(count: Count, confidence: float = CONFIDENCE) -> Interval:
    """Return Wilson's score interval of one rate (Wilson 1927)."""
    n, p, z = count.people, count.rate, z_value(confidence)
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def wald_difference(treated: Count, control: Count, confidence: float = CONFIDENCE) -> Interval:
    """Return the textbook interval of a difference; too narrow for small arms or rare hits."""
    difference = treated.rate - control.rate
    half = z_value(confidence) * sqrt(_rate_variance(treated) + _rate_variance(control))
    return Interval(difference - half, difference + half)


def rate_difference(treated: Count, control: Count, confidence: float = CONFIDENCE) -> Estimate:
    """Return the difference of two rates with Newcombe's interval (1998, method 10).

    The p-value is that of the pooled z test. Both arms need people.
    """
    difference = treated.rate - control.rate
    upper, lower = wilson(treated, confidence), wilson(control, confidence)
    low = difference - sqrt((treated.rate - upper.low) ** 2 + (lower.high - control.rate) ** 2)
    high = difference + sqrt((upper.high - treated.rate) ** 2 + (control.rate - lower.low) ** 2)
    return Estimate(difference, Interval(low, high), _pooled_p(treated, control))


def rate_ratio(treated: Count, control: Count, confidence: float = CONFIDENCE) -> Estimate | None:
    """Return the relative lift (0.2 is +20 %) with the log interval (Katz 1978).

    None where an arm has no hits: the ratio has no finite interval then.
    """
    if not treated.hits or not control.hits:
        return None
    ratio = treated.rate / control.rate
    error = sqrt(1 / treated.hits - 1 / treated.people + 1 / control.hits - 1 / control.people)
    spread = z_value(confidence) * error
    interval = Interval(exp(log(ratio) - spread) - 1, exp(log(ratio) + spread) - 1)
    return Estimate(ratio - 1, interval)


def mean_difference(treated: Sums, control: Sums, confidence: float = CONFIDENCE) -> Estimate:
    """Return the difference of two means with Welch's interval and p-value."""
    difference = treated.mean - control.mean
    a, b = _mean_variance(treated), _mean_variance(control)
    return _welch(difference, sqrt(a + b), _welch_df(treated, control), confidence)


def mean_ratio(treated: Sums, control: Sums, confidence: float = CONFIDENCE) -> Estimate | None:
    """Return the relative lift of two means by the delta method with Welch's degrees of freedom.

    None where the control's mean is not above 0.
    """
    base = control.mean
    if base <= 0:
        return None
    error = sqrt(
        _mean_variance(treated) / base**2 + _mean_variance(control) * treated.mean**2 / base**4
    )
    relative = (treated.mean - base) / base
    return _welch(relative, error, _welch_df(treated, control), confidence)


def count_sums(count: Count) -> Sums:
    """Return hits as sums of zeros and ones, with the variance p (1 - p) of a large arm."""
    # (squares - total²/n) / (n - 1) becomes p (1 - p) when squares is scaled like this.
    n, p = count.people, count.rate
    return Sums(n, count.hits, p * (1 - p) * (n - 1) + count.hits**2 / n)


def share_p(treated_people: int, control_people: int, control_bps: int) -> float:
    """Return how likely arms this uneven are when the plan held out ``control_bps``.

    Pearson's chi-squared with one degree of freedom (sample ratio check).
    """
    people = treated_people + control_people
    planned = people * control_bps / 10_000
    if planned in (0, people):
        return 1.0 if control_people == planned else 0.0
    chi2 = (control_people - planned) ** 2 * (1 / planned + 1 / (people - planned))
    return erfc(sqrt(chi2 / 2))


def people_needed(base: float, wanted: float, *, pooled: bool = True) -> int:
    """Return the people per arm to tell one rate from another (5 % two-sided, power 80 %)."""
    spread = base * (1 - base) + wanted * (1 - wanted)
    alpha, beta = z_value(), _NORMAL.inv_cdf(POWER)
    middle = (base + wanted) / 2
    null = sqrt(2 * middle * (1 - middle)) if pooled else sqrt(spread)
    return ceil((alpha * null + beta * sqrt(spread)) ** 2 / (wanted - base) ** 2)


def detectable_difference(base: float, treated_people: int, control_people: int) -> float | None:
    """Return the smallest rise of a base rate that these arms would show (5 %, power 80 %).

    None where not even a rise to 100 % would.
    """
    if not treated_people or not control_people:
        return None
    deviates = z_value() + _NORMAL.inv_cdf(POWER)

    def shows(rise: float) -> bool:
        rate = base + rise
        spread = base * (1 - base) / control_people + rate * (1 - rate) / treated_people
        return rise >= deviates * sqrt(spread)

    low, high = 0.0, 1 - base
    if not shows(high):
        return None
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if shows(middle) else (middle, high)
    return high


def verdict(treated: Count, control: Count) -> str:
    """Return raised, lowered, unclear, or no_arm where one side has nobody."""
    if not treated.people or not control.people:
        return "no_arm"
    interval = rate_difference(treated, control).interval
    if interval.low > 0:
        return "raised"
    return "lowered" if interval.high < 0 else "unclear"


def _rate_variance(count: Count) -> float:
    return count.rate * (1 - count.rate) / count.people


def _mean_variance(sums: Sums) -> float:
    return sums.variance / sums.people if sums.people else 0.0


def _pooled_p(treated: Count, control: Count) -> float:
    rate = (treated.hits + control.hits) / (treated.people + control.people)
    error = sqrt(rate * (1 - rate) * (1 / treated.people + 1 / control.people))
    if not error:
        return 1.0
    return 2 * _NORMAL.cdf(-abs(treated.rate - control.rate) / error)


def _welch_df(treated: Sums, control: Sums) -> float:
    a, b = _mean_variance(treated), _mean_variance(control)
    if not a + b:
        return 1.0
    below = a**2 / max(1, treated.people - 1) + b**2 / max(1, control.people - 1)
    return (a + b) ** 2 / below


def _welch(value: float, error: float, df: float, confidence: float) -> Estimate:
    if not error:
        return Estimate(value, Interval(value, value), 1.0 if not value else 0.0)
    half = student.quantile((1 + confidence) / 2, df) * error
    return Estimate(
        value, Interval(value - half, value + half), student.two_sided_p(value / error, df)
    )
