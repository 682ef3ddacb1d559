"""From a campaign to what the board needs of it."""

from springtide.domain.board.model import DayPlan
from springtide.domain.campaigns.model import Campaign


def plan_of(campaign: Campaign) -> DayPlan:
    """Return a campaign's day, when its warm-up began, and its goals by metric."""
    goals = {
        "paid_money": campaign.goals.paid_minor,
        "paying_buyers": campaign.goals.buyers,
        "units": campaign.goals.units,
    }
    return DayPlan(
        day=campaign.day,
        began_on=campaign.whole.starts_at.astimezone(campaign.tz).date(),
        goals={kind: target for kind, target in goals.items() if target > 0},
    )
