"""Generated carts, prices, buyers and rules of every kind; the best stack by trying all."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import (
    ANYBODY,
    Buyer,
    Cart,
    CartLine,
    Decision,
    PriceFacts,
)
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.priced_cart import PricedCart
from springtide.domain.pricing.rule import (
    ActiveRule,
    Conditions,
    Guard,
    Limits,
    OnMoney,
    PerGroup,
    PerLine,
    ProductSet,
    Stacking,
)
from springtide.domain.pricing.rules import RULES, checked_rule
from springtide.domain.pricing.stack import evaluate, holds_guards

NOW = datetime(2025, 11, 11, tzinfo=UTC)
KEYS = "abcdef"
CAMPAIGN = "cmp_a"
Book = dict[str, PriceFacts]


def rule(name: str, kind: str, params: dict[str, Any], **terms: Any) -> ActiveRule:
    """Return a rule as it would be saved; one that may not be saved is refused here, too."""
    checked_rule(kind, params)
    return ActiveRule(f"rul_{name}", 1, kind, params, **terms)


def on(*keys: str) -> ProductSet:
    """Return a set of products by key."""
    return ProductSet(keys=keys)


def decide(
    lines: Iterable[CartLine],
    rules: Sequence[ActiveRule],
    book: Book,
    *,
    buyer: Buyer = ANYBODY,
    guards: dict[str, Guard] | None = None,
    now: datetime = NOW,
    **cart: Any,
) -> Decision:
    """Price a cart at a fixed instant."""
    plan = Plan(rules, guards=guards)
    return price(Cart(tuple(lines), "CNY", **cart), plan=plan, book=book, now=now, buyer=buyer)


@st.composite
def facts(draw: st.DrawFn) -> PriceFacts:
    """A price with a floor at or below it, and perhaps a campaign price, even a broken one."""
    regular = draw(st.integers(0, 50_000))
    return PriceFacts(
        regular_minor=regular,
        campaign_minor=draw(st.none() | st.integers(0, 60_000)),
        floor_minor=draw(st.just(0) | st.integers(0, regular)),
        cost_minor=draw(st.none() | st.integers(0, 50_000)),
        tax_bps=draw(st.sampled_from([0, 600, 1300])),
        category=draw(st.sampled_from(["tea", "cups"])),
        brand=draw(st.sampled_from(["", "Lu"])),
        tags=draw(st.sampled_from([(), ("new",)])),
    )


books = st.fixed_dictionaries({key: facts() for key in KEYS})
lines_of_a_cart = st.lists(
    st.builds(CartLine, st.sampled_from(KEYS), st.integers(1, 5_000) | st.integers(1, 4)),
    min_size=1,
    max_size=8,
)
few_lines = st.lists(
    st.builds(CartLine, st.sampled_from(KEYS[:4]), st.integers(1, 3)), min_size=1, max_size=4
)
_percent = st.integers(1, 10_000)
_money = st.integers(1, 60_000)
_threshold = st.integers(100, 150_000)


@st.composite
def ladder_params(draw: st.DrawFn) -> dict[str, Any]:
    """A ladder that may be saved: thresholds and discounts rise together, or one that repeats."""
    thresholds = draw(st.lists(_threshold, min_size=1, max_size=4, unique=True))
    if draw(st.booleans()):
        rates = sorted(draw(st.sets(_percent, min_size=len(thresholds), max_size=len(thresholds))))
        return {
            "steps": [
                {"threshold_minor": t, "percent_bps": bps}
                for t, bps in zip(sorted(thresholds), rates, strict=True)
            ]
        }
    steps, least = [], 1
    for threshold in sorted(thresholds):
        most = threshold * 9 // 10
        if most >= least:
            discount = draw(st.integers(least, most))
            steps.append({"threshold_minor": threshold, "discount_minor": discount})
            least = discount + 1
    return {"steps": steps, "times_max": draw(st.integers(1, 5)) if len(steps) == 1 else 0}


@st.composite
def parts(draw: st.DrawFn) -> dict[str, Any]:
    """A bundle."""
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=2, max_size=3, unique=True))
    return {
        "parts": [{"product_key": key, "pieces": draw(st.integers(1, 2))} for key in keys],
        "price_minor": draw(_money),
    }


@st.composite
def one_or_the_other(draw: st.DrawFn) -> dict[str, Any]:
    """A coupon."""
    threshold = draw(st.just(0) | _threshold)
    if draw(st.booleans()):
        cap = draw(st.just(0) | _money)
        return {
            "threshold_minor": threshold,
            "percent_bps": draw(_percent),
            "discount_max_minor": cap,
        }
    most = threshold * 9 // 10 if threshold else 60_000
    return {"threshold_minor": threshold, "discount_minor": draw(st.integers(1, most))}


@st.composite
def packets(draw: st.DrawFn) -> dict[str, Any]:
    """A red packet."""
    threshold = draw(st.just(0) | _threshold)
    most = threshold * 9 // 10 if threshold else 60_000
    return {"amount_minor": draw(st.integers(1, most)), "threshold_minor": threshold}


@st.composite
def piece_steps(draw: st.DrawFn) -> dict[str, Any]:
    """A quantity ladder."""
    counts = sorted(draw(st.sets(st.integers(1, 6), min_size=1, max_size=3)))
    rates = sorted(draw(st.sets(_percent, min_size=len(counts), max_size=len(counts))))
    steps = [{"pieces": c, "percent_bps": r} for c, r in zip(counts, rates, strict=True)]
    return {"steps": steps, "is_mixed": draw(st.booleans())}


PARAMS: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "percent_off": st.fixed_dictionaries({"percent_bps": _percent}),
    "amount_off": st.fixed_dictionaries({"amount_minor": _money}),
    "fixed_price": st.fixed_dictionaries({"price_minor": _money}),
    "first_order": st.fixed_dictionaries({"price_minor": _money, "pieces_max": st.integers(1, 3)}),
    "member_price": st.fixed_dictionaries(
        {"tiers": st.just([{"tier": "gold", "percent_bps": 1200}])}
    ),
    "nth_piece": st.fixed_dictionaries(
        {
            "nth": st.integers(2, 4),
            "percent_bps": _percent,
            "is_mixed": st.booleans(),
            "times_max": st.integers(0, 3),
        }
    ),
    "quantity_ladder": piece_steps(),
    "buy_x_get_y": st.fixed_dictionaries(
        {
            "buy": st.integers(1, 3),
            "get": st.integers(1, 2),
            "which": st.sampled_from(["cheapest", "dearest"]),
            "times_max": st.integers(0, 2),
        }
    ),
    "bundle": parts(),
    "threshold_ladder": ladder_params(),
    "coupon": one_or_the_other(),
    "red_packet": packets(),
    "points": st.fixed_dictionaries({"part_max_bps": _percent}),
    "free_shipping": st.fixed_dictionaries(
        {"threshold_minor": st.just(0) | _threshold, "pieces": st.integers(0, 5)}
    ),
    "gift": st.fixed_dictionaries(
        {"product_key": st.sampled_from(KEYS), "threshold_minor": st.just(0) | _threshold}
    ),
}

product_sets = st.builds(
    ProductSet,
    keys=st.just(())
    | st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True).map(tuple),
    categories=st.sampled_from([(), (), (), ("tea",)]),
    except_keys=st.sampled_from([(), (), (), ("a",)]),
)


@st.composite
def rules(draw: st.DrawFn, name: str, *, others: Sequence[str] = ()) -> ActiveRule:
    """A rule of any kind, on any products, that may exclude rules made before it."""
    kind = draw(st.sampled_from(sorted(RULES)))
    excludes = (
        draw(st.just(()) | st.lists(st.sampled_from(others), max_size=2).map(tuple))
        if (others)
        else ()
    )
    return rule(
        name,
        kind,
        draw(PARAMS[kind]),
        conditions=Conditions(
            products=draw(st.just(ProductSet()) | product_sets),
            min_money_minor=draw(st.sampled_from([0, 0, 0, 20_000])),
            min_pieces=draw(st.sampled_from([0, 0, 0, 2])),
        ),
        stacking=Stacking(excludes=excludes),
        limits=Limits(),
        campaign_key=CAMPAIGN,
    )


@st.composite
def rules_of_a_shop(draw: st.DrawFn, most: int = 5) -> tuple[ActiveRule, ...]:
    """Some rules, a few of which exclude or combine with each other."""
    found: list[ActiveRule] = []
    for number in range(draw(st.integers(0, most))):
        new = draw(rules(str(number), others=tuple(each.id for each in found)))
        lane = checked_rule(new.kind, new.params).compiled()
        partners = [
            each
            for each in found
            if each.id not in new.stacking.excludes
            and checked_rule(each.kind, each.params).compiled().lane is lane.lane
        ]
        if partners and draw(st.integers(0, 3)) == 0:
            other = draw(st.sampled_from(partners)).id
            stacking = Stacking(new.stacking.excludes, combines=(other,), after=(other,))
            new = ActiveRule(
                new.id, 1, new.kind, new.params, new.conditions, stacking, campaign_key=CAMPAIGN
            )
        found.append(new)
    return tuple(found)


buyers = st.builds(
    Buyer,
    tier=st.sampled_from(["", "gold"]),
    is_first_order=st.booleans(),
    points=st.sampled_from([0, 5_000]),
)
guards = st.none() | st.builds(
    Guard, mode=st.sampled_from(["allow", "warn", "refuse"]), margin_bps=st.integers(0, 5_000)
).map(lambda guard: {CAMPAIGN: guard})


def cheapest(cart: PricedCart) -> int:
    """Return what the cheapest legal stack costs, by trying every one."""
    plan = cart.plan
    here = [place for place in cart.lines if not plan.giving >> place & 1]
    best = sum(cart.gross) + cart.cart.shipping_minor
    for count in range(len(here) + 1):
        for chosen in itertools.combinations(sorted(here), count):
            used = sum(1 << place for place in chosen)
            if any(plan.excludes[place] & used for place in chosen):
                continue
            for total, makers_used, stack in _totals(cart, chosen):
                if makers_used == used and holds_guards(cart, stack):
                    best = min(best, total)
    return best


def _totals(cart: PricedCart, chosen: Sequence[int]) -> Iterable[tuple[int, int, Any]]:
    """Yield what a set of rules can come to, each line of the item lane at any of its prices."""
    plan = cart.plan
    money = [place for place in chosen if isinstance(plan.shapes[place], OnMoney)]
    rules_on_money = [found for place in money if (found := cart.on_money(place))]
    if len(rules_on_money) < len(money) or not _may_meet(cart, rules_on_money):
        return
    rules_used = sum(1 << place for place in money)
    groups = [place for place in chosen if isinstance(plan.shapes[place], PerGroup)]
    offers = {group.place: group for group in cart.groups(sum(1 << g for g in groups))}
    if len(offers) < len(groups):
        return
    covered = 0
    for group in offers.values():
        if covered & group.mask:
            return
        covered |= group.mask
    singles = [place for place in chosen if isinstance(plan.shapes[place], PerLine)]
    choices = []
    for line in range(len(cart.keys)):
        if covered >> line & 1:
            group = next(g for g in offers.values() if g.mask >> line & 1)
            choices.append([(dict(group.nets)[line], 1 << group.place)])
        else:
            choices.append(list(_chains(cart, line, singles)))
    for picked in itertools.product(*choices):
        makers = [mask for _, mask in picked]
        stack = evaluate(cart, [net for net, _ in picked], makers, rules_on_money)
        used = rules_used
        for mask in makers:
            used |= mask
        yield stack.total, used, stack


def _chains(cart: PricedCart, line: int, singles: Sequence[int]) -> Iterable[tuple[int, int]]:
    for count in range(len(singles) + 1):
        for chain in itertools.combinations(singles, count):
            fits = all(line in cart.lines[place] and cart.meets(place) for place in chain)
            pairs = itertools.combinations(chain, 2)
            if fits and all(cart.plan.combines[a] >> b & 1 for a, b in pairs):
                net = cart.gross[line]
                for place in chain:
                    net = max(net - cart.line_off(place, line, net), cart.floors[line])
                yield net, sum(1 << place for place in chain)


def _may_meet(cart: PricedCart, chosen: Sequence[Any]) -> bool:
    for one, other in itertools.combinations(chosen, 2):
        if one.lane != other.lane:
            continue
        if one.lane >= 4:
            return False
        if one.mask & other.mask and not cart.plan.combines[one.place] >> other.place & 1:
            return False
    return True
