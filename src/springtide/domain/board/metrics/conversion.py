"""Conversion."""

from springtide.domain.board.metrics.paying_buyers import PayingBuyers
from springtide.domain.board.metrics.visitors import Visitors
from springtide.domain.board.model import Ratio, Unit
from springtide.kit.errors import N_


class Conversion(Ratio):
    """Conversion."""

    kind = "conversion"
    label = N_("Conversion")
    unit = Unit.BPS
    trade_key = "payRate"
    definition = N_(
        "Paying buyers divided by visitors of the same period. It can exceed 100% where "
        "people pay for carts filled before."
    )
    behind = "kind in ('payment', 'view')"
    over = PayingBuyers
    under = Visitors
    scale = 10_000
