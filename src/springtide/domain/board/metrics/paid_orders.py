"""Orders paid."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class PaidOrders(Counted):
    """Orders paid."""

    kind = "paid_orders"
    label = N_("Orders paid")
    unit = Unit.COUNT
    trade_key = ""
    definition = N_("Distinct orders paid in the period.")
    behind = "kind = 'payment'"
    distinct = "order_key"
