"""How tiers look: their names in the order of worth, and a colour for each."""

from springtide.analytics.rfm import SEGMENT_NAMES

#: Colours of Tabler's light badges; warm where a customer is about to be lost.
COLOURS = {
    "Champions": "green",
    "Potential Loyalist": "teal",
    "Loyal Customers": "cyan",
    "Promising": "azure",
    "New Customers": "blue",
    "Can't Lose Them": "red",
    "At Risk": "orange",
    "Need Attention": "yellow",
    "About To Sleep": "purple",
    "Lost": "secondary",
    "Others": "secondary",
}

__all__ = ["COLOURS", "SEGMENT_NAMES"]
