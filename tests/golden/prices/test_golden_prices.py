"""Every row of the tables beside this file is what the engine decides.

One table a kind of rule. A rule reads `kind name=value … on products`: `10%` is a percentage,
`9.90` an amount, `3` a number; steps are parted by `/`, the two sides of one by `>`.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from springtide.domain.pricing.explain import Explained, explain
from springtide.domain.pricing.model import Buyer, Cart, CartLine, PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.rule import ActiveRule, Conditions, ProductSet
from springtide.domain.pricing.rules import RULES, checked_rule
from springtide.domain.pricing.sentences import sentences
from springtide.kit.money import parse_minor, to_decimal
from tests.kit.pricing import NOW

HERE = Path(__file__).parent
SIDES = {
    "threshold_ladder": ("steps", "threshold_minor", "discount_minor"),
    "quantity_ladder": ("steps", "pieces", "percent_bps"),
    "member_price": ("tiers", "tier", "percent_bps"),
    "bundle": ("parts", "product_key", "pieces"),
}
BUYER = Buyer(tier="gold", is_first_order=True, points=2_000)
BOOK = {
    "tea": PriceFacts(10_000, 8_900, 8_000, category="tea"),
    "cup": PriceFacts(4_550, category="cups"),
    "pot": PriceFacts(29_900, 25_900, 25_000, category="cups"),
    "pin": PriceFacts(99, floor_minor=99),
    "gift": PriceFacts(0),
}


def rows(table: Path) -> Iterator[list[str]]:
    """Yield the cells of the rows of the table, without its header."""
    lines = [line for line in table.read_text().splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    yield from [cells for cells in found if cells[0] != "---"][1:]


def yuan(amount_minor: int) -> str:
    """Write yuan."""
    return str(to_decimal(amount_minor, "CNY"))


def value_of(text: str) -> Any:
    """Read one value."""
    if re.fullmatch(r"\d+(\.\d+)?%", text):
        return round(float(text[:-1]) * 100)
    if re.fullmatch(r"\d+\.\d\d", text):
        return parse_minor(text, "CNY")
    if text.isdigit():
        return int(text)
    return {"yes": True, "no": False}.get(text, text)


def rule_of(number: int, text: str) -> ActiveRule:
    """Read one rule."""
    words, _, products = text.partition(" on ")
    kind, *pairs = words.split()
    params: dict[str, Any] = {}
    for pair in pairs:
        name, _, written = pair.partition("=")
        if ">" in written:
            name, left, right = SIDES[kind]
            params[name] = []
            for step in written.split("/"):
                one, _, other = step.partition(">")
                side = "percent_bps" if other.endswith("%") else right
                params[name].append({left: value_of(one), side: value_of(other)})
        else:
            params[name] = value_of(written)
    checked_rule(kind, params)
    conditions = Conditions(products=ProductSet(keys=tuple(products.split())))
    return ActiveRule(f"rul_{number}", 1, kind, params, conditions)


def cart_of(text: str) -> Cart:
    """Read a cart such as ``2 tea, cup, shipping 8.00, points 500``."""
    lines, more = [], {"shipping": 0, "points": 0}
    for part in text.split(","):
        words = part.split()
        if words[0] in more:
            more[words[0]] = value_of(words[1])
        else:
            lines.append(CartLine(words[-1], int(words[0]) if len(words) > 1 else 1))
    return Cart(tuple(lines), "CNY", shipping_minor=more["shipping"], points=more["points"])


def decided(cart: str, rules: str) -> list[str]:
    """Return what the engine says of a row: to pay, what each product pays, what it says."""
    plan = Plan([rule_of(number, text.strip()) for number, text in enumerate(rules.split(";"))])
    explained = explain(cart_of(cart), plan=plan, book=BOOK, now=NOW, buyer=BUYER)
    decision = explained.decision
    pays = ", ".join(f"{line.product_key} {yuan(line.payable_minor)}" for line in decision.lines)
    if decision.shipping_minor or decision.shipping_discount_minor:
        pays += f", shipping {yuan(decision.shipping_minor)}"
    return [yuan(decision.gross_minor), yuan(decision.total_minor), pays, says(explained)]


def says(explained: Explained) -> str:
    """Write what the explanation says."""
    said = [each for outcome in explained.outcomes for each in sentences(outcome)]
    return "; ".join(sentence.fill(sentence.text, yuan) for sentence in said)


CASES = [(table.stem, *cells) for table in sorted(HERE.glob("*.md")) for cells in rows(table)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[1]} with {case[2]}")
def test_the_engine_decides_as_the_table_says(case: tuple[str, ...]) -> None:
    _, cart, rules, *expected = case
    assert decided(cart, rules) == expected


def test_every_kind_has_a_table() -> None:
    assert {table.stem for table in HERE.glob("*.md")} == set(RULES)
