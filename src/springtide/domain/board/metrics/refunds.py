"""Refunded money."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class Refunds(Counted):
    """Refunded money."""

    kind = "refunds"
    label = N_("Refunded money")
    unit = Unit.MONEY
    trade_key = "rfdSucAmt"
    definition = N_(
        "Money refunded in the period, by the day the refund succeeded, whenever the order "
        "was paid."
    )
    behind = "kind = 'refund'"
    total = "amount_minor"
