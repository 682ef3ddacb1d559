"""A number that a platform worked out."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Measured(EventKind):
    """A number that a platform worked out.

    ``reference`` names it, ``source`` whose it is, and it stands at the start of its period: money
    in ``amount_minor``, counts in ``quantity``, rates in basis points there.
    """

    kind = "measure"
    label = N_("Platform number")
    plural = N_("Platform numbers")
