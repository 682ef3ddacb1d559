"""The laws of prices, held by generated carts, price books and rules."""

import itertools
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from springtide.domain.pricing.engine import allocate, price
from springtide.domain.pricing.model import (
    ActiveRule,
    Cart,
    CartLine,
    Decision,
    PriceFacts,
)

NOW = datetime(2025, 11, 11, tzinfo=UTC)
KEYS = "abcdef"
Book = dict[str, PriceFacts]


@st.composite
def facts(draw: st.DrawFn) -> PriceFacts:
    """A price with a floor at or below it, and perhaps a campaign price, even a broken one."""
    regular = draw(st.integers(0, 50_000))
    return PriceFacts(
        regular_minor=regular,
        campaign_minor=draw(st.none() | st.integers(0, 60_000)),
        floor_minor=draw(st.just(0) | st.integers(0, regular)),
    )


@st.composite
def ladders(draw: st.DrawFn, name: str) -> ActiveRule:
    """A ladder that may be saved: thresholds and discounts rise together."""
    thresholds = draw(st.lists(st.integers(2, 200_000), min_size=1, max_size=4, unique=True))
    steps, least = [], 1
    for threshold in sorted(thresholds):
        most = threshold * 9 // 10
        if most >= least:
            discount = draw(st.integers(least, most))
            steps.append({"threshold_minor": threshold, "discount_minor": discount})
            least = discount + 1
    products = draw(st.none() | st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    params = {"steps": steps or [{"threshold_minor": 100, "discount_minor": 10}]}
    return ActiveRule(name, 1, "threshold_ladder", {**params, "products": products})


books = st.fixed_dictionaries({key: facts() for key in KEYS})
rules_of_a_shop = st.integers(0, 4).flatmap(
    lambda count: st.tuples(*(ladders(f"rul_{number}") for number in range(count)))
)
lines_of_a_cart = st.lists(
    st.builds(CartLine, st.sampled_from(KEYS), st.integers(1, 5_000)), min_size=1, max_size=8
)


def decide(lines: Sequence[CartLine], rules: Sequence[ActiveRule], book: Book) -> Decision:
    """Price a cart at a fixed instant."""
    return price(Cart(tuple(lines), "CNY"), rules=rules, book=book, now=NOW)


@given(lines_of_a_cart, rules_of_a_shop, books)
def test_l1_shares_sum_to_every_discount(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book
) -> None:
    decision = decide(lines, rules, book)
    for rule in decision.rules:
        assert sum(rule.shares) == rule.amount_minor
        assert rule.amount_minor + rule.cut_minor == (rule.wanted_minor if rule.is_applied else 0)
    for index, line in enumerate(decision.lines):
        assert line.discount_minor == sum(rule.shares[index] for rule in decision.rules)
    assert decision.gross_minor - decision.discount_minor == decision.total_minor
    assert decision.total_minor == sum(line.payable_minor for line in decision.lines)


@given(lines_of_a_cart, rules_of_a_shop, books)
def test_l2_l3_no_share_takes_a_line_below_its_floor(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book
) -> None:
    for line in decide(lines, rules, book).lines:
        assert 0 <= line.discount_minor <= line.gross_minor
        assert line.payable_minor >= line.floor_minor * line.quantity
        assert line.unit_minor <= line.regular_minor


@given(lines_of_a_cart, rules_of_a_shop, books, st.randoms(use_true_random=False))
def test_l4_the_order_of_lines_and_rules_changes_no_byte(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book, chance: random.Random
) -> None:
    shuffled, mixed = list(lines), list(rules)
    chance.shuffle(shuffled)
    chance.shuffle(mixed)
    assert decide(shuffled, mixed, book).to_json() == decide(lines, rules, book).to_json()


@given(lines_of_a_cart, rules_of_a_shop, books, st.integers(1, 5_000))
def test_l5_splitting_a_line_in_two_changes_no_byte(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book, part: int
) -> None:
    first = lines[0]
    whole = [CartLine(first.product_key, first.quantity + part), *lines[1:]]
    parts = [CartLine(first.product_key, part), *lines]
    assert decide(parts, rules, book).to_json() == decide(whole, rules, book).to_json()


@given(lines_of_a_cart, rules_of_a_shop, books, ladders("rul_new"))
def test_l5_adding_a_promotion_never_raises_the_total(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book, new: ActiveRule
) -> None:
    without = decide(lines, rules, book)
    assert decide(lines, (*rules, new), book).total_minor <= without.total_minor


@given(
    lines_of_a_cart,
    rules_of_a_shop,
    books,
    st.builds(CartLine, st.sampled_from(KEYS), st.integers(1, 100)),
)
def test_l5_adding_an_item_never_lowers_the_total_below_what_the_ladders_promise(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book, more: CartLine
) -> None:
    decision = decide([*lines, more], rules, book)
    promised = 0
    for rule in decision.applied:
        params = next(each.params for each in rules if each.id == rule.rule_id)
        named = params["products"] or KEYS
        spent = sum(line.gross_minor for line in decision.lines if line.product_key in named)
        reached = [s for s in params["steps"] if s["threshold_minor"] <= spent]
        promised += max(step["discount_minor"] for step in reached)
    assert decision.total_minor >= decision.gross_minor - promised


@given(lines_of_a_cart, rules_of_a_shop, books)
def test_l6_no_legal_set_of_rules_is_better_than_the_chosen_one(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book
) -> None:
    alone = {rule.id: decide(lines, [rule], book) for rule in rules}
    keys = [line.product_key for line in decide(lines, rules, book).lines]

    def holds_for(rule: ActiveRule) -> frozenset[str]:
        return frozenset(rule.params["products"] or KEYS) & frozenset(keys)

    best = 0
    for count in range(len(rules) + 1):
        for chosen in itertools.combinations(rules, count):
            covered = [key for rule in chosen for key in holds_for(rule)]
            if len(covered) == len(set(covered)):
                best = max(best, sum(alone[rule.id].discount_minor for rule in chosen))
    assert decide(lines, rules, book).discount_minor == best


@given(lines_of_a_cart, rules_of_a_shop, books)
def test_l7_a_decision_read_back_is_the_same_bytes(
    lines: list[CartLine], rules: tuple[ActiveRule, ...], book: Book
) -> None:
    decision = decide(lines, rules, book)
    again = Decision.from_document(decision.document())
    assert again == decision
    assert again.to_json() == decision.to_json() == decide(lines, rules, book).to_json()


@given(lines_of_a_cart, ladders("rul_1"), books)
def test_l21_the_next_step_gives_what_it_promises(
    lines: list[CartLine], rule: ActiveRule, book: Book
) -> None:
    outcome = decide(lines, [rule], book).rules[0]
    if outcome.next_step is None:
        return
    params = (
        {**rule.params, "products": [*rule.params["products"], "z"]}
        if (rule.params["products"])
        else rule.params
    )
    more = [*lines, CartLine("z", 1)]
    wider = {**book, "z": PriceFacts(outcome.next_step.missing_minor)}
    wanted = decide(more, [ActiveRule("rul_1", 1, rule.kind, params)], wider).rules[0].wanted_minor
    assert wanted == outcome.wanted_minor + outcome.next_step.saves_minor


@given(
    st.integers(0, 10**9),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=20),
)
def test_allocate_gives_all_that_fits_and_no_part_above_its_limit(
    total: int, parts: list[tuple[int, int]]
) -> None:
    weights, limits = [weight for weight, _ in parts], [limit for _, limit in parts]
    shares = allocate(total, weights=weights, limits=limits)
    assert sum(shares) == min(total, sum(limits))
    assert all(0 <= share <= limit for share, limit in zip(shares, limits, strict=True))
