"""Items per order."""

from springtide.domain.board.metrics.paid_orders import PaidOrders
from springtide.domain.board.metrics.units import Units
from springtide.domain.board.model import Ratio, Unit
from springtide.kit.errors import N_


class ItemsPerOrder(Ratio):
    """Items per order."""

    kind = "items_per_order"
    label = N_("Items per order")
    unit = Unit.RATIO
    trade_key = "cartOrderRate"
    definition = N_("Units paid divided by orders paid (连带率).")
    behind = "kind = 'payment'"
    over = Units
    under = PaidOrders
    scale = 10_000
