"""A customer took a reward."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Claimed(EventKind):
    """A customer took a reward."""

    kind = "claim"
    label = N_("Claim")
    plural = N_("Claims")
