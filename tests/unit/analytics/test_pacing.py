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
