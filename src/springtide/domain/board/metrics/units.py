"""Units paid."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class Units(Counted):
    """Units paid."""

    kind = "units"
    label = N_("Units paid")
    unit = Unit.COUNT
    trade_key = ""
    definition = N_("Pieces of the lines paid in the period.")
    behind = "kind = 'payment'"
    total = "quantity"
