"""A customer followed the link of a message."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Clicked(EventKind):
    """A customer followed the link of a message."""

    kind = "click"
    label = N_("Click")
    plural = N_("Clicks")
    place = 9
    is_sent = True
    row = N_("a click in a message")
