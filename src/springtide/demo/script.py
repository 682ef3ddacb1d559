"""The script of the sale day: which call to the API at which instant of the shop's clock. Pure."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from springtide.demo.history import RealOrder
from springtide.demo.simulator import SEED, Browsing
from springtide.kit.time import Window

#: So many in a hundred orders stay unpaid, for the withdrawal to have something to close.
UNPAID_PERCENT = 4
#: Browsing is sent in batches of so many minutes and events.
BATCH = timedelta(minutes=5)
BATCH_EVENTS = 400
#: The last orders and payments come in so long before the sale ends.
BEFORE_THE_END = timedelta(minutes=3)


@dataclass(frozen=True, slots=True)
class Call:
    """One POST to the API: when by the shop's clock, where to, its key and its body."""

    at: datetime
    what: str
    path: str
    key: str
    body: dict[str, Any]


def is_unpaid(order_key: str) -> bool:
    """Tell whether an order of the replay stays unpaid: the same ones at every run."""
    draw = random.Random(f"{SEED}/unpaid/{order_key}").random()  # noqa: S311 - seeded on purpose
    return draw * 100 < UNPAID_PERCENT


def order_calls(
    orders: Sequence[RealOrder], *, moved_by: timedelta, selling: Window, sold: frozenset[str]
) -> Iterator[Call]:
    """Return the orders at their times of day, each payment a few minutes after its order.

    Lines of products without a price (``sold``) are left out, and so are orders without lines.
    """
    last = selling.ends_at - BEFORE_THE_END
    for order in orders:
        lines = [
            {"product_key": product, "quantity": pieces}
            for product, pieces in order.lines
            if product in sold
        ]
        if not lines:
            continue
        key = f"demo-{order.key}"
        unpaid = is_unpaid(order.key)
        at = min(order.placed_at + moved_by, last - BEFORE_THE_END)
        body: dict[str, Any] = {
            "key": key,
            "customer_key": order.customer_key,
            "visitor_key": f"v-{order.customer_key}",
            "lines": lines,
        }
        if unpaid:
            body["simulated"] = True
        yield Call(at, "order", "/v1/orders", key, body)
        if not unpaid:
            rng = random.Random(f"{SEED}/pay/{order.key}")  # noqa: S311 - seeded on purpose
            paid_at = min(at + timedelta(minutes=rng.uniform(1, 8)), last)
            yield Call(
                paid_at,
                "payment",
                f"/v1/orders/{key}/payments",
                f"{key}-paid",
                {"payment_key": f"{key}-paid"},
            )


def browsing_calls(
    events: Sequence[Browsing], *, name: str, moved_by: timedelta, at_once: bool = False
) -> Iterator[Call]:
    """Return simulated browsing in batches, each sent when its last event has happened.

    ``at_once`` makes batches by number alone, for days that are past already.
    """
    batch: list[Browsing] = []
    number = 0
    for event in events:
        is_full = len(batch) >= BATCH_EVENTS
        is_late = bool(batch) and event.occurred_at - batch[0].occurred_at > BATCH and not at_once
        if is_full or is_late:
            yield _batch(batch, name, number, moved_by)
            batch, number = [], number + 1
        batch.append(event)
    if batch:
        yield _batch(batch, name, number, moved_by)


def _batch(events: Sequence[Browsing], name: str, number: int, moved_by: timedelta) -> Call:
    body = {
        "events": [
            {
                "kind": event.kind,
                "id": f"{name}:{event.key}",
                "occurred_at": (event.occurred_at + moved_by).isoformat(),
                "visitor_key": event.visitor_key,
                "customer_key": event.customer_key,
                "product_key": event.product_key,
                "source_path": event.source_path,
                "simulated": True,
            }
            for event in events
        ]
    }
    at = events[-1].occurred_at + moved_by
    return Call(at, "events", "/v1/events", f"demo-{name}-{number}", body)
