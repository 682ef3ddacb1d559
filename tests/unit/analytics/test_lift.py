"""Lift against published and recomputed answers, and its coverage on data with a known truth."""

import random

import pytest

from springtide.analytics import student
from springtide.analytics.lift import (
    Count,
    Interval,
    Sums,
    count_sums,
    detectable_difference,
    mean_difference,
    mean_ratio,
    people_needed,
    rate_difference,
    rate_ratio,
    share_p,
    verdict,
    wald_difference,
    wilson,
)


def close(interval: Interval, low: float, high: float, within: float) -> bool:
    return abs(interval.low - low) <= within and abs(interval.high - high) <= within


TREATED, CONTROL = Count(1200, 20_000), Count(1000, 20_000)


def test_difference_of_two_rates_has_newcombe_and_wald_intervals() -> None:
    got = rate_difference(TREATED, CONTROL)
    assert got.value == pytest.approx(0.01)
    assert close(got.interval, 0.005534, 0.014474, 1e-6)
    assert close(wald_difference(TREATED, CONTROL), 0.005533, 0.014467, 1e-6)


def test_relative_lift_has_the_log_interval() -> None:
    got = rate_ratio(TREATED, CONTROL)
    assert got is not None
    assert got.value == pytest.approx(0.2)
    assert close(got.interval, 0.1060, 0.3020, 5e-5)


def test_newcombe_reproduces_his_published_example() -> None:
    assert close(rate_difference(Count(56, 70), Count(48, 80)).interval, 0.0524, 0.3339, 5e-5)


@pytest.mark.parametrize(
    ("hits", "people", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 10, 0, 0.2775)],
)
def test_wilson_reproduces_published_intervals(
    hits: int, people: int, low: float, high: float
) -> None:
    assert close(wilson(Count(hits, people)), low, high, 5e-5)


A, B = Sums(3407, 1396.87, 52377.9767), Sums(3461, 2422.7, 134698.29)


def test_money_per_person_agrees_with_growthbook() -> None:
    relative, absolute = mean_ratio(B, A), mean_difference(B, A)
    assert relative is not None
    assert relative.value == pytest.approx(0.70732, abs=5e-6)
    assert close(relative.interval, -0.03526, 1.44989, 1e-5)
    assert relative.p == pytest.approx(0.06191, abs=5e-6)
    assert absolute.value == pytest.approx(0.29, abs=5e-4)
    assert close(absolute.interval, 0.04538, 0.53462, 1e-5)
    assert absolute.p == pytest.approx(0.02016, abs=5e-6)


def test_relative_proportions_agree_with_growthbook() -> None:
    got = mean_ratio(count_sums(Count(16, 30)), count_sums(Count(14, 28)))
    assert got is not None
    assert got.value == pytest.approx(0.06667, abs=5e-6)
    assert close(got.interval, -0.47767, 0.61101, 1e-5)
    assert got.p == pytest.approx(0.80707, abs=5e-6)


# Hillstrom's e-mail test: people and visits per arm (rates 0.182757, 0.151400, 0.106167).
@pytest.mark.parametrize(
    ("people", "rate", "points", "points_range", "percent", "percent_range"),
    [
        (21_307, 0.182757, 7.659, (6.995, 8.323), 72.1, (64.0, 80.6)),
        (21_387, 0.151400, 4.523, (3.889, 5.157), 42.6, (35.6, 50.0)),
    ],
)
def test_hillstrom_arms_give_the_recomputed_lift(
    people: int,
    rate: float,
    points: float,
    points_range: tuple[float, float],
    percent: float,
    percent_range: tuple[float, float],
) -> None:
    treated, control = Count(round(people * rate), people), Count(2262, 21_306)
    difference, ratio = rate_difference(treated, control), rate_ratio(treated, control)
    assert ratio is not None
    assert difference.value * 100 == pytest.approx(points, abs=6e-4)
    assert close(
        wald_difference(treated, control), points_range[0] / 100, points_range[1] / 100, 2e-5
    )
    assert close(difference.interval, points_range[0] / 100, points_range[1] / 100, 6e-5)
    assert ratio.value * 100 == pytest.approx(percent, abs=0.05)
    assert close(ratio.interval, percent_range[0] / 100, percent_range[1] / 100, 6e-4)


