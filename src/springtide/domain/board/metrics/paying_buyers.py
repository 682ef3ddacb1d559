"""Paying buyers."""

from springtide.domain.board.model import PERSON, Counted, Unit
from springtide.kit.errors import N_


class PayingBuyers(Counted):
    """Paying buyers."""

    kind = "paying_buyers"
    label = N_("Paying buyers")
    unit = Unit.PEOPLE
    trade_key = "payByrCnt"
    definition = N_("Distinct people who paid in the period.")
    behind = "kind = 'payment'"
    distinct = PERSON
