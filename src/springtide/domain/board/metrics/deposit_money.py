"""Deposits paid."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class DepositMoney(Counted):
    """Deposits paid."""

    kind = "deposit_money"
    label = N_("Deposits paid")
    unit = Unit.MONEY
    trade_key = "sumPayDepositAmt"
    definition = N_(
        "Deposits of presales paid in the period. They count as paid money on the day on which "
        "the balance is paid."
    )
    behind = "kind = 'deposit'"
    total = "amount_minor"