@pytest.mark.parametrize(
    ("base", "wanted", "pooled", "unpooled"),
    [
        (0.05, 0.06, 8158, 8155),
        (0.02, 0.022, 80682, 80679),
        (0.10, 0.12, 3841, 3839),
        (0.005, 0.006, 85862, 85859),
    ],
)
def test_people_needed_agrees_with_the_textbook(
    base: float, wanted: float, pooled: int, unpooled: int
) -> None:
    assert people_needed(base, wanted) == pooled
    assert people_needed(base, wanted, pooled=False) == unpooled


def test_uneven_arms_are_noticed() -> None:
    assert share_p(10_250, 9_750, 5000) == pytest.approx(0.000407, abs=5e-7)
    assert share_p(9_000, 1_000, 1000) == pytest.approx(1)


def test_detectable_difference_turns_the_sample_size_round() -> None:
    found = detectable_difference(0.05, 8155, 8155)
    assert found == pytest.approx(0.01, abs=1e-5)
    assert detectable_difference(0.5, 2, 2) is None


@pytest.mark.parametrize(
    ("t", "df", "p"),
    [
        (1.0, 1, 0.75),
        (12.7062047364, 1, 0.975),
        (2.2281388520, 10, 0.975),
        (1.9599639845, 1e10, 0.975),
    ],
)
def test_student_agrees_with_tables(t: float, df: float, p: float) -> None:
    assert student.cdf(t, df) == pytest.approx(p, abs=1e-10)
    assert student.quantile(p, df) == pytest.approx(t, abs=1e-7)


def test_verdict_names_an_empty_arm() -> None:
    assert verdict(Count(5, 100), Count(0, 0)) == "no_arm"
    assert verdict(TREATED, CONTROL) == "raised"
    assert verdict(CONTROL, TREATED) == "lowered"
    assert verdict(Count(9, 100), Count(8, 100)) == "unclear"


def _hits(chance: random.Random, people: int, rate: float) -> Count:
    return Count(sum(chance.random() < rate for _ in range(people)), people)


@pytest.mark.parametrize(
    ("people", "held_out", "rate", "base"), [(900, 300, 0.12, 0.08), (1800, 200, 0.05, 0.05)]
)
def test_rate_intervals_cover_the_truth_19_times_in_20(
    people: int, held_out: int, rate: float, base: float
) -> None:
    chance, runs = random.Random(20171223), 2000
    covered = ratio_covered = told = 0
    total = 0.0
    for _ in range(runs):
        treated, control = _hits(chance, people, rate), _hits(chance, held_out, base)
        got, ratio = rate_difference(treated, control), rate_ratio(treated, control)
        total += got.value
        covered += got.interval.low <= rate - base <= got.interval.high
        told += verdict(treated, control) != "unclear"
        if ratio is None or ratio.interval.low <= rate / base - 1 <= ratio.interval.high:
            ratio_covered += 1
    assert 0.93 <= covered / runs <= 0.97
    assert 0.93 <= ratio_covered / runs <= 0.98
    assert abs(total / runs - (rate - base)) < 0.002
    if rate == base:
        assert told / runs <= 0.07


def test_money_interval_covers_the_truth_19_times_in_20() -> None:
    chance, runs = random.Random(20171223), 1000

    def arm(people: int, rate: float) -> Sums:
        spent = [chance.lognormvariate(3.5, 0.6) for _ in range(people) if chance.random() < rate]
        return Sums(people, sum(spent), sum(value * value for value in spent))

    mean = 2.718281828459045 ** (3.5 + 0.6**2 / 2)
    truth = 0.30 * mean - 0.25 * mean
    covered = 0
    for _ in range(runs):
        interval = mean_difference(arm(900, 0.30), arm(300, 0.25)).interval
        covered += interval.low <= truth <= interval.high
    assert 0.93 <= covered / runs <= 0.97
