"""An order was closed unpaid."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class OrderClosed(EventKind):
    """An order was closed unpaid."""

    kind = "order_closed"
    label = N_("Order closed unpaid")
    plural = N_("Orders closed unpaid")
    place = 4
    row = N_("an order closed unpaid")
