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
