"""Visitors."""

from springtide.domain.board.model import PERSON, Counted, Unit
from springtide.kit.errors import N_


class Visitors(Counted):
    """Visitors."""

    kind = "visitors"
    label = N_("Visitors")
    unit = Unit.PEOPLE
    trade_key = "uv"
    definition = N_(
        "Distinct people who viewed a page of the shop in the period. A known customer counts "
        "once, whatever the device. Days do not add up: who comes on two days is one visitor "
        "of both."
    )
    behind = "kind = 'view'"
    distinct = PERSON
