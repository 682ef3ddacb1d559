"""A line of an order was paid."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Paid(EventKind):
    """A line of an order was paid."""

    kind = "payment"
    label = N_("Payment")
    plural = N_("Payments")
    place = 2
    row = N_("a payment")
    words = ("pay", "paid", "支付")
    who = N_("Who bought")
