"""A coupon, packet or points were spent."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Redeemed(EventKind):
    """A coupon, packet or points were spent."""

    kind = "redemption"
    label = N_("Redemption")
    plural = N_("Redemptions")
