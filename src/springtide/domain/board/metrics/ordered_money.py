"""Ordered money."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class OrderedMoney(Counted):
    """Ordered money."""

    kind = "ordered_money"
    label = N_("Ordered money")
    unit = Unit.MONEY
    trade_key = ""
    definition = N_("What the orders placed in the period come to after discounts, paid or not.")
    behind = "kind = 'order'"
    total = "amount_minor"
