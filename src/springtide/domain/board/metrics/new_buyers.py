"""New buyers."""

from springtide.domain.board.model import Buyers, Unit
from springtide.kit.errors import N_


class NewBuyers(Buyers):
    """New buyers."""

    kind = "new_buyers"
    label = N_("New buyers")
    unit = Unit.PEOPLE
    trade_key = "newPayByrCnt"
    definition = N_(
        "Paying buyers without any payment in the 365 days before the first day of the period."
    )
    behind = "kind = 'payment'"
    has_bought_before = False
