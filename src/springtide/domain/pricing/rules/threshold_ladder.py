"""满减: spend so much, get so much off; the best step reached applies, once."""

import itertools
from collections.abc import Sequence
from typing import ClassVar

import msgspec

from springtide.domain.pricing.model import NextStep, Offer, PricedLine, Reason
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX

STEPS_MAX = 10
# A discount of more than this part of its threshold is a slip of the keyboard, not a sale.
_DISCOUNT_BPS_MAX = 9_000


class NoSteps(Refusal):
    """A ladder without a step."""

    code = "ladder_empty"
    text = N_("A ladder needs at least one step.")


class TooManySteps(Refusal):
    """A ladder nobody can read."""

    code = "ladder_too_long"
    text = N_("A ladder may have {limit} steps; this one has {count}.")


class StepNotPositive(Refusal):
    """A threshold or discount of zero or less, or too large to be money."""

    code = "ladder_step_amount"
    text = N_("Threshold and discount must be above zero and below {limit}.")


class StepEatsPrice(Refusal):
    """A discount that takes (nearly) the whole threshold."""

    code = "ladder_discount_too_high"
    text = N_("The discount may be at most {percent}% of its threshold.")


class StepRepeats(Refusal):
    """Two steps with one threshold."""

    code = "ladder_threshold_repeats"
    text = N_("Another step has the same threshold.")


class StepGivesLess(Refusal):
    """A higher step that does not give more."""

    code = "ladder_step_gives_less"
    text = N_("This step asks for more than the one before and does not give more.")


class NoProducts(Refusal):
    """A product set that is named but empty."""

    code = "ladder_no_products"
    text = N_("Name at least one product, or let the ladder hold for the whole shop.")


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From ``threshold_minor`` on, ``discount_minor`` off."""

    threshold_minor: int
    discount_minor: int


class ThresholdLadder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steps of money spent and money off, on the whole cart or on a set of products."""

    kind: ClassVar[str] = "threshold_ladder"
    title: ClassVar[str] = N_("Spend and save (threshold ladder)")

    steps: tuple[Step, ...]
    products: tuple[str, ...] | None = None

    def problems(self) -> dict[str, Refusal]:
        """Return what is wrong, by field: ``steps`` or ``steps.<index>.<name>``."""
        if self.products is not None and not self.products:
            return {"products": NoProducts()}
        if not self.steps:
            return {"steps": NoSteps()}
        if len(self.steps) > STEPS_MAX:
            return {"steps": TooManySteps(limit=STEPS_MAX, count=len(self.steps))}
        problems: dict[str, Refusal] = {}
        for index, step in enumerate(self.steps):
            problems.update(_step_problems(index, step))
        return problems or self._order_problems()

    def _order_problems(self) -> dict[str, Refusal]:
        order = sorted(range(len(self.steps)), key=lambda i: self.steps[i].threshold_minor)
        problems: dict[str, Refusal] = {}
        for lower, higher in itertools.pairwise(order):
            if self.steps[lower].threshold_minor == self.steps[higher].threshold_minor:
                problems[f"steps.{higher}.threshold_minor"] = StepRepeats()
            elif self.steps[higher].discount_minor <= self.steps[lower].discount_minor:
                problems[f"steps.{higher}.discount_minor"] = StepGivesLess()
        return problems

    def offer(self, lines: Sequence[PricedLine]) -> Offer:
        """Return the best step reached by the lines' money, and what the next one would take."""
        named = None if self.products is None else frozenset(self.products)
        inside = tuple(
            index for index, line in enumerate(lines) if named is None or line.product_key in named
        )
        if not inside:
            return Offer(0, (), Reason("no_product", 0, 1))
        spent = sum(lines[index].gross_minor for index in inside)
        reached, next_step = 0, None
        for step in sorted(self.steps, key=lambda step: step.threshold_minor):
            if step.threshold_minor > spent:
                missing = step.threshold_minor - spent
                next_step = NextStep(missing, step.discount_minor - reached)
                break
            reached = step.discount_minor
        if reached:
            return Offer(reached, inside, None, next_step)
        needed = min(step.threshold_minor for step in self.steps)
        return Offer(0, inside, Reason("below_threshold", spent, needed), next_step)


def _step_problems(index: int, step: Step) -> dict[str, Refusal]:
    problems: dict[str, Refusal] = {}
    for name in ("threshold_minor", "discount_minor"):
        if not 0 < getattr(step, name) <= AMOUNT_MINOR_MAX:
            problems[f"steps.{index}.{name}"] = StepNotPositive(limit=AMOUNT_MINOR_MAX)
    if not problems and step.discount_minor * 10_000 > step.threshold_minor * _DISCOUNT_BPS_MAX:
        refusal = StepEatsPrice(percent=_DISCOUNT_BPS_MAX // 100)
        problems[f"steps.{index}.discount_minor"] = refusal
    return problems
