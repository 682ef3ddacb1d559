"""Examples of the engine: refusals, windows, reasons."""

from datetime import UTC, datetime, timedelta

import pytest

from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import (
    QUANTITY_MAX,
    ActiveRule,
    BadQuantity,
    Cart,
    CartLine,
    EmptyCart,
    NextStep,
    PriceFacts,
    Reason,
    UnknownPrice,
)
from springtide.kit.errors import Invalid

NOW = datetime(2025, 11, 11, tzinfo=UTC)
BOOK = {"tea": PriceFacts(10_000), "cup": PriceFacts(5_000, floor_minor=4_900)}
STEPS = [
    {"threshold_minor": 16_900, "discount_minor": 1_000},
    {"threshold_minor": 29_900, "discount_minor": 2_000},
]
LADDER = ActiveRule("rul_1", 1, "threshold_ladder", {"steps": STEPS})


def cart(**quantities: int) -> Cart:
    """Return a cart of some products."""
    return Cart(tuple(CartLine(key, quantity) for key, quantity in quantities.items()), "CNY")


def test_a_rule_below_its_threshold_says_what_it_saw_and_what_is_missing() -> None:
    outcome = price(cart(tea=1), rules=[LADDER], book=BOOK, now=NOW).rules[0]
    assert not outcome.is_applied
    assert outcome.reason == Reason("below_threshold", 10_000, 16_900)
    assert outcome.next_step == NextStep(missing_minor=6_900, saves_minor=1_000)


def test_a_step_reached_to_the_cent_applies() -> None:
    book = {"tea": PriceFacts(16_900)}
    assert price(cart(tea=1), rules=[LADDER], book=book, now=NOW).total_minor == 15_900
    book = {"tea": PriceFacts(16_899)}
    assert price(cart(tea=1), rules=[LADDER], book=book, now=NOW).total_minor == 16_899


def test_discount_that_does_not_fit_above_a_floor_moves_to_the_other_line() -> None:
    decision = price(cart(tea=1, cup=2), rules=[LADDER], book=BOOK, now=NOW)
    assert {line.product_key: line.discount_minor for line in decision.lines} == {
        "cup": 200,
        "tea": 800,
    }


def test_discount_that_fits_nowhere_is_cut_and_the_decision_says_so() -> None:
    outcome = price(cart(cup=4), rules=[LADDER], book=BOOK, now=NOW).rules[0]
    assert (outcome.wanted_minor, outcome.amount_minor, outcome.cut_minor) == (1_000, 400, 600)
    fixed = {"cup": PriceFacts(5_000, floor_minor=5_000)}
    outcome = price(cart(cup=4), rules=[LADDER], book=fixed, now=NOW).rules[0]
    assert outcome.reason == Reason("no_room", 0, 1_000)


def test_a_rule_that_loses_names_the_winner_and_both_amounts() -> None:
    weaker = ActiveRule("rul_0", 1, "threshold_ladder", {"steps": STEPS[:1], "products": ["tea"]})
    decision = price(cart(tea=3), rules=[weaker, LADDER], book=BOOK, now=NOW)
    lost, won = decision.rules
    assert won.amount_minor == 2_000
    assert lost.reason == Reason("lost_to", 1_000, 2_000, ("rul_1",))


def test_two_ladders_on_different_products_both_apply() -> None:
    rules = [
        ActiveRule("rul_1", 1, "threshold_ladder", {"steps": STEPS, "products": [key]})
        for key in ("tea", "cup")
    ]
    rules[1] = ActiveRule("rul_2", 1, "threshold_ladder", rules[1].params)
    book = {"tea": PriceFacts(17_000), "cup": PriceFacts(30_000)}
    decision = price(cart(tea=1, cup=1), rules=rules, book=book, now=NOW)
    assert decision.discount_minor == 3_000


def test_a_window_opens_and_closes_at_its_instants() -> None:
    rule = ActiveRule(
        "rul_1",
        1,
        "threshold_ladder",
        {"steps": STEPS},
        starts_at=NOW,
        ends_at=NOW + timedelta(hours=1),
    )
    tick = timedelta(microseconds=1)
    moments = {
        NOW - tick: "not_open",
        NOW: None,
        NOW + timedelta(hours=1) - tick: None,
        NOW + timedelta(hours=1): "closed",
    }
    for now, code in moments.items():
        outcome = price(cart(tea=2), rules=[rule], book=BOOK, now=now).rules[0]
        assert (outcome.reason.code if outcome.reason else None) == code
        assert outcome.is_applied == (code is None)


def test_the_campaign_price_counts_for_the_threshold() -> None:
    book = {"tea": PriceFacts(10_000, campaign_minor=8_000)}
    assert price(cart(tea=2), rules=[LADDER], book=book, now=NOW).total_minor == 16_000
    assert price(cart(tea=3), rules=[LADDER], book=book, now=NOW).total_minor == 23_000


def test_impossible_carts_are_refused_by_line() -> None:
    with pytest.raises(Invalid) as refused:
        price(cart(), rules=[], book=BOOK, now=NOW)
    assert isinstance(refused.value.fields["lines"], EmptyCart)
    wrong = cart(tea=0, cup=QUANTITY_MAX + 1, ghost=1)
    with pytest.raises(Invalid) as refused:
        price(wrong, rules=[], book=BOOK, now=NOW)
    assert {field: type(refusal) for field, refusal in refused.value.fields.items()} == {
        "lines.0.quantity": BadQuantity,
        "lines.1.quantity": BadQuantity,
        "lines.2.product_key": UnknownPrice,
    }


def test_the_public_document_keeps_floors_to_the_shop() -> None:
    decision = price(cart(cup=4), rules=[LADDER], book=BOOK, now=NOW)
    assert "floor" not in str(decision.public_document())
    assert "cut_minor" not in str(decision.public_document())


def test_a_hundred_overlapping_rules_are_decided_and_the_best_set_is_proven() -> None:
    keys = [f"p{number:02}" for number in range(10)]
    book = {key: PriceFacts(5_000 + 100 * index) for index, key in enumerate(keys)}
    rules = [
        ActiveRule(
            f"rul_{number:03}",
            1,
            "threshold_ladder",
            {
                "steps": [{"threshold_minor": 5_000, "discount_minor": 300 + 7 * number}],
                "products": [keys[number % 10], keys[(number * 3 + 1) % 10]],
            },
        )
        for number in range(100)
    ]
    decision = price(cart(**dict.fromkeys(keys, 1)), rules=rules, book=book, now=NOW)
    assert decision.is_proven
    assert len(decision.applied) >= 5
