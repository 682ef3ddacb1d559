"""A customer wants no more messages; noted by whoever was told."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class OptedOut(EventKind):
    """A customer wants no more messages; noted by whoever was told."""

    kind = "opt_out"
    label = N_("Opt-out")
    plural = N_("Opt-outs")
    place = 10
    row = N_("an opt-out")
    is_ours = True
