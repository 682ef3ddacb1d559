"""A visitor put a product into the cart."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Carted(EventKind):
    """A visitor put a product into the cart."""

    kind = "cart"
    label = N_("Cart")
    plural = N_("Carts")
    place = 7
    is_sent = True
    row = N_("a product put into the cart")
    words = ("add_to_cart", "addtocart", "加购", "加入购物车")
    task = N_("adds to the cart")
    who = N_("Who filled a cart")
