"""What parameters of promotion rules may be: the refusals that several kinds share."""

from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX

#: All of it, in basis points.
WHOLE_BPS = 10_000
#: Pieces that one rule may count to.
PIECES_MAX = 1_000
STEPS_MAX = 10


class AmountOutOfRange(Refusal):
    """An amount of zero or less, or too large to be money."""

    code = "rule_amount"
    text = N_("The amount must be above zero and below {limit} minor units.")


class PercentOutOfRange(Refusal):
    """A percentage that is none."""

    code = "rule_percent"
    text = N_("The percentage must be above 0 and at most {limit}.")


class PiecesOutOfRange(Refusal):
    """A number of pieces that no rule counts to."""

    code = "rule_pieces"
    text = N_("The number of pieces must be from {least} to {limit}.")


class NoSteps(Refusal):
    """A ladder without a step."""

    code = "ladder_empty"
    text = N_("A ladder needs at least one step.")


class TooManySteps(Refusal):
    """A ladder nobody can read."""

    code = "ladder_too_long"
    text = N_("A ladder may have {limit} steps; this one has {count}.")


class StepRepeats(Refusal):
    """Two steps with one threshold."""

    code = "ladder_threshold_repeats"
    text = N_("Another step has the same threshold.")


class StepGivesLess(Refusal):
    """A higher step that does not give more."""

    code = "ladder_step_gives_less"
    text = N_("This step asks for more than the one before and does not give more.")


class DiscountTooHigh(Refusal):
    """A discount that takes (nearly) the whole threshold."""

    code = "ladder_discount_too_high"
    text = N_("The discount may be at most {percent}% of its threshold.")


# A discount of more than this part of its threshold is a slip of the keyboard, not a sale.
_DISCOUNT_BPS_MAX = 9_000


def amount(value: int) -> Refusal | None:
    """Refuse what is no amount above zero."""
    return None if 0 < value <= AMOUNT_MINOR_MAX else AmountOutOfRange(limit=AMOUNT_MINOR_MAX)


def percent(value_bps: int, *, most_bps: int = WHOLE_BPS) -> Refusal | None:
    """Refuse a rate of zero or less, or above what it may be."""
    return None if 0 < value_bps <= most_bps else PercentOutOfRange(limit=most_bps // 100)


def pieces(value: int, *, least: int = 1) -> Refusal | None:
    """Refuse a number of pieces that no rule counts to."""
    if least <= value <= PIECES_MAX:
        return None
    return PiecesOutOfRange(least=least, limit=PIECES_MAX)


def discount_of(discount_minor: int, threshold_minor: int) -> Refusal | None:
    """Refuse a discount that leaves almost nothing of the money that earns it."""
    if threshold_minor and discount_minor * WHOLE_BPS > threshold_minor * _DISCOUNT_BPS_MAX:
        return DiscountTooHigh(percent=_DISCOUNT_BPS_MAX // 100)
    return None


def found(**problems: Refusal | None) -> dict[str, Refusal]:
    """Return the problems there are, by field."""
    return {field: problem for field, problem in problems.items() if problem}
