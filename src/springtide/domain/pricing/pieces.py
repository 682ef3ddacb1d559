"""Pieces across lines, counted by line and never one by one: time does not grow with quantities."""

from collections.abc import Callable, Sequence


def cheapest(units: Sequence[int], quantities: Sequence[int], count: int) -> int:
    """Return the money of the ``count`` cheapest pieces.

    >>> cheapest([500, 300], [2, 1], 2)
    800
    """
    return _first(sorted(zip(units, quantities, strict=True)), count)


def dearest(units: Sequence[int], quantities: Sequence[int], count: int) -> int:
    """Return the money of the ``count`` dearest pieces.

    >>> dearest([500, 300], [2, 1], 2)
    1000
    """
    return _first(sorted(zip(units, quantities, strict=True), reverse=True), count)


def to_next_group(group: int, times_max: int = 0) -> Callable[[int], int]:
    """Return how many pieces are missing to the next full group, 0 where no more groups count.

    >>> to_next_group(3, times_max=2)(4)
    2
    """

    def more(pieces: int) -> int:
        full = pieces // group
        return 0 if times_max and full >= times_max else group - pieces % group

    return more


def _first(pairs: Sequence[tuple[int, int]], count: int) -> int:
    money = 0
    for price, quantity in pairs:
        if count <= 0:
            break
        money += price * min(quantity, count)
        count -= quantity
    return money
