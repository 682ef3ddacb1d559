"""A visitor saw a product or a page."""

from springtide.domain.facts.event_kind import EventKind
from springtide.kit.errors import N_


class Viewed(EventKind):
    """A visitor saw a product or a page."""

    kind = "view"
    label = N_("View")
    plural = N_("Views")
    place = 5
    is_sent = True
    row = N_("a view")
    words = ("pv", "page_view", "pageview", "click_item", "浏览")
    task = N_("views")
