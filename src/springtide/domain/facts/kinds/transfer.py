"""Something scarce moved in the ledger."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Transferred(EventKind):
    """Something scarce moved in the ledger."""

    kind = "transfer"
    label = N_("Ledger movement")
    plural = N_("Ledger movements")
