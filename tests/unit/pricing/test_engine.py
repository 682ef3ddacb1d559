"""Examples of the engine: refusals, windows, reasons, stacks that a person would try."""

from datetime import timedelta

import pytest

from springtide.domain.pricing.engine import price, tax_of
from springtide.domain.pricing.explain import Outcome, explain
from springtide.domain.pricing.model import (
    QUANTITY_MAX,
    BadQuantity,
    Buyer,
    Cart,
    CartLine,
    CartTooLarge,
    EmptyCart,
    Left,
    NextStep,
    PriceFacts,
    Reason,
    UnknownPrice,
)
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.rule import ActiveRule, Conditions, Guard, Stacking
from springtide.kit.errors import Invalid
from tests.kit.pricing import CAMPAIGN, NOW, decide, on, rule

BOOK = {"tea": PriceFacts(10_000), "cup": PriceFacts(5_000, floor_minor=4_900)}
STEPS = [
    {"threshold_minor": 16_900, "discount_minor": 1_000},
    {"threshold_minor": 29_900, "discount_minor": 2_000},
]
LADDER = rule("1", "threshold_ladder", {"steps": STEPS})


def lines(**quantities: int) -> list[CartLine]:
    """Return lines of some products."""
    return [CartLine(key, quantity) for key, quantity in quantities.items()]


def outcome(
    rules: list[ActiveRule], rule_id: str, buyer: Buyer | None = None, **quantities: int
) -> Outcome:
    """Return what became of a rule."""
    explained = explain(
        Cart(tuple(lines(**quantities)), "CNY"),
        plan=Plan(rules),
        book=BOOK,
        now=NOW,
        buyer=buyer or Buyer(),
    )
    return next(each for each in explained.outcomes if each.rule_id == rule_id)


def test_a_rule_below_its_threshold_says_what_it_saw_and_what_is_missing() -> None:
    found = outcome([LADDER], "rul_1", tea=1)
    assert not found.is_applied
    assert found.reason == Reason("below_threshold", 10_000, 16_900)
    assert found.next_step == NextStep(missing_minor=6_900, saves_minor=1_000)


def test_a_step_reached_to_the_cent_applies() -> None:
    assert decide(lines(tea=1), [LADDER], {"tea": PriceFacts(16_900)}).total_minor == 15_900
    assert decide(lines(tea=1), [LADDER], {"tea": PriceFacts(16_899)}).total_minor == 16_899


def test_discount_that_does_not_fit_above_a_floor_moves_to_the_other_line() -> None:
    decision = decide(lines(tea=1, cup=2), [LADDER], BOOK)
    assert {line.product_key: line.discount_minor for line in decision.lines} == {
        "cup": 200,
        "tea": 800,
    }


def test_discount_that_fits_nowhere_is_cut_and_the_outcome_says_so() -> None:
    found = outcome([LADDER], "rul_1", cup=4)
    assert (found.amount_minor, found.cut_minor) == (400, 600)
    fixed = {"cup": PriceFacts(5_000, floor_minor=5_000)}
    explained = explain(
        Cart((CartLine("cup", 4),), "CNY"), plan=Plan([LADDER]), book=fixed, now=NOW
    )
    assert explained.outcomes[0].reason == Reason("no_room", 0, 1_000)


def test_a_rule_that_loses_names_the_winner_and_what_it_would_cost() -> None:
    weaker = rule(
        "0",
        "threshold_ladder",
        {"steps": STEPS[:1]},
        conditions=Conditions(products=on("tea")),
    )
    rules = [weaker, LADDER]
    assert outcome(rules, "rul_1", tea=3).amount_minor == 2_000
    lost = outcome(rules, "rul_0", tea=3)
    assert lost.reason == Reason("lost_to", 29_000, 28_000, ("rul_1",))


def test_two_ladders_on_different_products_both_apply() -> None:
    rules = [
        rule(key, "threshold_ladder", {"steps": STEPS}, conditions=Conditions(products=on(key)))
        for key in ("tea", "cup")
    ]
    book = {"tea": PriceFacts(17_000), "cup": PriceFacts(30_000)}
    assert decide(lines(tea=1, cup=1), rules, book).discount_minor == 3_000


def test_an_item_price_is_left_where_it_would_miss_a_ladder_that_gives_more() -> None:
    ladder = rule(
        "1",
        "threshold_ladder",
        {"steps": [{"threshold_minor": 20_000, "discount_minor": 5_000}]},
    )
    off = rule("2", "percent_off", {"percent_bps": 500}, conditions=Conditions(products=on("tea")))
    decision = decide(lines(tea=2), [ladder, off], BOOK)
    assert [each.rule_id for each in decision.rules] == ["rul_1"]
    assert decision.total_minor == 15_000
    lost = outcome([ladder, off], "rul_2", tea=2)
    assert lost.reason == Reason("lost_to", 19_000, 15_000, ("rul_1",))


