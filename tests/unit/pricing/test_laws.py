"""The laws of prices, held by generated carts, price books, buyers and rules of every kind."""

import random
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from springtide.domain.pricing.allocation import allocate, spread
from springtide.domain.pricing.explain import explain
from springtide.domain.pricing.model import Buyer, Cart, CartLine, Decision, PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.priced_cart import PricedCart
from springtide.domain.pricing.rule import ActiveRule, Conditions, Guard, Hours
from springtide.domain.pricing.search import best_stack
from tests.kit.pricing import (
    CAMPAIGN,
    KEYS,
    NOW,
    Book,
    books,
    buyers,
    cheapest,
    decide,
    few_lines,
    guards,
    lines_of_a_cart,
    rule,
    rules,
    rules_of_a_shop,
)

Rules = tuple[ActiveRule, ...]
Guards = dict[str, Guard] | None
SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
MORE: dict[str, Any] = {"shipping_minor": 1_000, "points": 3_000}


def givers(decision: Decision) -> set[str]:
    """Return the rules that give money or gifts."""
    money = {each.rule_id for each in decision.rules}
    return money | {each.rule_id for each in decision.gifts}


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, buyers)
def test_l1_shares_sum_to_every_discount(
    lines: list[CartLine], some: Rules, book: Book, buyer: Buyer
) -> None:
    decision = decide(lines, some, book, buyer=buyer, **MORE)
    for each in decision.rules:
        assert sum(each.shares) == (0 if each.lane == "shipping" else each.amount_minor)
        assert each.amount_minor <= each.wanted_minor
    for index, line in enumerate(decision.lines):
        shares = [each.shares[index] for each in decision.rules if each.shares]
        assert line.discount_minor == sum(shares)
        assert line.gross_minor - line.discount_minor == line.payable_minor
    assert decision.gross_minor - decision.discount_minor + decision.shipping_minor == (
        decision.total_minor
    )
    assert decision.shipping_minor + decision.shipping_discount_minor == 1_000
    assert decision.tax_minor == sum(line.tax_minor for line in decision.lines)


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, buyers)
def test_l2_l3_no_share_takes_a_line_below_its_floor(
    lines: list[CartLine], some: Rules, book: Book, buyer: Buyer
) -> None:
    decision = decide(lines, some, book, buyer=buyer, **MORE)
    assert decision.total_minor >= 0
    assert decision.shipping_minor >= 0
    for line in decision.lines:
        assert 0 <= line.discount_minor <= line.gross_minor
        assert line.payable_minor >= line.floor_minor * line.quantity
        assert line.unit_minor <= line.regular_minor
        assert 0 <= line.tax_minor <= line.payable_minor
    for each in decision.rules:
        assert all(share >= 0 for share in each.shares)


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, buyers, st.integers(0, 9_000))
def test_l3_a_refusing_guard_is_never_broken_by_rules(
    lines: list[CartLine], some: Rules, book: Book, buyer: Buyer, bound: int
) -> None:
    found = {CAMPAIGN: Guard("refuse", bound)}
    decision = decide(lines, some, book, buyer=buyer, guards=found, **MORE)
    if (decision.rules or decision.gifts) and decision.margin_bps is not None:
        money = sum(
            line.payable_minor
            for line in decision.lines
            if book[line.product_key].cost_minor is not None
        )
        assert decision.margin_minor * 10_000 >= bound * money


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, st.randoms(use_true_random=False))
def test_l4_the_order_of_lines_rules_and_codes_changes_no_byte(
    lines: list[CartLine], some: Rules, book: Book, chance: random.Random
) -> None:
    shuffled, mixed, codes = list(lines), list(some), ["ONE", "TWO", "THREE"]
    first = decide(lines, some, book, codes=tuple(codes))
    chance.shuffle(shuffled)
    chance.shuffle(mixed)
    chance.shuffle(codes)
    assert decide(shuffled, mixed, book, codes=tuple(codes)).to_json() == first.to_json()


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, st.integers(1, 5_000))
def test_l5_splitting_a_line_in_two_changes_no_byte(
    lines: list[CartLine], some: Rules, book: Book, part: int
) -> None:
    first = lines[0]
    whole = [CartLine(first.product_key, first.quantity + part), *lines[1:]]
    parts = [CartLine(first.product_key, part), *lines]
    assert decide(parts, some, book).to_json() == decide(whole, some, book).to_json()


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, rules("new"), buyers, guards)
def test_l5_adding_a_promotion_never_raises_the_total(
    lines: list[CartLine],
    some: Rules,
    book: Book,
    new: ActiveRule,
    buyer: Buyer,
    found: Guards,
) -> None:
    without = decide(lines, some, book, buyer=buyer, guards=found, **MORE)
    more = decide(lines, (*some, new), book, buyer=buyer, guards=found, **MORE)
    assert without.is_proven
    assert more.is_proven
    assert more.total_minor <= without.total_minor


