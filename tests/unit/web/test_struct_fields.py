"""A rule's form: what it shows is what was saved, and what is typed is read or refused by field."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.rule import Conditions, Hours, Limits, ProductSet, Stacking
from springtide.domain.pricing.rules import RULES, checked_rule
from springtide.kit.errors import Invalid
from springtide.web.campaigns.rule_terms import read_terms, values_of_terms
from springtide.web.frame.struct_fields import (
    at_typed_rows,
    fields_of,
    read_fields,
    values_of_fields,
)
from tests.kit.pricing import PARAMS


@pytest.mark.parametrize("kind", list(RULES))
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_a_form_shows_is_what_was_saved(kind: str, data: st.DataObject) -> None:
    params: dict[str, Any] = data.draw(PARAMS[kind])
    typed = values_of_fields(fields_of(RULES[kind]), params, "CNY")
    assert checked_rule(kind, read_fields(fields_of(RULES[kind]), typed, "CNY")) == checked_rule(
        kind, params
    )


@pytest.mark.parametrize("kind", list(RULES))
def test_a_text_for_a_number_is_refused_at_its_field(kind: str) -> None:
    fields = fields_of(RULES[kind])
    assert fields
    for field in fields:
        if field.unit in ("money", "percent", "pieces", "points"):
            with pytest.raises(Invalid) as refused:
                read_fields(fields_of(RULES[kind]), {field.name: "a lot"}, "CNY")
            assert field.name in refused.value.fields
        for column in field.columns:
            name = f"{field.name}.0.{column.name}"
            if column.unit in ("money", "percent", "pieces"):
                with pytest.raises(Invalid) as refused:
                    read_fields(fields_of(RULES[kind]), {name: "a lot"}, "CNY")
                assert name in refused.value.fields


def test_what_is_missing_is_named_at_its_row_and_field() -> None:
    with pytest.raises(Invalid) as refused:
        read_fields(fields_of(RULES["quantity_ladder"]), {"steps.1.pieces": "2"}, "CNY")
    assert {name: why.code for name, why in refused.value.fields.items()} == {
        "steps.1.percent_bps": "rule_field_needed"
    }
    with pytest.raises(Invalid) as refused:
        read_fields(fields_of(RULES["percent_off"]), {}, "CNY")
    assert set(refused.value.fields) == {"percent_bps"}


def test_a_problem_of_a_rule_is_shown_at_the_row_that_was_typed() -> None:
    typed = {
        "steps.1.pieces": "2",
        "steps.1.percent_bps": "10",
        "steps.3.pieces": "3",
        "steps.3.percent_bps": "101",
    }
    with pytest.raises(Invalid) as refused:
        checked_rule(
            "quantity_ladder", read_fields(fields_of(RULES["quantity_ladder"]), typed, "CNY")
        )
    assert set(refused.value.fields) == {"steps.1.percent_bps"}
    moved = at_typed_rows(fields_of(RULES["quantity_ladder"]), typed, refused.value.fields)
    assert set(moved) == {"steps.3.percent_bps"}


def test_terms_come_back_as_they_were_typed() -> None:
    terms = Terms(
        "满赠",
        Conditions(
            products=ProductSet(("a", "b"), ("green tea",), ("Lu",), ("new",), ("c",)),
            tiers=("Champions",),
            regions=("浙江", "上海"),
            except_regions=("新疆",),
            hours=(Hours(600, 720), Hours(22 * 60, 60)),
            is_first_order=True,
            code="TIDE11",
            is_issued=True,
            min_money_minor=9_900,
            min_pieces=2,
        ),
        Stacking(excludes=("lane:coupon", "rul_1"), combines=("rul_2",), after=("rul_2",)),
        Limits(per_customer=1, total=500, money_minor=100_000),
    )
    assert read_terms(values_of_terms(terms, "CNY"), "CNY") == terms


@pytest.mark.parametrize("text", ["10", "25:00-26:00", "10:00", "10:00-12:70", "a-b"])
def test_hours_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_terms({"conditions.hours": text}, "CNY")
    assert set(refused.value.fields) == {"conditions.hours"}
