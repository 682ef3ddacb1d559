"""How far rewards and claims came, and what claims give, with their words."""

from enum import StrEnum

from springtide.kit.errors import N_


class RewardState(StrEnum):
    """How far a reward came. What is published is frozen, but for stopping it."""

    DRAFT = "draft"
    PUBLISHED = "published"
    STOPPED = "stopped"


#: A reward, by its window.
REWARD_STATES = {
    "draft": N_("Draft"),
    "scheduled": N_("Opens soon"),
    "live": N_("Open"),
    "ended": N_("Over"),
    "closed": N_("Stopped"),
}


class ClaimState(StrEnum):
    """What became of a claim: held, waiting for an order to be paid, used, or over.

    A presale whose deposit is paid waits for its balance.
    """

    HELD = "held"
    DEPOSITED = "deposited"
    RESERVED = "reserved"
    USED = "used"
    OVER = "over"


#: A claim.
CLAIM_STATES = {
    "held": N_("Held"),
    "deposited": N_("Deposit paid"),
    "reserved": N_("In an unpaid order"),
    "used": N_("Used"),
    "over": N_("Over"),
}

#: What a claim gives.
GRANTED = {
    "coupon": N_("Coupon"),
    "packet": N_("Red packet"),
    "points": N_("Points"),
    "flash": N_("Flash stock"),
    "group": N_("Place in a group"),
    "presale": N_("Presale"),
    "tickets": N_("Draw tickets"),
    "gift": N_("Gift"),
    "free_order": N_("Free order"),
    "nothing": N_("Nothing"),
}
