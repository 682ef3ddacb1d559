"""Student's t distribution: probability and quantile, from the regularised incomplete beta."""

from math import exp, lgamma, log, log1p, pi
from statistics import NormalDist

_TINY = 1e-300
# Beyond this many degrees of freedom the normal distribution is the same to 10 digits.
_NORMAL_FROM = 1e9


def cdf(t: float, df: float) -> float:
    """Return P(T <= t) for ``df`` degrees of freedom (need not be whole)."""
    if df >= _NORMAL_FROM:
        return NormalDist().cdf(t)
    tail = 0.5 * _beta(df / 2, 0.5, df / (df + t * t))
    return 1 - tail if t > 0 else tail


def two_sided_p(t: float, df: float) -> float:
    """Return P(|T| >= |t|)."""
    if df >= _NORMAL_FROM:
        return 2 * NormalDist().cdf(-abs(t))
    return _beta(df / 2, 0.5, df / (df + t * t))


def quantile(p: float, df: float) -> float:
    """Return the t with P(T <= t) = p (0 < p < 1), by Newton's method.

    Above 0 the distribution function is concave and the normal quantile lies left of the root, so
    every step lands left of it again and none overshoots.
    """
    if df >= _NORMAL_FROM or p == 0.5:
        return NormalDist().inv_cdf(p)
    if p < 0.5:
        return -quantile(1 - p, df)
    t = NormalDist().inv_cdf(p)
    for _ in range(200):
        step = (p - cdf(t, df)) / _density(t, df)
        t += step
        if abs(step) <= 1e-12 * t:
            break
    return t


def _density(t: float, df: float) -> float:
    scale = lgamma((df + 1) / 2) - lgamma(df / 2) - 0.5 * log(df * pi)
    return exp(scale - (df + 1) / 2 * log1p(t * t / df))


def _beta(a: float, b: float, x: float) -> float:
    """Return I_x(a, b) by Lentz's continued fraction (Numerical Recipes 6.4)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, 1 - x) / b


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _kept(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, 10_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1 / _kept(1 + even * d), _kept(1 + even / c)
        result *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1 / _kept(1 + odd * d), _kept(1 + odd / c)
        result *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return result


def _kept(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
