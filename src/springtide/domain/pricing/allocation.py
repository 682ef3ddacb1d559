"""Splitting a discount over lines: by money, by largest remainder, no line below its floor."""

from collections.abc import Sequence

from springtide.kit.money import split


def allocate(total: int, *, weights: Sequence[int], limits: Sequence[int]) -> list[int]:
    """Split a total by weight, no part above its limit; what does not fit moves to other parts.

    The parts sum to ``min(total, sum(limits))``.

    >>> allocate(100, weights=[1, 1], limits=[30, 200])
    [30, 70]
    """
    parts = [0] * len(weights)
    left = min(total, sum(limits))
    while left:
        open_parts = [i for i in range(len(parts)) if parts[i] < limits[i]]
        shares = split(left, [weights[i] for i in open_parts])
        for index, share in zip(open_parts, shares, strict=True):
            given = min(share, limits[index] - parts[index])
            parts[index] += given
            left -= given
    return parts


def spread(amount: int, nets: list[int], floors: list[int], lines: tuple[int, ...]) -> list[int]:
    """Return the shares, line by line, of an amount that fits above the floors.

    The same parts as ``allocate`` gives; most discounts meet no floor, and those are quick.
    ``nets`` is left as it is.
    """
    whole = 0
    for line in lines:
        whole += nets[line]
    if not whole:
        return [0] * len(lines)
    shares: list[int] = []
    rests: list[int] = []
    left = amount
    for line in lines:
        part = amount * nets[line]
        share = part // whole
        shares.append(share)
        rests.append(part - share * whole)
        left -= share
    while left:
        # The largest remainder, the first of equals.
        largest, place = -1, 0
        for at, rest in enumerate(rests):
            if rest > largest:
                largest, place = rest, at
        shares[place] += 1
        rests[place] = -1
        left -= 1
    for at, line in enumerate(lines):
        if shares[at] > nets[line] - floors[line]:
            limits = [nets[line] - floors[line] for line in lines]
            return allocate(amount, weights=[nets[line] for line in lines], limits=limits)
    return shares
