"""The shop wrote to a customer."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class MessageSent(EventKind):
    """The shop wrote to a customer."""

    kind = "message"
    label = N_("Message")
    plural = N_("Messages")
    place = 8
    row = N_("a message sent")
    is_ours = True
