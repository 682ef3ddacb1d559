"""Money of a line was paid back; its amount is positive."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Refunded(EventKind):
    """Money of a line was paid back; its amount is positive."""

    kind = "refund"
    label = N_("Refund")
    plural = N_("Refunds")
    place = 3
    row = N_("a refund")
    words = ("return", "退款")
