"""Reads: a period's metrics, the live snapshot, the review, the facts behind a number."""

from springtide.domain.board.queries.daily import daily, days_window, top_products
from springtide.domain.board.queries.live import Snapshots, snapshot
from springtide.domain.board.queries.lookback import Review, review
from springtide.domain.board.queries.numbers import day_window, definition_sql, facts_behind, values

__all__ = [
    "Review",
    "Snapshots",
    "daily",
    "day_window",
    "days_window",
    "definition_sql",
    "facts_behind",
    "review",
    "snapshot",
    "top_products",
    "values",
]
