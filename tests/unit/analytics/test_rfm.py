"""Scores, cut points and segments, against the README of the R package rfm 0.3."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.analytics import rfm

# Published for 995 customers and 4,906 orders, analysis day 2006-12-31; money in cents here.
CUTS = rfm.CutPoints(
    recency=(Fraction(114), Fraction(180), Fraction(2964, 10), Fraction(481)),
    frequency=(Fraction(3), Fraction(4), Fraction(5), Fraction(7)),
    money=(Fraction(25480), Fraction(38100), Fraction(50540), Fraction(66500)),
)


@pytest.mark.parametrize(
    ("name", "days", "orders", "money", "score"),
    [
        ("Abbey O'Reilly", 205, 6, 472, 343),
        ("Add Senger", 140, 3, 340, 412),
        ("Aden Lesch", 194, 4, 405, 323),
        ("Aden Murphy", 98, 7, 596, 544),
        ("Admiral Senger", 132, 5, 448, 433),
    ],
)
def test_scores_agree_with_the_published_example(
    name: str, days: int, orders: int, money: int, score: int
) -> None:
    got = rfm.Scorer(CUTS).scores(recency_days=days, order_count=orders, money_minor=money * 100)
    assert got.recency * 100 + got.frequency * 10 + got.money == score, name


def test_a_value_on_a_cut_point_belongs_below_it() -> None:
    scorer = rfm.Scorer(CUTS)
    on = scorer.scores(recency_days=114, order_count=7, money_minor=66500)
    past = scorer.scores(recency_days=115, order_count=8, money_minor=66501)
    assert (on.recency, on.frequency, on.money) == (5, 4, 4)
    assert (past.recency, past.frequency, past.money) == (4, 5, 5)


@pytest.mark.parametrize(
    ("scores", "segment"),
    [
        ((5, 5, 5), "Champions"),
        ((3, 4, 3), "Potential Loyalist"),
        ((4, 1, 2), "New Customers"),
        ((4, 4, 5), "Potential Loyalist"),
        ((2, 2, 2), "Loyal Customers"),
        ((3, 1, 3), "Promising"),
        ((2, 4, 5), "Can't Lose Them"),
        ((1, 5, 5), "At Risk"),
        ((1, 5, 3), "Need Attention"),
        ((2, 1, 1), "About To Sleep"),
        ((1, 1, 1), "Lost"),
        ((2, 5, 2), "Others"),
    ],
)
def test_the_first_segment_that_takes_the_scores_wins(
    scores: tuple[int, int, int], segment: str
) -> None:
    assert rfm.segment_of(*scores) == segment


def test_cut_points_are_exact_where_floats_would_not_be() -> None:
    # 0.6 * 35 and the like fall beside whole numbers in binary; fifths do not.
    for size in range(1, 200):
        values = list(range(size))
        expected = tuple(Fraction((size - 1) * k, 5) for k in (1, 2, 3, 4))
        assert rfm.cut_points(values) == expected


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=60))
def test_a_better_customer_never_scores_worse(values: list[int]) -> None:
    cuts = rfm.cut_points(values)
    scorer = rfm.Scorer(rfm.CutPoints(cuts, cuts, cuts))
    ordered = sorted(values)
    scores = [scorer.scores(recency_days=v, order_count=v, money_minor=v) for v in ordered]
    assert [s.money for s in scores] == sorted(s.money for s in scores)
    assert [s.recency for s in scores] == sorted((s.recency for s in scores), reverse=True)


@given(st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)))
def test_every_score_has_one_segment(scores: tuple[int, int, int]) -> None:
    assert rfm.segment_of(*scores) in rfm.SEGMENT_NAMES
