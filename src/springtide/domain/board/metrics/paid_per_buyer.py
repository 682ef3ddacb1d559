"""Paid per buyer."""

from springtide.domain.board.metrics.paid_money import PaidMoney
from springtide.domain.board.metrics.paying_buyers import PayingBuyers
from springtide.domain.board.model import Ratio, Unit
from springtide.kit.errors import N_


class PaidPerBuyer(Ratio):
    """Paid per buyer."""

    kind = "paid_per_buyer"
    label = N_("Paid per buyer")
    unit = Unit.MONEY
    trade_key = "payPct"
    definition = N_("Paid money divided by paying buyers (客单价: per buyer, not per order).")
    behind = "kind = 'payment'"
    over = PaidMoney
    under = PayingBuyers
