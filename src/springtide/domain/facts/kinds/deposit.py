"""A presale's deposit was paid."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Deposited(EventKind):
    """A presale's deposit was paid."""

    kind = "deposit"
    label = N_("Deposit")
    plural = N_("Deposits")
