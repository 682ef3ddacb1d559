"""满件折: the more pieces, the more percent off (满 2 件 9 折, 3 件 8 折)."""

import itertools
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.model import Buyer
from springtide.domain.pricing.rule import Asks, Compiled, Lane, OnMoney, PerLine, unit
from springtide.domain.pricing.steps import Curve, Step
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import share_bps


class PieceStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From so many pieces on, so many percent off."""

    pieces: Annotated[int, unit(N_("From pieces"), "pieces")]
    percent_bps: Annotated[int, unit(N_("Percent off"), "percent")]


class QuantityLadder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Steps of pieces and percentages."""

    kind: ClassVar[str] = "quantity_ladder"
    title: ClassVar[str] = N_("Quantity ladder")
    about: ClassVar[str] = N_("The more pieces, the more percent off.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    steps: Annotated[tuple[PieceStep, ...], unit(N_("Steps"), "steps")]
    is_mixed: Annotated[bool, unit(N_("Count different products together"), "choice")] = True

    def problems(self) -> dict[str, Refusal]:
        """Refuse steps that repeat, give less, or are out of range."""
        if not self.steps:
            return {"steps": checks.NoSteps()}
        if len(self.steps) > checks.STEPS_MAX:
            return {"steps": checks.TooManySteps(limit=checks.STEPS_MAX, count=len(self.steps))}
        problems: dict[str, Refusal] = {}
        for index, step in enumerate(self.steps):
            if problem := checks.pieces(step.pieces):
                problems[f"steps.{index}.pieces"] = problem
            if problem := checks.percent(step.percent_bps):
                problems[f"steps.{index}.percent_bps"] = problem
        order = sorted(range(len(self.steps)), key=lambda i: self.steps[i].pieces)
        for lower, higher in itertools.pairwise(order):
            if self.steps[lower].pieces == self.steps[higher].pieces:
                problems.setdefault(f"steps.{higher}.pieces", checks.StepRepeats())
            elif self.steps[higher].percent_bps <= self.steps[lower].percent_bps:
                problems.setdefault(f"steps.{higher}.percent_bps", checks.StepGivesLess())
        return problems

    def products_named(self) -> tuple[str, ...]:
        """No product by name."""
        return ()

    def compiled(self) -> Compiled:
        """On the money of all lines in the shop's lane, or off each line by itself."""
        steps = sorted((step.pieces, step.percent_bps) for step in self.steps)

        def rate(count: int) -> int:
            reached = 0
            for pieces, bps in steps:
                if pieces > count:
                    break
                reached = bps
            return reached

        def off(net: int, quantity: int, key: str, buyer: Buyer) -> int:
            return share_bps(net, rate(quantity))

        def curve(pieces: int, points: int, held: int) -> Curve:
            bps = rate(pieces)
            return (Step(0, bps=bps),) if bps else ()

        def more(count: int) -> int:
            return next((pieces - count for pieces, _ in steps if pieces > count), 0)

        if self.is_mixed:
            return OnMoney(Lane.SHOP, curve, steps[0][0], more=more)
        return PerLine(off, steps[0][0], more)
