"""Splits always sum, ids and registries keep their word."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.kit import ids, money


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1, max_size=30))
def test_parts_sum_to_the_whole_and_stay_within_one_unit_of_their_share(
    total: int, weights: list[int]
) -> None:
    parts = money.split(total, weights)
    assert sum(parts) == total
    shares = weights if sum(weights) else [1] * len(weights)
    for part, weight in zip(parts, shares, strict=True):
        assert abs(part * sum(shares) - total * weight) < sum(shares)


@pytest.mark.parametrize(
    "text",
    [
        "", "abc", "1.005", "NaN", "Infinity", "1e3", "1e30", "=1+1", "1_000", "12,50", "1,2,3",
        "+5", "٣", "1 000", "-", ".", "1.", "9" * 50, "1e999999999",
    ],
)  # fmt: skip
def test_an_inexact_amount_is_refused(text: str) -> None:
    with pytest.raises(money.BadAmount):
        money.parse_minor(text, "CNY")


@pytest.mark.parametrize(
    ("text", "minor"),
    [
        ("1,299.50", 129950),
        ("¥1299.5", 129950),
        (" ￥１，２９９．５ ", 129950),
        ("-.5", -50),
        ("0", 0),
    ],
)
def test_an_amount_is_read_as_people_type_it(text: str, minor: int) -> None:
    assert money.parse_minor(text, "CNY") == minor


@pytest.mark.parametrize(
    ("currency", "places", "minor"),
    [("CNY", 2, 129900), ("JPY", 0, 1299), ("KWD", 3, 1299000), ("USD", 2, 129900)],
)
def test_a_currency_has_its_own_places(currency: str, places: int, minor: int) -> None:
    assert money.exponent(currency) == places
    assert money.parse_minor("1,299", currency) == minor
    assert money.to_decimal(minor, currency) == 1299
    assert str(money.to_decimal(minor, currency)) == f"{1299:.{places}f}"
    smallest = money.to_decimal(1, currency)
    assert money.parse_minor(str(smallest), currency) == 1
    with pytest.raises(money.BadAmount) as refused:
        money.parse_minor(f"{smallest / 10:f}", currency)
    assert refused.value.facts["currency"] == currency


def test_an_amount_is_bounded_on_both_sides() -> None:
    most = money.AMOUNT_MINOR_MAX
    assert money.parse_minor(str(most), "JPY") == most
    assert money.parse_minor(f"-{most}", "JPY") == -most
    for beyond in (f"{most + 1}", f"-{most + 1}"):
        with pytest.raises(money.BadAmount):
            money.parse_minor(beyond, "JPY")


def test_amounts_of_one_currency_add_and_those_of_two_do_not() -> None:
    five, three = money.Money(500, "CNY"), money.Money(300, "CNY")
    assert five + three == money.Money(800, "CNY")
    assert three - five == money.Money(-200, "CNY")
    assert three < five
    with pytest.raises(ValueError, match="CNY and USD do not add"):
        five + money.Money(1, "USD")
    with pytest.raises(ValueError, match="CNY and USD do not add"):
        five - money.Money(1, "USD")


@pytest.mark.parametrize(
    ("amount", "rate", "share"),
    [(100, 1_000, 10), (105, 1_000, 11), (104, 1_000, 10), (-105, 1_000, -11), (-104, 1_000, -10),
     (1, 5_000, 1), (1, 4_999, 0), (0, 10_000, 0), (999, 10_000, 999), (999, 0, 0)],
)  # fmt: skip
def test_a_half_of_a_share_goes_away_from_zero(amount: int, rate: int, share: int) -> None:
    assert money.share_bps(amount, rate) == share


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (101, [1, 1, 1], [34, 34, 33]),
        (10, [0, 0], [5, 5]),
        (10, [0, 3], [0, 10]),
        (0, [2, 3], [0, 0]),
        (0, [], []),
        # The larger remainder first, wherever it stands: 3.75, 1.25, 5.
        (10, [3, 1, 4], [4, 1, 5]),
        (10, [1, 3, 4], [1, 4, 5]),
    ],
)
def test_the_largest_remainders_get_what_is_left(
    total: int, weights: list[int], parts: list[int]
) -> None:
    assert money.split(total, weights) == parts


def test_nothing_is_split_over_nobody_or_by_negative_weights() -> None:
    with pytest.raises(ValueError, match="at least one part"):
        money.split(1, [])
    with pytest.raises(ValueError, match="negative"):
        money.split(1, [2, -1])


@given(st.integers(0, 2**128 - 1))
def test_an_id_comes_back_from_its_outward_text(number: int) -> None:
    assert ids.inward("ord", ids.outward("ord", UUID(int=number))) == UUID(int=number)


def test_ids_sort_by_their_instant() -> None:
    early = ids.uuid7(datetime(2025, 1, 1, tzinfo=UTC))
    late = ids.uuid7(datetime(2025, 1, 2, tzinfo=UTC))
    assert early < late
    assert (early.version, early.variant) == (7, "specified in RFC 4122")


_TEXTS = st.text(":ab", max_size=40)


@given(st.tuples(_TEXTS, _TEXTS, _TEXTS), st.tuples(_TEXTS, _TEXTS, _TEXTS) | st.none())
def test_names_joined_of_other_parts_are_others(
    parts: tuple[str, str, str], others: tuple[str, str, str] | None
) -> None:
    # The same letters, the colons elsewhere.
    first, second, third = parts
    others = others or (f"{first}:{second}", third.partition(":")[0], third.partition(":")[2])
    for length_max in (50, 200):
        names = [ids.joined(*each, length_max=length_max) for each in (parts, others)]
        assert all(len(name) <= length_max for name in names)
        assert (names[0] == names[1]) == (parts == others)
