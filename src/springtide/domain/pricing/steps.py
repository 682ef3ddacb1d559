"""Steps of a discount over money, by rising threshold."""


class Step:
    """From ``threshold`` (minor units) on: ``flat`` off, or ``bps`` of the money up to ``cap``.

    ``every`` gives ``flat`` for each full threshold, at most ``every`` times, from ``least`` on.
    ``starts`` is the money from which on the step counts.
    """

    __slots__ = ("bps", "cap", "every", "flat", "least", "starts", "threshold")

    def __init__(
        self,
        threshold: int,
        flat: int = 0,
        bps: int = 0,
        cap: int | None = None,
        every: int = 0,
        least: int = 0,
    ) -> None:
        self.threshold, self.flat, self.bps, self.cap = threshold, flat, bps, cap
        self.every, self.least = every, least
        self.starts = threshold if threshold > least else least

    def amount(self, base: int) -> int:
        """Return the discount on some money that reaches the threshold, half rounded up."""
        if self.every:
            times = base // self.threshold
            return self.flat * (times if times < self.every else self.every)
        if not self.bps:
            return self.flat
        amount = (base * self.bps * 2 + 10_000) // 20_000
        return amount if self.cap is None or amount < self.cap else self.cap


#: Steps by rising threshold; the highest reached one counts.
Curve = tuple[Step, ...]


def raised(curve: Curve, least: int) -> Curve:
    """Return a curve that begins at the least money.

    Of the steps below it the highest is kept; one that repeats keeps its threshold, too.
    """
    below = [step for step in curve if step.threshold < least]
    last = below[-1] if below else None
    steps = []
    for step in curve:
        if step.every:
            steps.append(Step(step.threshold, step.flat, every=step.every, least=least))
        elif step.threshold >= least or step is last:
            threshold = max(step.threshold, least)
            steps.append(Step(threshold, step.flat, step.bps, step.cap))
    return tuple(steps)
