"""A product was entered for a platform's campaign at a price."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class CampaignEntered(EventKind):
    """A product was entered for a platform's campaign at a price."""

    kind = "entry"
    label = N_("Campaign entry")
    plural = N_("Campaign entries")
