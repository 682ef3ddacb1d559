"""A metric."""

from springtide.domain.board.model import PERSON, Counted, Unit


class Wishes(Counted):
    """People who wished."""

    kind = "wishes"
    label = "People who wished"
    unit = Unit.PEOPLE
    trade_key = "wishByrCnt"
    definition = "Distinct people who asked to be told when a product is back."
    behind = "kind = 'wish'"
    distinct = PERSON
