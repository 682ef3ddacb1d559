"""A shop's days, one after the other: what the overview's trend shows."""

from collections.abc import Sequence
from datetime import date, time, timedelta

from springtide.domain.access.model import Shop
from springtide.domain.board import store
from springtide.domain.board.model import ProductLine
from springtide.domain.board.ports import FactRows
from springtide.kit.time import Window, at_wall_time


def days_window(shop: Shop, last: date, count: int) -> Window:
    """Return the ``count`` days of a shop that end with ``last``, as a half-open window."""
    first = last - timedelta(days=count - 1)
    return Window(
        at_wall_time(first, time(), shop.tz),
        at_wall_time(last + timedelta(days=1), time(), shop.tz),
    )


def daily(
    reader: FactRows, *, shop: Shop, last: date, count: int, kinds: Sequence[str]
) -> dict[date, dict[str, int]]:
    """Return counted metrics for each of the ``count`` days that end with ``last``; 0 where none.

    Distinct people are distinct within their day.
    """
    metrics = store.counted(kinds)
    # The last day apart: it may still run, and what it brings leaves the others as they are.
    parts = [days_window(shop, last - timedelta(days=1), count - 1), days_window(shop, last, 1)]
    rows = [
        row
        for part in parts
        for row in store.ask(reader, store.by_day, shop.slug, part, metrics, shop.zone_name)
    ]
    days = [last - timedelta(days=back) for back in range(count - 1, -1, -1)]
    found = {day: {metric.kind: 0 for metric in metrics} for day in days}
    for day, *amounts in rows:
        for metric, amount in zip(metrics, amounts, strict=True):
            found[day][metric.kind] = int(amount)
    return found


def top_products(reader: FactRows, *, shop: Shop, window: Window, limit: int) -> list[ProductLine]:
    """Return the products that brought the most paid money in a window."""
    rows = store.ask(reader, store.top_products, shop.slug, window, "paid_minor", limit)
    return [ProductLine(row[0], int(row[1]), int(row[2]), int(row[3])) for row in rows]
