"""A kind of event."""

from springtide.domain.facts.event_kind import EventKind


class Wished(EventKind):
    """A visitor asked to be told when a product is back."""

    kind = "wish"
    label = "Wish"
    plural = "Wishes"
    is_sent = True
    row = "a wish"
    words = ("back_in_stock",)
    task = "wishes"
    who = "Who wished"
