"""What fails stops nobody else, and is told at the end."""

from functools import partial

import pytest

from springtide.kit.turns import all_in_turn


def test_all_have_their_turn_and_all_failures_are_told() -> None:
    done = []

    def do(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        done.append(number)
        return number

    with pytest.raises(ExceptionGroup) as failed:
        all_in_turn("counting", [partial(do, number) for number in range(5)])
    assert done == [0, 2, 4]
    assert [error.args for error in failed.value.exceptions] == [(1,), (3,)]
    assert all_in_turn("counting", [lambda: 2, lambda: 3]) == 5