def test_rules_that_exclude_each_other_never_meet() -> None:
    coupon = rule("1", "coupon", {"discount_minor": 900}, stacking=Stacking(("lane:shop",)))
    assert [each.rule_id for each in decide(lines(tea=2), [LADDER, coupon], BOOK).rules] == [
        "rul_1"
    ]
    alone = rule("2", "coupon", {"discount_minor": 900}, stacking=Stacking(("lane:shop",)))
    both = decide(lines(tea=2), [LADDER, alone], BOOK)
    assert [each.rule_id for each in both.rules] == ["rul_1"]
    assert both.total_minor == 19_000


def test_rules_that_combine_apply_in_their_order() -> None:
    first = rule("1", "percent_off", {"percent_bps": 1_000})
    second = rule(
        "2",
        "amount_off",
        {"amount_minor": 500},
        stacking=Stacking(combines=("rul_1",), after=("rul_1",)),
    )
    decision = decide(lines(tea=1), [first, second], BOOK)
    assert [each.amount_minor for each in decision.rules] == [1_000, 500]
    assert decision.total_minor == 8_500


def test_a_guard_that_refuses_takes_the_best_stack_that_leaves_the_margin() -> None:
    book = {"tea": PriceFacts(10_000, cost_minor=7_000)}
    deep = rule("1", "percent_off", {"percent_bps": 2_500}, campaign_key=CAMPAIGN)
    mild = rule("2", "percent_off", {"percent_bps": 1_000}, campaign_key=CAMPAIGN)
    refusing = {CAMPAIGN: Guard("refuse", 2_000)}
    decision = decide(lines(tea=1), [deep, mild], book, guards=refusing)
    assert [each.rule_id for each in decision.rules] == ["rul_2"]
    warned = decide(lines(tea=1), [deep, mild], book, guards={CAMPAIGN: Guard("warn", 2_000)})
    assert warned.total_minor == 7_500
    assert warned.warnings == ("margin_below_guard",)
    explained = explain(
        Cart((CartLine("tea", 1),), "CNY"),
        plan=Plan([deep, mild], guards=refusing),
        book=book,
        now=NOW,
    )
    reason = explained.outcomes[0].reason
    assert reason == Reason("margin_guard", 666, 2_000)


def test_a_rule_whose_budget_no_longer_covers_it_does_not_hold() -> None:
    buyer = Buyer(left={"rul_1": Left(money_minor=999)})
    decision = decide(lines(tea=2), [LADDER], BOOK, buyer=buyer)
    assert decision.rules == ()
    found = outcome([LADDER], "rul_1", buyer, tea=2)
    assert found.reason == Reason("limit_money", 999, 1_000)
    enough = Buyer(left={"rul_1": Left(money_minor=1_000)})
    assert decide(lines(tea=2), [LADDER], BOOK, buyer=enough).discount_minor == 1_000


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        (Conditions(tiers=("gold",)), "wrong_tier"),
        (Conditions(segments=("vip",)), "wrong_segment"),
        (Conditions(channels=("app",)), "wrong_channel"),
        (Conditions(regions=("浙江",)), "wrong_region"),
        (Conditions(except_regions=("新疆",)), "wrong_region"),
        (Conditions(is_first_order=True), "not_first_order"),
        (Conditions(code="TIDE"), "no_code"),
        (Conditions(is_issued=True), "not_issued"),
        (Conditions(products=on("pot")), "no_product"),
        (Conditions(min_pieces=3), "too_few_pieces"),
        (Conditions(min_money_minor=30_000), "below_threshold"),
    ],
)
def test_each_condition_that_fails_is_named_and_its_removal_lets_the_rule_apply(
    conditions: Conditions, code: str
) -> None:
    buyer = Buyer(region="新疆", channel="web")
    bound = rule("1", "percent_off", {"percent_bps": 1_000}, conditions=conditions)
    found = outcome([bound], "rul_1", buyer, tea=2)
    assert found.reason is not None
    assert found.reason.code == code
    free = rule("1", "percent_off", {"percent_bps": 1_000})
    assert outcome([free], "rul_1", buyer, tea=2).is_applied


def test_a_code_is_read_without_case_and_blanks() -> None:
    coded = rule("1", "coupon", {"discount_minor": 500}, conditions=Conditions(code="Tide11"))
    assert decide(lines(tea=1), [coded], BOOK, codes=(" TIDE11 ",)).discount_minor == 500
    assert decide(lines(tea=1), [coded], BOOK, codes=("TIDE12",)).discount_minor == 0


