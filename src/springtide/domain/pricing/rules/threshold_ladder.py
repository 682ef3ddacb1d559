"""满减: spend so much, get so much (or so many percent) off; the best step reached applies."""

import itertools
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.rule import Asks, Compiled, Lane, OnMoney, unit
from springtide.domain.pricing.steps import Curve
from springtide.domain.pricing.steps import Step as CurveStep
from springtide.kit.errors import N_, Refusal


class StepOfTwoKinds(Refusal):
    """A step with both, or neither, of an amount and a percentage."""

    code = "ladder_step_kind"
    text = N_("A step takes off either an amount or a percentage.")


class MixedSteps(Refusal):
    """Amounts and percentages in one ladder: which step gives more would depend on the cart."""

    code = "ladder_mixed"
    text = N_("All steps take off amounts, or all take off percentages.")


class RepeatNeedsOneStep(Refusal):
    """A ladder that repeats and has several steps."""

    code = "ladder_repeat"
    text = N_("A ladder that repeats for every threshold has one step, of an amount.")


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """From ``threshold_minor`` on, ``discount_minor`` or ``percent_bps`` off."""

    threshold_minor: Annotated[int, unit(N_("From"), "money")]
    discount_minor: Annotated[int, unit(N_("Money off"), "money")] = 0
    percent_bps: Annotated[int, unit(N_("Percent off"), "percent")] = 0


class ThresholdLadder(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Steps of money spent and money off; ``times_max`` above 0 repeats the one step."""

    kind: ClassVar[str] = "threshold_ladder"
    title: ClassVar[str] = N_("Spend and save (threshold ladder)")
    about: ClassVar[str] = N_("Spend so much, get so much off; the best step reached applies.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    steps: Annotated[tuple[Step, ...], unit(N_("Steps"), "steps")]
    times_max: Annotated[
        int, unit(N_("For every threshold, at most times (0: once)"), "pieces")
    ] = 0

    def problems(self) -> dict[str, Refusal]:
        """Return what is wrong, by field: ``steps`` or ``steps.<index>.<name>``."""
        if not self.steps:
            return {"steps": checks.NoSteps()}
        if len(self.steps) > checks.STEPS_MAX:
            return {"steps": checks.TooManySteps(limit=checks.STEPS_MAX, count=len(self.steps))}
        problems = checks.found(times_max=checks.pieces(self.times_max, least=0))
        for index, step in enumerate(self.steps):
            problems.update(_step_problems(index, step))
        if self.times_max and (len(self.steps) > 1 or self.steps[0].percent_bps):
            problems["times_max"] = RepeatNeedsOneStep()
        if len({bool(step.percent_bps) for step in self.steps}) > 1:
            problems["steps"] = MixedSteps()
        return problems or self._order_problems()

    def _order_problems(self) -> dict[str, Refusal]:
        order = sorted(range(len(self.steps)), key=lambda i: self.steps[i].threshold_minor)
        problems: dict[str, Refusal] = {}
        for lower, higher in itertools.pairwise(order):
            below, above = self.steps[lower], self.steps[higher]
            name = "percent_bps" if above.percent_bps else "discount_minor"
            if below.threshold_minor == above.threshold_minor:
                problems[f"steps.{higher}.threshold_minor"] = checks.StepRepeats()
            elif getattr(above, name) <= getattr(below, name):
                problems[f"steps.{higher}.{name}"] = checks.StepGivesLess()
        return problems

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """On the money of the rule's lines, in the shop's lane."""
        steps = tuple(
            CurveStep(
                step.threshold_minor,
                step.discount_minor,
                step.percent_bps,
                every=self.times_max,
            )
            for step in sorted(self.steps, key=lambda step: step.threshold_minor)
        )

        def curve(pieces: int, points: int, held: int) -> Curve:
            return steps

        return OnMoney(Lane.SHOP, curve)


def _step_problems(index: int, step: Step) -> dict[str, Refusal]:
    here = f"steps.{index}"
    if bool(step.discount_minor) == bool(step.percent_bps):
        return {f"{here}.discount_minor": StepOfTwoKinds()}
    problems = {f"{here}.threshold_minor": checks.amount(step.threshold_minor)}
    if step.percent_bps:
        problems[f"{here}.percent_bps"] = checks.percent(step.percent_bps)
    else:
        problems[f"{here}.discount_minor"] = checks.amount(
            step.discount_minor
        ) or checks.discount_of(step.discount_minor, step.threshold_minor)
    return checks.found(**problems)
