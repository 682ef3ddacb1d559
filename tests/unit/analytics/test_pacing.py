"""Pace from comparable days."""

import random

import pytest

from springtide.analytics.pacing import project, so_far


def test_the_finish_is_what_stands_divided_by_the_usual_share() -> None:
    curve = [10, 20, 50, 100]
    found = project(300, curves=[curve], minutes=[2])
    assert found is not None
    assert found.finish == 1500
    assert found.share_bps == 2000
    assert found.low is None
    assert found.high is None


def test_the_range_is_the_least_and_most_over_the_days() -> None:
    found = project(100, curves=[[50, 100], [20, 100], [25, 100]], minutes=[1, 1, 1])
    assert found is not None
    assert (found.low, found.high) == (200, 500)
    assert 200 <= found.finish <= 500


@pytest.mark.parametrize(
    ("curves", "minutes"),
    [([], []), ([[0, 0]], [1]), ([[1, 1000]], [1]), ([[0, 10], [5, 10]], [1, 1])],
)
def test_nothing_is_said_while_it_would_be_noise(
    curves: list[list[int]], minutes: list[int]
) -> None:
    assert project(5, curves=curves, minutes=minutes) is None


@pytest.mark.parametrize(
    ("minute", "value"), [(-1, 0), (0, 0), (1, 5), (2, 9), (3, 12), (4, 12), (1440, 12)]
)
def test_a_curve_is_read_after_so_many_minutes(minute: int, value: int) -> None:
    assert so_far([5, 9, 12], minute) == value
    assert so_far([], minute) == 0


def test_the_pool_weighs_days_by_their_size_and_leaves_empty_ones_out() -> None:
    # 10 of 100 and 300 of 900: 310 of 1000 had passed.
    found = project(31, curves=[[10, 100], [300, 900], [], [0, 0]], minutes=[1, 1, 1, 1])
    assert found is not None
    assert (found.finish, found.share_bps) == (100, 3100)
    assert (found.low, found.high) == (93, 310)


def test_it_speaks_from_two_percent_of_a_day_on() -> None:
    assert project(1, curves=[[199, 10_000]], minutes=[1]) is None
    found = project(1, curves=[[200, 10_000]], minutes=[1])
    assert found is not None
    assert (found.finish, found.share_bps) == (50, 200)
    # 1.995 % is 2.00 % once rounded.
    assert project(1, curves=[[1995, 100_000]], minutes=[1]) is not None


def test_half_a_unit_is_rounded_up() -> None:
    found = project(1, curves=[[2, 3]], minutes=[1])
    assert found is not None
    assert (found.finish, found.share_bps) == (2, 6667)
    below = project(1, curves=[[3, 4]], minutes=[1])
    assert below is not None
    assert (below.finish, below.share_bps) == (1, 7500)


def test_as_many_minutes_as_curves() -> None:
    with pytest.raises(ValueError, match="zip"):
        project(1, curves=[[1, 2]], minutes=[1, 1])


def test_a_finished_day_projects_itself() -> None:
    found = project(777, curves=[[1, 2, 3], [4, 5, 9]], minutes=[3, 3])
    assert found is not None
    assert (found.finish, found.low, found.high) == (777, 777, 777)


def test_a_day_of_the_usual_shape_is_projected_near_its_finish() -> None:
    rng = random.Random(7)

    def day(size: int) -> list[int]:
        total, curve = 0, []
        for minute in range(1440):
            total += sum(rng.random() < 0.5 + 0.4 * (minute > 600) for _ in range(size))
            curve.append(total)
        return curve

    past = [day(2) for _ in range(4)]
    misses = 0
    for _ in range(30):
        today = day(3)
        found = project(so_far(today, 700), curves=past, minutes=[700] * 4)
        assert found is not None
        misses += abs(found.finish - today[-1]) > today[-1] * 0.06
    assert misses <= 1
