"""Laws of packets and draws: sums, least shares, places with equal odds, draws that prove."""

import hashlib
import math
from collections import Counter
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.domain.rewards.packet_split import double_mean, even_odds
from springtide.domain.rewards.proof import (
    WHOLE_PPM,
    DrawList,
    Entry,
    Odds,
    ProofFailed,
    promise_of,
    result_of,
    verify,
)

SEEDS = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(4_000)]
seeds = st.binary(min_size=32, max_size=32).map(bytes.hex)


def parted(seed: str, total: int, count: int, least: int) -> list[int]:
    """Return the shares of a packet by double mean, in the order of claiming."""
    shares = []
    left = total
    for place in range(count):
        share = double_mean(seed, f"p:{place}", left=left, count=count - place, least=least)
        shares.append(share)
        left -= share
    return shares


@given(seeds, st.integers(1, 60), st.integers(1, 50), st.integers(0, 10_000))
def test_l15_shares_sum_to_the_total_and_none_is_too_small(
    seed: str, count: int, least: int, spare: int
) -> None:
    total = count * least + spare
    for shares in (
        parted(seed, total, count, least),
        list(even_odds(seed, total=total, count=count, least=least)),
    ):
        assert len(shares) == count
        assert sum(shares) == total
        assert min(shares) >= least


@pytest.mark.parametrize("way", ["double_mean", "even_odds"])
def test_l15_the_mean_is_equal_by_position(way: str) -> None:
    count, total, least = 6, 1_003, 7
    sums, squares = [0.0] * count, [0.0] * count
    for seed in SEEDS:
        if way == "double_mean":
            shares = parted(seed, total, count, least)
        else:
            shares = list(even_odds(seed, total=total, count=count, least=least))
        for place, share in enumerate(shares):
            sums[place] += share
            squares[place] += share * share
    n = len(SEEDS)
    for place in range(count):
        mean = sums[place] / n
        error = math.sqrt((squares[place] / n - mean * mean) / n)
        # Four standard errors: a right split fails once in some 2,600 such tests of six places,
        # and the seeds are fixed, so it either always holds or never.
        assert abs(mean - total / count) < 4 * error, (place, mean)


def test_l15_even_odds_are_the_same_odds_at_every_place_not_only_the_same_mean() -> None:
    count, total, least = 5, 400, 10
    parts = [even_odds(seed, total=total, count=count, least=least) for seed in SEEDS]
    bounds = [0, 20, 35, 55, 85, 130, total + 1]
    counts = [
        [sum(low <= shares[place] < high for shares in parts) for low, high in pairwise(bounds)]
        for place in range(count)
    ]
    expected = [sum(column) / count for column in zip(*counts, strict=True)]
    chi2 = sum(
        (seen - wanted) ** 2 / wanted
        for row in counts
        for seen, wanted in zip(row, expected, strict=True)
    )
    # 20 degrees of freedom: above 45.3 once in a thousand. The double mean comes to thousands.
    assert chi2 < 45.3
    grown = [parted(seed, total, count, least) for seed in SEEDS]
    spread = [math.sqrt(sum((s[p] - total / count) ** 2 for s in grown)) for p in (0, count - 1)]
    assert spread[1] > spread[0] * 1.2


prizes = st.lists(
    st.builds(
        Odds,
        name=st.text("abcdef", min_size=1, max_size=6),
        stock=st.integers(1, 40),
        odds_ppm=st.integers(1, 200_000),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda prize: prize.name,
)


def drawn(seed: str, some: list[Odds], count: int) -> DrawList:
    """Draw so many entries."""
    stocks = [prize.stock for prize in some]
    entries = []
    for number in range(1, count + 1):
        won = result_of(seed, "rwd_x", number, some, stocks)
        if won is not None:
            stocks[won] -= 1
        entries.append(Entry(number, f"c{number}", None if won is None else some[won].name))
    return DrawList("rwd_x", promise_of(seed, "rwd_x", some), seed, tuple(some), tuple(entries))


@given(seeds, prizes, st.integers(0, 200))
def test_l16_a_list_proves_itself_and_gives_no_more_than_the_stock(
    seed: str, some: list[Odds], count: int
) -> None:
    made = drawn(seed, some, count)
    counts = verify(made)
    assert counts == {
        prize.name: sum(entry.prize == prize.name for entry in made.entries) for prize in some
    }
    assert all(counts[prize.name] <= prize.stock for prize in some)


@given(seeds, prizes, st.integers(1, 60), st.data())
def test_l16_a_list_that_was_changed_fails(
    seed: str, some: list[Odds], count: int, data: st.DataObject
) -> None:
    made = drawn(seed, some, count)
    place = data.draw(st.integers(0, count - 1))
    entry = made.entries[place]
    names = [None, "zz", *(prize.name for prize in some)]
    other = data.draw(st.sampled_from([name for name in names if name != entry.prize]))
    entries = list(made.entries)
    entries[place] = Entry(entry.number, entry.who, other)
    last = made.entries[-1]
    shorter = (*made.entries[:place], *made.entries[place + 1 :])
    longer = (*made.entries, last)
    changed = [
        msgspec.structs.replace(made, entries=tuple(entries)),
        msgspec.structs.replace(made, entries=shorter if entry is not last else longer),
        msgspec.structs.replace(made, seed="0" * 64 if seed != "0" * 64 else "1" * 64),
        msgspec.structs.replace(made, promise="0" * 64),
        msgspec.structs.replace(made, prizes=tuple(reversed(some)) if len(some) > 1 else ()),
        msgspec.structs.replace(made, prizes=(Odds("x", 1, 1), *some)),
        msgspec.structs.replace(made, seed="xyz"),
    ]
    for each in changed:
        with pytest.raises(ProofFailed):
            verify(each)


def test_l16_observed_counts_pass_a_chi_square_test() -> None:
    some = [Odds("a", 10**6, 100_000), Odds("b", 10**6, 250_000), Odds("c", 10**6, 5_000)]
    rounds = 40_000
    counts = Counter(
        result_of(SEEDS[0], "rwd_x", number, some, [10**6] * 3) for number in range(rounds)
    )
    odds: list[tuple[int | None, int]] = [(n, prize.odds_ppm) for n, prize in enumerate(some)]
    odds.append((None, WHOLE_PPM - sum(prize.odds_ppm for prize in some)))
    chi2 = sum(
        (counts[place] - rounds * ppm / WHOLE_PPM) ** 2 / (rounds * ppm / WHOLE_PPM)
        for place, ppm in odds
    )
    # Three degrees of freedom: above 16.3 once in a thousand.
    assert chi2 < 16.3
