"""People who added to cart."""

from springtide.domain.board.model import PERSON, Counted, Unit
from springtide.kit.errors import N_


class Carts(Counted):
    """People who added to cart."""

    kind = "carts"
    label = N_("People who added to cart")
    unit = Unit.PEOPLE
    trade_key = "cartByrCnt"
    definition = N_(
        "Distinct people who newly put a product into the cart in the period. Removing or "
        "buying it later does not reduce the number."
    )
    behind = "kind = 'cart'"
    distinct = PERSON
