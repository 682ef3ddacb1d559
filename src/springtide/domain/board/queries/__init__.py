"""Reads: a period's metrics, the live snapshot, the review, the facts behind a number."""

from springtide.domain.board.queries.live import Snapshots, snapshot
from springtide.domain.board.queries.numbers import day_window, definition_sql, facts_behind, values

__all__ = ["Snapshots", "day_window", "definition_sql", "facts_behind", "snapshot", "values"]
