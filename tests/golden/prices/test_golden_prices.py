"""Every row of the tables beside this file is what the engine decides."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from springtide.domain.pricing.engine import price
from springtide.domain.pricing.explain import explain
from springtide.domain.pricing.model import ActiveRule, Cart, CartLine, Decision, PriceFacts
from springtide.kit.money import parse_minor, to_decimal

TABLE = Path(__file__).parent / "threshold_ladder.md"
NOW = datetime(2025, 11, 11, tzinfo=UTC)


def rows(columns: int) -> Iterator[list[str]]:
    """Yield the cells of the rows of the table with so many columns, without its header."""
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("|")]
    found = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    yield from [cells for cells in found if len(cells) == columns and cells[0] != "---"][1:]


def minor(text: str) -> int:
    """Read yuan."""
    return parse_minor(text, "CNY")


def yuan(amount_minor: int) -> str:
    """Write yuan."""
    return str(to_decimal(amount_minor, "CNY"))


def book() -> dict[str, PriceFacts]:
    """Read the price book."""
    return {
        key: PriceFacts(
            minor(regular), minor(campaign) if campaign else None, minor(floor) if floor else 0
        )
        for key, regular, campaign, floor in rows(4)
    }


def cart_of(text: str) -> Cart:
    """Read a cart such as ``2 tea, cup``."""
    lines = [re.fullmatch(r"(?:(\d+) )?(\w+)", part.strip()) for part in text.split(",")]
    return Cart(tuple(CartLine(each[2], int(each[1] or 1)) for each in lines if each), "CNY")


def rules_of(text: str) -> list[ActiveRule]:
    """Read ladders such as ``169-10 299-20 on tea; 60-3``."""
    rules = []
    for number, part in enumerate(text.split(";")):
        steps, _, products = part.strip().partition(" on ")
        pairs = [step.split("-") for step in steps.split()]
        params = {
            "steps": [{"threshold_minor": minor(t), "discount_minor": minor(d)} for t, d in pairs],
            "products": products.split() or None,
        }
        rules.append(ActiveRule(f"rul_{number}", 1, "threshold_ladder", params))
    return rules


def says(decision: Decision) -> str:
    """Write what the decision says beside the amounts."""
    sentences = [sentence for rule in decision.rules for sentence in explain(rule)]
    shown = [s for s in sentences if not s.text.startswith(("{amount} off", "starts at"))]
    return "; ".join(sentence.fill(sentence.text, yuan) for sentence in shown)


@pytest.mark.parametrize("case", list(rows(7)), ids=lambda case: f"{case[0]} at {case[1]}")
def test_the_engine_decides_as_the_table_says(case: list[str]) -> None:
    cart, ladder, before, off, to_pay, shares, sentence = case
    decision = price(cart_of(cart), rules=rules_of(ladder), book=book(), now=NOW)
    decided = ", ".join(
        f"{line.product_key} {yuan(line.discount_minor)}" for line in decision.lines
    )
    assert [
        yuan(decision.gross_minor),
        yuan(decision.discount_minor),
        yuan(decision.total_minor),
        decided,
        says(decision),
    ] == [before, off, to_pay, shares, sentence]
