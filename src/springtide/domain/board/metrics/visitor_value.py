"""Value per visitor."""

from springtide.domain.board.metrics.paid_money import PaidMoney
from springtide.domain.board.metrics.visitors import Visitors
from springtide.domain.board.model import Ratio, Unit
from springtide.kit.errors import N_


class VisitorValue(Ratio):
    """Value per visitor."""

    kind = "visitor_value"
    label = N_("Value per visitor")
    unit = Unit.MONEY
    trade_key = "uvValue"
    definition = N_("Paid money divided by visitors (UV 价值).")
    behind = "kind in ('payment', 'view')"
    over = PaidMoney
    under = Visitors
