"""Returns: whatever the way, what was paid less what was paid back is the price of what is kept."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import ANYBODY, Cart, CartLine, Decision, PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.replay import Inputs, inputs_of
from springtide.domain.pricing.returns import kept_after, kept_price
from springtide.domain.pricing.rule import ActiveRule
from springtide.kit.errors import Invalid
from tests.kit.pricing import NOW, Book, books, few_lines, rule, rules_of_a_shop

SLOW = settings(suppress_health_check=list(HealthCheck), max_examples=60)
POLICIES = ("keep", "reprice", "charge_back")
Sold = tuple[Decision, Inputs, Plan]


def sold(lines: list[CartLine], some: tuple[ActiveRule, ...], book: Book) -> Sold:
    """Return an order as it was priced."""
    plan = Plan(some)
    cart = Cart(tuple(lines), "CNY", shipping_minor=800)
    decision = price(cart, plan=plan, book=book, now=NOW)
    inputs = inputs_of(cart, plan=plan, book=book, buyer=ANYBODY, now=NOW)
    return decision, inputs, plan


@SLOW
@given(few_lines, rules_of_a_shop(), books, st.sampled_from(POLICIES), st.randoms())
def test_l12_l13_the_way_of_returning_changes_nothing(
    lines: list[CartLine],
    some: tuple[ActiveRule, ...],
    book: Book,
    policy: str,
    chance: random.Random,
) -> None:
    decision, inputs, plan = sold(lines, some, book)
    everything = {line.product_key: line.quantity for line in decision.lines}
    assert kept_price(decision, inputs, plan, everything, "keep") == decision.total_minor
    # All pieces come back one by one, in any order: the refunds sum to what was paid.
    pieces = [key for key, count in everything.items() for _ in range(count)]
    chance.shuffle(pieces)
    paid = decision.total_minor
    back: dict[str, int] = {}
    refunds = 0
    for key in pieces:
        kept = kept_after(decision, back, {key: 1})
        back[key] = back.get(key, 0) + 1
        due = kept_price(decision, inputs, plan, kept, policy)
        refunds += paid - refunds - due
        assert paid - refunds == due
    assert refunds == paid


@SLOW
@given(few_lines, rules_of_a_shop(), books, st.data())
def test_l13_what_is_kept_costs_what_its_policy_says(
    lines: list[CartLine], some: tuple[ActiveRule, ...], book: Book, data: st.DataObject
) -> None:
    decision, inputs, plan = sold(lines, some, book)
    kept = {line.product_key: data.draw(st.integers(0, line.quantity)) for line in decision.lines}
    some_kept = [CartLine(key, count) for key, count in kept.items() if count]
    if not some_kept:
        return
    gross = sum(line.unit_minor * kept[line.product_key] for line in decision.lines)
    prices = {policy: kept_price(decision, inputs, plan, kept, policy) for policy in POLICIES}
    again = price(Cart(tuple(some_kept), "CNY", shipping_minor=800), plan=plan, book=book, now=NOW)
    assert prices["reprice"] == again.total_minor
    for policy in ("keep", "charge_back"):
        assert 0 <= prices[policy] - decision.shipping_minor <= gross
    assert 0 <= prices["reprice"] <= gross + 800
    assert prices["charge_back"] >= prices["keep"] - len(decision.lines) * len(decision.rules)


@SLOW
@given(few_lines, rules_of_a_shop(), books)
def test_nothing_back_keeps_the_price_under_every_policy(
    lines: list[CartLine], some: tuple[ActiveRule, ...], book: Book
) -> None:
    decision, inputs, plan = sold(lines, some, book)
    everything = {line.product_key: line.quantity for line in decision.lines}
    for policy in POLICIES:
        assert kept_price(decision, inputs, plan, everything, policy) == decision.total_minor


@pytest.mark.parametrize(
    ("policy", "refund"),
    [
        # 150 + 150 reach 满300减40: 260 paid, 130 a piece.
        ("keep", 13_000),
        # The cup alone is 150: 110 go back.
        ("reprice", 11_000),
        ("charge_back", 11_000),
    ],
)
def test_a_threshold_is_no_way_to_a_cheaper_piece(policy: str, refund: int) -> None:
    ladder = rule(
        "1",
        "threshold_ladder",
        {"steps": [{"threshold_minor": 30_000, "discount_minor": 4_000}]},
    )
    book = {"cup": PriceFacts(15_000), "tea": PriceFacts(15_000)}
    plan = Plan([ladder])
    cart = Cart((CartLine("cup", 1), CartLine("tea", 1)), "CNY")
    decision = price(cart, plan=plan, book=book, now=NOW)
    assert decision.total_minor == 26_000
    inputs = inputs_of(cart, plan=plan, book=book, buyer=ANYBODY, now=NOW)
    kept = kept_after(decision, {}, {"tea": 1})
    assert decision.total_minor - kept_price(decision, inputs, plan, kept, policy) == refund


def test_repricing_all_that_was_bought_changes_nothing_where_shipping_decided_the_stack() -> None:
    coupon = rule("1", "coupon", {"threshold_minor": 10_000, "discount_minor": 4_000})
    free = rule("2", "free_shipping", {"threshold_minor": 9_900})
    book, plan = {"cup": PriceFacts(13_650)}, Plan([coupon, free])
    cart = Cart((CartLine("cup", 1),), "CNY", shipping_minor=5_000)
    decision = price(cart, plan=plan, book=book, now=NOW)
    assert decision.total_minor == 13_650
    inputs = inputs_of(cart, plan=plan, book=book, buyer=ANYBODY, now=NOW)
    assert kept_price(decision, inputs, plan, {"cup": 1}, "reprice") == decision.total_minor


def test_more_than_there_is_cannot_come_back() -> None:
    plan, book = Plan([]), {"tea": PriceFacts(100)}
    decision = price(Cart((CartLine("tea", 2),), "CNY"), plan=plan, book=book, now=NOW)
    wrong: list[tuple[dict[str, int], dict[str, int]]] = [
        ({}, {"tea": 3}),
        ({"tea": 2}, {"tea": 1}),
        ({}, {"cup": 1}),
    ]
    for before, returning in wrong:
        with pytest.raises(Invalid):
            kept_after(decision, before, returning)
    with pytest.raises(Invalid):
        kept_after(decision, {}, {"tea": 0})
