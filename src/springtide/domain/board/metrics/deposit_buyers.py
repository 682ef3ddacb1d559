"""People who paid a deposit."""

from springtide.domain.board.model import PERSON, Counted, Unit
from springtide.kit.errors import N_


class DepositBuyers(Counted):
    """People who paid a deposit."""

    kind = "deposit_buyers"
    label = N_("People who paid a deposit")
    unit = Unit.PEOPLE
    trade_key = "sumPayDepositByrCnt"
    definition = N_("Distinct people who paid the deposit of a presale in the period.")
    behind = "kind = 'deposit'"
    distinct = PERSON
