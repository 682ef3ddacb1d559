"""Carts priced in a second: in memory and through the API, against a loop without search.

The baseline is what many shops run: a plain Python loop over the rules in their order, each
applied where its condition holds, with no search, no limits on stacking and no explanation. It
prices the same carts with the same rules in the same run. Its totals are no better than the
engine's, which is checked.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import Cart, CartLine, PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.rule import ActiveRule, Conditions, ProductSet

NOW = datetime(2025, 11, 11, tzinfo=UTC)
PRODUCTS = 2_000
CATEGORIES = 40
CARTS = 2_000
ROUNDS = 5
GOALS = {10: 10_000, 100: 4_000}


def shop(chance: random.Random) -> dict[str, PriceFacts]:
    """Return a price book of 2,000 products in 40 categories."""
    return {
        f"p{number:04}": PriceFacts(
            regular_minor=chance.randrange(900, 40_000, 100),
            floor_minor=400,
            cost_minor=350,
            tax_bps=1_300,
            category=f"c{number % CATEGORIES}",
        )
        for number in range(PRODUCTS)
    }


def rules(count: int, chance: random.Random) -> list[ActiveRule]:
    """Return a sale's rules: for the whole shop, for categories, for lists of products.

    Ten rules are three for the whole shop (ladder, coupon, free shipping) and seven for parts of
    it; a hundred have the same three and two more coupons, and the rest for parts.
    """
    whole: list[tuple[str, dict[str, Any]]] = [
        ("threshold_ladder", {"steps": _steps(30_000, 4_000)}),
        ("coupon", {"threshold_minor": 19_900, "discount_minor": 1_000}),
        ("free_shipping", {"threshold_minor": 9_900}),
    ]
    if count >= 100:
        whole += [
            ("coupon", {"threshold_minor": 50_000, "percent_bps": 500}),
            ("red_packet", {"amount_minor": 300, "threshold_minor": 10_000}),
        ]
    kinds: list[Callable[[], tuple[str, dict[str, Any]]]] = [
        lambda: ("percent_off", {"percent_bps": chance.randrange(500, 3_000, 100)}),
        lambda: ("amount_off", {"amount_minor": chance.randrange(100, 900, 50)}),
        lambda: ("nth_piece", {"nth": 2, "percent_bps": 5_000, "is_mixed": True}),
        lambda: ("quantity_ladder", {"steps": [{"pieces": 2, "percent_bps": 1_000}]}),
        lambda: ("threshold_ladder", {"steps": _steps(15_000, 1_500)}),
        lambda: ("coupon", {"threshold_minor": 8_000, "discount_minor": 500}),
        lambda: ("buy_x_get_y", {"buy": 2, "get": 1}),
    ]
    made = [ActiveRule(f"rul_{n:03}", 1, kind, params) for n, (kind, params) in enumerate(whole)]
    for number in range(len(whole), count):
        kind, params = kinds[number % len(kinds)]()
        made.append(
            ActiveRule(
                f"rul_{number:03}", 1, kind, params, Conditions(products=_part(number, chance))
            )
        )
    return made


def carts(book: dict[str, PriceFacts], chance: random.Random, count: int = CARTS) -> list[Cart]:
    """Return carts of ten lines, one to three pieces each."""
    keys = sorted(book)
    return [
        Cart(
            tuple(CartLine(key, chance.randint(1, 3)) for key in chance.sample(keys, 10)),
            "CNY",
            shipping_minor=1_000,
        )
        for _ in range(count)
    ]


def without_search(cart: Cart, made: Sequence[ActiveRule], book: dict[str, PriceFacts]) -> int:
    """Price a cart by a plain loop: each rule in its order where its condition holds."""
    nets = {
        line.product_key: book[line.product_key].unit_minor * line.quantity for line in cart.lines
    }
    pieces = {line.product_key: line.quantity for line in cart.lines}
    shipping = cart.shipping_minor
    taken: set[tuple[str, str]] = set()
    for rule in made:
        products, params = rule.conditions.products, rule.params
        inside = [
            key
            for key in nets
            if products.is_whole
            or key in products.keys
            or book[key].category in products.categories
        ]
        lane = "item" if rule.kind in _ITEM else rule.kind
        if any((lane, key) in taken for key in inside):
            continue
        money = sum(nets[key] for key in inside)
        off = _plain_off(rule.kind, params, money, inside, nets, pieces)
        if rule.kind == "free_shipping" and money >= params["threshold_minor"]:
            shipping = 0
        if off <= 0 or not money:
            continue
        taken.update((lane, key) for key in inside)
        left = min(off, money)
        for key in inside:
            share = left * nets[key] // money
            nets[key] -= share
    return sum(nets.values()) + shipping


_ITEM = {"percent_off", "amount_off", "nth_piece", "buy_x_get_y"}


def _plain_off(
    kind: str,
    params: Any,
    money: int,
    inside: list[str],
    nets: dict[str, int],
    pieces: dict[str, int],
) -> int:
    count = sum(pieces[key] for key in inside)
    if kind == "percent_off":
        return money * int(params["percent_bps"]) // 10_000
    if kind == "amount_off":
        return int(params["amount_minor"]) * count
    if kind == "quantity_ladder":
        steps = [s["percent_bps"] for s in params["steps"] if s["pieces"] <= count]
        return money * max(steps, default=0) // 10_000
    if kind == "threshold_ladder":
        steps = [s["discount_minor"] for s in params["steps"] if s["threshold_minor"] <= money]
        return max(steps, default=0)
    if kind in ("coupon", "red_packet"):
        if money < params.get("threshold_minor", 0):
            return 0
        flat = params.get("discount_minor", 0) or params.get("amount_minor", 0)
        return int(flat) or money * int(params.get("percent_bps", 0)) // 10_000
    if kind in ("nth_piece", "buy_x_get_y"):
        units = sorted(nets[key] // pieces[key] for key in inside for _ in range(pieces[key]))
        group = params["nth"] if kind == "nth_piece" else params["buy"] + params["get"]
        rate = params.get("percent_bps", 10_000)
        return int(sum(units[: count // group]) * rate // 10_000)
    return 0


def run() -> list[dict[str, Any]]:
    """Measure carts a second with 10 and with 100 rules, latency, and what must not cost time."""
    rows: list[dict[str, Any]] = []
    for count, goal in GOALS.items():
        chance = random.Random(7)
        book, made = shop(chance), rules(count, chance)
        some, plan = carts(book, chance), Plan(made)
        ours, plain, times = _race(some, plan, made, book)
        rows.append(
            {
                "name": f"carts priced, best stack, {count} rules",
                "value": ours,
                "unit": "carts/s",
                "baseline": f"a loop without search: {plain:,.0f}",
                "ratio": ours / plain,
                "goal": f">= {goal:,}",
                "met": ours >= goal,
            }
        )
        p99 = statistics.quantiles(times, n=100)[98] * 1_000
        rows.append(
            {
                "name": f"pricing a cart, p99, {count} rules",
                "value": p99,
                "unit": "ms",
                "goal": "< 2",
                "met": p99 < 2,
            }
        )
    return [*rows, *_steady()]


def _race(
    some: Sequence[Cart], plan: Plan, made: Sequence[ActiveRule], book: dict[str, PriceFacts]
) -> tuple[float, float, list[float]]:
    """Return carts/s of the engine and of the plain loop (medians of rounds), and all times."""
    ours, plain, times = [], [], []
    for cart in some:
        decision = price(cart, plan=plan, book=book, now=NOW)
        if not decision.is_proven:
            raise RuntimeError("a stack was not proven")
    gc.collect()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for cart in some:
            begin = time.perf_counter()
            price(cart, plan=plan, book=book, now=NOW)
            times.append(time.perf_counter() - begin)
        ours.append(len(some) / (time.perf_counter() - began))
        began = time.perf_counter()
        for cart in some:
            without_search(cart, made, book)
        plain.append(len(some) / (time.perf_counter() - began))
    return statistics.median(ours), statistics.median(plain), times


def _steady() -> list[dict[str, Any]]:
    """Measure that neither pieces in a line nor issued codes make a cart slower."""
    chance = random.Random(7)
    book, made = shop(chance), rules(10, chance)
    some = carts(book, chance, 500)
    many = [
        Cart(
            tuple(CartLine(line.product_key, line.quantity * 5_000) for line in cart.lines),
            "CNY",
            shipping_minor=1_000,
        )
        for cart in some
    ]
    coded = [
        *made,
        *(
            ActiveRule(
                f"rul_code{n:06}",
                1,
                "coupon",
                {"discount_minor": 100},
                Conditions(code=f"CODE{n:06}"),
            )
            for n in range(10_000)
        ),
    ]
    plan, with_codes = Plan(made), Plan(coded)
    base = _median(some, plan, book)
    pairs = [
        ("5,000 times the pieces", _median(many, plan, book)),
        ("10,000 codes", _median(some, with_codes, book)),
    ]
    return [
        {
            "name": f"pricing a cart, {name}",
            "value": found * 1e6,
            "unit": "µs",
            "baseline": f"the same carts without: {base * 1e6:.0f}",
            "ratio": found / base,
            "goal": "<= 1.3",
            "met": found / base <= 1.3,
        }
        for name, found in pairs
    ]


def _median(some: Sequence[Cart], plan: Plan, book: dict[str, PriceFacts]) -> float:
    for cart in some[:50]:
        price(cart, plan=plan, book=book, now=NOW)
    times = []
    for cart in some:
        begin = time.perf_counter()
        price(cart, plan=plan, book=book, now=NOW)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _steps(threshold: int, discount: int) -> list[dict[str, int]]:
    return [
        {"threshold_minor": threshold * times, "discount_minor": discount * times + times * times}
        for times in (1, 2, 3)
    ]


def _part(number: int, chance: random.Random) -> ProductSet:
    if number % 2:
        return ProductSet(categories=(f"c{chance.randrange(CATEGORIES)}",))
    return ProductSet(keys=tuple(f"p{chance.randrange(PRODUCTS):04}" for _ in range(40)))
