"""A line of an order was placed."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Ordered(EventKind):
    """A line of an order was placed."""

    kind = "order"
    label = N_("Order")
    plural = N_("Order lines")
    place = 1
    row = N_("a line of an order")
    words = ("buy", "purchase", "下单", "购买")
