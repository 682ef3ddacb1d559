"""Page views."""

from springtide.domain.board.model import Counted, Unit
from springtide.kit.errors import N_


class PageViews(Counted):
    """Page views."""

    kind = "page_views"
    label = N_("Page views")
    unit = Unit.COUNT
    trade_key = "pv"
    definition = N_("Visits to pages in the period, each one counted.")
    behind = "kind = 'view'"
    total = "1"
