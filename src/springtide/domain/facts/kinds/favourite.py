"""A visitor marked a product to find it again."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Favourited(EventKind):
    """A visitor marked a product to find it again."""

    kind = "favourite"
    label = N_("Favourite")
    plural = N_("Favourites")
    place = 6
    is_sent = True
    row = N_("a favourite")
    words = ("fav", "favorite", "wishlist", "收藏")
    task = N_("favourites")
    who = N_("Who favourited")
