"""People who favourited."""

from springtide.domain.board.model import PERSON, Counted, Unit
from springtide.kit.errors import N_


class Favourites(Counted):
    """People who favourited."""

    kind = "favourites"
    label = N_("People who favourited")
    unit = Unit.PEOPLE
    trade_key = "itemCltByrCnt"
    definition = N_(
        "Distinct people who newly marked a product as favourite in the period. Removing it "
        "later does not reduce the number."
    )
    behind = "kind = 'favourite'"
    distinct = PERSON
