"""A ladder that cannot be meant is refused, by field."""

from typing import Any

import pytest

from springtide.domain.pricing.rules import UnknownRule, checked_rule
from springtide.kit.errors import Invalid


def refused(*steps: tuple[int, int], **more: Any) -> dict[str, str]:
    """Return the codes by field with which a ladder is refused."""
    params = {
        "steps": [{"threshold_minor": t, "discount_minor": d} for t, d in steps],
        **more,
    }
    with pytest.raises(Invalid) as refusal:
        checked_rule("threshold_ladder", params)
    return {field: problem.code for field, problem in refusal.value.fields.items()}


def test_a_ladder_that_rises_is_accepted_in_any_order() -> None:
    steps = [(29_900, 2_000), (6_000, 300), (16_900, 1_000)]
    params = {"steps": [{"threshold_minor": t, "discount_minor": d} for t, d in steps]}
    assert checked_rule("threshold_ladder", params)


@pytest.mark.parametrize(
    ("steps", "field", "code"),
    [
        ([], "steps", "ladder_empty"),
        ([(100, 10)] * 11, "steps", "ladder_too_long"),
        ([(100, 10), (100, 20)], "steps.1.threshold_minor", "ladder_threshold_repeats"),
        ([(100, 10), (200, 10)], "steps.1.discount_minor", "ladder_step_gives_less"),
        ([(200, 5), (100, 10)], "steps.0.discount_minor", "ladder_step_gives_less"),
        ([(100, 91)], "steps.0.discount_minor", "ladder_discount_too_high"),
        ([(100, 100)], "steps.0.discount_minor", "ladder_discount_too_high"),
        ([(-100, 10)], "steps.0.threshold_minor", "rule_amount"),
        ([(100, 0)], "steps.0.discount_minor", "ladder_step_kind"),
        ([(10**16, 10)], "steps.0.threshold_minor", "rule_amount"),
    ],
)
def test_a_ladder_that_cannot_be_meant_is_refused(
    steps: list[tuple[int, int]], field: str, code: str
) -> None:
    assert refused(*steps)[field] == code


def test_unknown_fields_and_texts_for_numbers_are_refused_by_field() -> None:
    assert refused((100, 10), surprise=1) == {"params": "bad_rule_params"}
    wrong = refused((100, "ten"))  # type: ignore[arg-type]
    assert wrong == {"steps.0.discount_minor": "bad_rule_params"}


def test_a_ladder_repeats_with_one_step_of_an_amount_only() -> None:
    assert refused((100, 10), (200, 30), times_max=3) == {"times_max": "ladder_repeat"}


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownRule):
        checked_rule("<script>", {})
