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


def spread(
    amount: int, nets: list[int], floors: Sequence[int], lines: Sequence[int]
) -> list[tuple[int, int]]:
    """Return (line, share) of an amount that fits above the floors; ``nets`` is left as it is.

    The same parts as ``allocate`` gives; most discounts meet no floor, and those are quick.
    """
    whole = 0
    for i in lines:
        whole += nets[i]
    if not whole:
        return []
    parts: list[tuple[int, int]] = []
    remainders: list[tuple[int, int]] = []
    left = amount
    fits = True
    for place, i in enumerate(lines):
        net = nets[i]
        share, rest = divmod(amount * net, whole)
        left -= share
        if share > net - floors[i]:
            fits = False
            break
        parts.append((i, share))
        remainders.append((-rest, place))
    if fits and left:
        remainders.sort()
        for _, place in remainders[:left]:
            i, share = parts[place]
            parts[place] = (i, share + 1)
            if share + 1 > nets[i] - floors[i]:
                fits = False
                break
    if fits:
        return parts
    limits = [nets[i] - floors[i] for i in lines]
    shares = allocate(amount, weights=[nets[i] for i in lines], limits=limits)
    return list(zip(lines, shares, strict=True))