@SLOW
@given(
    lines_of_a_cart,
    rules_of_a_shop(),
    books,
    st.builds(CartLine, st.sampled_from(KEYS), st.integers(1, 100)),
)
def test_l5_adding_an_item_lowers_the_total_only_by_what_rules_give(
    lines: list[CartLine], some: Rules, book: Book, more: CartLine
) -> None:
    before, after = decide(lines, some, book), decide([*lines, more], some, book)
    added = after.gross_minor - before.gross_minor
    given_before = {each.rule_id: each.amount_minor for each in before.rules}
    given_more = sum(
        max(0, each.amount_minor - given_before.get(each.rule_id, 0)) for each in after.rules
    )
    assert after.total_minor >= before.total_minor + added - given_more


@settings(parent=SLOW, max_examples=150)
@given(few_lines, rules_of_a_shop(), books, buyers, guards)
def test_l6_no_legal_stack_is_cheaper_than_the_chosen_one(
    lines: list[CartLine], some: Rules, book: Book, buyer: Buyer, found: Guards
) -> None:
    plan = Plan(some, guards=found)
    cart = PricedCart(Cart(tuple(lines), "CNY", **MORE), book, plan, buyer, NOW)
    best = best_stack(cart)
    assert best.is_proven
    assert best.stack.total == cheapest(cart)


@st.composite
def pennies(draw: st.DrawFn) -> tuple[Rules, Book]:
    """Rules and prices of a few minor units, where every rounding shows."""
    small = st.integers(1, 9)
    book = {
        key: PriceFacts(
            draw(st.integers(0, 12)),
            floor_minor=draw(st.sampled_from([0, 0, 2])),
            category=draw(st.sampled_from(["tea", "cups"])),
        )
        for key in KEYS
    }
    some = draw(rules_of_a_shop())
    smaller = []
    for each in some:
        params = dict(each.params)
        for name, value in params.items():
            if name.endswith("_minor") and value > 9:
                params[name] = 0 if name == "threshold_minor" else draw(small)
        if each.kind == "threshold_ladder":
            threshold = draw(st.integers(2, 30))
            most = max(1, threshold * 9 // 10)
            step = {"threshold_minor": threshold, "discount_minor": draw(st.integers(1, most))}
            params = {"steps": [step], "times_max": draw(st.integers(0, 4))}
        smaller.append(
            ActiveRule(
                each.id,
                1,
                each.kind,
                params,
                each.conditions,
                each.stacking,
                campaign_key=CAMPAIGN,
            )
        )
    return tuple(smaller), book


@settings(parent=SLOW, max_examples=150)
@given(few_lines, pennies())
def test_l6_holds_where_every_rounding_shows(
    lines: list[CartLine], shop: tuple[Rules, Book]
) -> None:
    some, book = shop
    cart = PricedCart(Cart(tuple(lines), "CNY", shipping_minor=3), book, Plan(some), Buyer(), NOW)
    assert best_stack(cart).stack.total == cheapest(cart)


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, buyers)
def test_l7_a_decision_read_back_is_the_same_bytes(
    lines: list[CartLine], some: Rules, book: Book, buyer: Buyer
) -> None:
    decision = decide(lines, some, book, buyer=buyer, **MORE)
    again = Decision.from_document(decision.document())
    assert again == decision
    assert again.to_json() == decision.to_json()
    assert decide(lines, some, book, buyer=buyer, **MORE).to_json() == decision.to_json()


@SLOW
@given(lines_of_a_cart, rules_of_a_shop(), books, buyers)
def test_l7_the_explained_decision_is_the_decision(
    lines: list[CartLine], some: Rules, book: Book, buyer: Buyer
) -> None:
    cart = Cart(tuple(lines), "CNY", **MORE)
    explained = explain(cart, plan=Plan(some), book=book, now=NOW, buyer=buyer)
    decision = decide(lines, some, book, buyer=buyer, **MORE)
    assert explained.decision.to_json() == decision.to_json()
    given_by = givers(decision)
    assert {each.rule_id for each in explained.outcomes if each.is_applied} == given_by
    assert all(bool(each.reason) != each.is_applied for each in explained.outcomes)


@SLOW
@given(lines_of_a_cart, rules("edge"), books, st.integers(0, 86_399), st.integers(1, 86_400))
def test_l19_a_window_switches_at_its_instants(
    lines: list[CartLine], one: ActiveRule, book: Book, start: int, length: int
) -> None:
    opens, closes = NOW + timedelta(seconds=start), NOW + timedelta(seconds=start + length)
    windowed = ActiveRule(
        one.id, 1, one.kind, one.params, one.conditions, starts_at=opens, ends_at=closes
    )
    plan, bare, tick = Plan([windowed]), Plan([]), timedelta(microseconds=1)
    cart = PricedCart(Cart(tuple(lines), "CNY"), book, bare, Buyer(), NOW).cart
    for now, holds in (
        (opens - tick, False),
        (opens, True),
        (closes - tick, True),
        (closes, False),
        (opens, True),
    ):
        held = PricedCart(cart, book, plan, Buyer(points=1), now).held
        wanted = PricedCart(cart, book, Plan([one]), Buyer(points=1), now).held
        assert held == (wanted if holds else 0)


