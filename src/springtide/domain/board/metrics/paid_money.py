"""Paid money."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class PaidMoney(Counted):
    """Paid money."""

    kind = "paid_money"
    label = N_("Paid money")
    unit = Unit.MONEY
    trade_key = "payAmt"
    definition = N_(
        "Money paid in the period, a presale with its deposit on the day of the balance. Refunds "
        "are not deducted."
    )
    behind = "kind = 'payment'"
    total = "amount_minor"
