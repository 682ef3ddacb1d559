"""Orders placed."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class Orders(Counted):
    """Orders placed."""

    kind = "orders"
    label = N_("Orders placed")
    unit = Unit.COUNT
    trade_key = ""
    definition = N_("Distinct orders placed in the period, paid or not.")
    behind = "kind = 'order'"
    distinct = "order_key"