@SLOW
@given(few_lines, rules_of_a_shop(), books)
def test_l21_setting_aside_the_winners_makes_a_rule_apply(
    lines: list[CartLine], some: Rules, book: Book
) -> None:
    cart = Cart(tuple(lines), "CNY", **MORE)
    buyer = Buyer(tier="gold", is_first_order=True, points=5_000)
    outcomes = explain(cart, plan=Plan(some), book=book, now=NOW, buyer=buyer).outcomes
    assert len(outcomes) == len(some)
    for outcome in outcomes:
        if outcome.reason is None or outcome.reason.code != "lost_to":
            continue
        left = tuple(each for each in some if each.id not in outcome.reason.others)
        again = decide(lines, left, book, buyer=buyer, **MORE)
        assert outcome.rule_id in givers(again)


@SLOW
@given(few_lines, rules_of_a_shop(most=3), books)
def test_l21_the_next_step_saves_what_it_promises(
    lines: list[CartLine], some: Rules, book: Book
) -> None:
    buyer = Buyer(tier="gold", is_first_order=True, points=5_000)
    cart = Cart(tuple(lines), "CNY", **MORE)
    explained = explain(cart, plan=Plan(some), book=book, now=NOW, buyer=buyer)
    assert len(explained.outcomes) == len(some)
    for outcome in explained.outcomes:
        step = outcome.next_step
        if step is None or not step.missing_pieces:
            continue
        saved = [
            explained.decision.total_minor
            + book[key].unit_minor * step.missing_pieces
            - decide(
                [*lines, CartLine(key, step.missing_pieces)], some, book, buyer=buyer, **MORE
            ).total_minor
            for key in {line.product_key for line in lines}
        ]
        assert step.saves_minor in saved


def test_l20_time_does_not_grow_with_quantities_or_codes() -> None:
    # Time is measured by the bench; here, that the work is the same.
    some = (
        rule("1", "nth_piece", {"nth": 2, "percent_bps": 5_000, "is_mixed": True}),
        rule("2", "buy_x_get_y", {"buy": 2, "get": 1}),
        rule("3", "threshold_ladder", {"steps": [{"threshold_minor": 300, "discount_minor": 40}]}),
        rule("4", "coupon", {"discount_minor": 10}),
    )
    book = {key: PriceFacts(1_000 + index) for index, key in enumerate(KEYS)}
    codes = tuple(
        rule(f"c{n:04}", "coupon", {"discount_minor": 10}, conditions=Conditions(code=f"C{n}"))
        for n in range(2_000)
    )

    def steps(quantity: int, plan: Plan) -> int:
        lines = tuple(CartLine(key, quantity) for key in KEYS)
        return best_stack(PricedCart(Cart(lines, "CNY"), book, plan, Buyer(), NOW)).steps

    assert steps(3, Plan(some)) == steps(5_000, Plan(some)) == steps(3, Plan((*some, *codes)))


def test_l19_hours_follow_the_shops_wall_clock_through_a_change_of_clocks() -> None:
    # New York leaves summer time on 2 November 2025 at 06:00 UTC: 01:30 happens twice.
    hourly = rule(
        "1", "percent_off", {"percent_bps": 1_000}, conditions=Conditions(hours=(Hours(60, 120),))
    )
    plan = Plan([hourly], zone="America/New_York")
    begin = NOW.replace(month=11, day=2, hour=4)
    held = [
        PricedCart(
            Cart((CartLine("a", 1),), "CNY"),
            {"a": PriceFacts(100)},
            plan,
            Buyer(),
            begin + timedelta(minutes=30 * half),
        ).held
        for half in range(8)
    ]
    # 00:00 00:30 | 01:00 01:30 01:00 01:30 | 02:00 02:30
    assert held == [0, 0, 1, 1, 1, 1, 0, 0]


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


@given(
    st.integers(0, 10**6),
    st.lists(st.tuples(st.integers(0, 10**5), st.integers(0, 10**5)), min_size=1, max_size=20),
)
def test_spread_is_allocate_where_no_floor_is_met_and_where_one_is(
    total: int, lines: list[tuple[int, int]]
) -> None:
    nets = [max(pair) for pair in lines]
    floors = [min(pair) for pair in lines]
    room = [net - floor for net, floor in zip(nets, floors, strict=True)]
    amount = min(total, sum(room))
    shares = spread(amount, nets, floors, tuple(range(len(nets))))
    assert sum(shares) == amount
    assert shares == allocate(amount, weights=nets, limits=room)
