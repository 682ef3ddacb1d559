"""Returning buyers."""

from springtide.domain.board.model import Buyers, Unit
from springtide.kit.errors import N_


class ReturningBuyers(Buyers):
    """Returning buyers."""

    kind = "returning_buyers"
    label = N_("Returning buyers")
    unit = Unit.PEOPLE
    trade_key = "payOldByrCnt"
    definition = N_(
        "Paying buyers with at least one payment in the 365 days before the first day of the "
        "period."
    )
    behind = "kind = 'payment'"
    has_bought_before = True