def test_a_window_opens_and_closes_at_its_instants() -> None:
    windowed = rule(
        "1",
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
    cart, plan = Cart((CartLine("tea", 2),), "CNY"), Plan([windowed])
    for now, code in moments.items():
        found = explain(cart, plan=plan, book=BOOK, now=now).outcomes[0]
        assert (found.reason.code if found.reason else None) == code
        assert found.is_applied == (code is None)


def test_the_campaign_price_counts_for_the_threshold() -> None:
    book = {"tea": PriceFacts(10_000, campaign_minor=8_000)}
    assert decide(lines(tea=2), [LADDER], book).total_minor == 16_000
    assert decide(lines(tea=3), [LADDER], book).total_minor == 23_000


def test_impossible_carts_are_refused_by_line() -> None:
    with pytest.raises(Invalid) as refused:
        decide([], [], BOOK)
    assert isinstance(refused.value.fields["lines"], EmptyCart)
    wrong = lines(tea=0, cup=QUANTITY_MAX + 1, ghost=1)
    with pytest.raises(Invalid) as refused:
        decide(wrong, [], BOOK, shipping_minor=-1)
    assert {field: type(refusal) for field, refusal in refused.value.fields.items()} == {
        "lines.0.quantity": BadQuantity,
        "lines.1.quantity": BadQuantity,
        "lines.2.product_key": UnknownPrice,
        "shipping_minor": type(refused.value.fields["shipping_minor"]),
    }
    with pytest.raises(Invalid) as refused:
        decide(lines(tea=QUANTITY_MAX), [], {"tea": PriceFacts(10**15)})
    assert isinstance(refused.value.fields["lines"], CartTooLarge)


def test_the_public_document_keeps_floors_costs_and_margins_to_the_shop() -> None:
    shown = str(decide(lines(cup=4), [LADDER], BOOK).public_document())
    for word in ("floor", "cost", "margin", "wanted"):
        assert word not in shown


def test_a_tax_inclusive_price_names_its_tax() -> None:
    assert tax_of(11_300, 1_300) == 1_300
    assert tax_of(100, 1_300) == 12
    assert tax_of(0, 1_300) == tax_of(100, 0) == 0


def test_a_hundred_overlapping_rules_are_decided_and_the_best_set_is_proven() -> None:
    keys = [f"p{number:02}" for number in range(10)]
    book = {key: PriceFacts(5_000 + 100 * index) for index, key in enumerate(keys)}
    rules = [
        rule(
            f"{number:03}",
            "threshold_ladder",
            {"steps": [{"threshold_minor": 5_000, "discount_minor": 300 + 7 * number}]},
            conditions=Conditions(products=on(keys[number % 10], keys[(number * 3 + 1) % 10])),
        )
        for number in range(100)
    ]
    cart = Cart(tuple(CartLine(key, 1) for key in keys), "CNY")
    decision = price(cart, plan=Plan(rules), book=book, now=NOW)
    assert decision.is_proven
    assert len(decision.rules) >= 5


def test_a_gift_names_all_that_would_shut_it_out() -> None:
    first = rule("0", "amount_off", {"amount_minor": 1})
    second = rule(
        "1",
        "amount_off",
        {"amount_minor": 1},
        stacking=Stacking(combines=("rul_0",), after=("rul_0",)),
    )
    gift = rule(
        "2",
        "gift",
        {"product_key": "a", "threshold_minor": 0},
        stacking=Stacking(excludes=("rul_0", "rul_1")),
    )
    cart = Cart((CartLine("a", 1),), "CNY")
    book = {"a": PriceFacts(1)}
    told = explain(cart, plan=Plan([first, second, gift]), book=book, now=NOW).outcomes
    reason = next(each.reason for each in told if each.rule_id == gift.id)
    assert reason is not None
    # Without the first one the second takes its place, and shuts the gift out as well.
    assert reason.others == ("rul_0", "rul_1")


def test_room_counts_only_where_something_comes_off() -> None:
    cheap = rule("0", "first_order", {"price_minor": 1, "pieces_max": 1})
    others = [rule(str(n), "amount_off", {"amount_minor": 1}) for n in (1, 2)]
    # One line is at that price already, the other one at its floor.
    book = {"a": PriceFacts(1), "b": PriceFacts(2, floor_minor=2)}
    cart = Cart((CartLine("a", 1), CartLine("b", 1)), "CNY")
    told = explain(
        cart, plan=Plan([cheap, *others]), book=book, now=NOW, buyer=Buyer(is_first_order=True)
    ).outcomes
    reason = next(each.reason for each in told if each.rule_id == cheap.id)
    assert reason == Reason("no_room", 0, 1)
