"""After a clock stepped back: what it had reserved while it was ahead comes back in its own time.

A row that was made later than it is now was made by a clock that was ahead. Its hold is counted
from now instead, once. The first one to see it is a worker, so it lasts as long as it was to
from then on.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.access.queries import shop_by_id
from springtide.domain.ledger.ahead import made_ahead
from springtide.domain.rewards.ahead import (
    count_groups_anew,
    count_reserved_anew,
    has_groups_ahead,
)
from springtide.kit.db import Database
from springtide.kit.time import Shown
from springtide.kit.turns import all_in_turn

BATCH = 500
#: How far the clocks of machines that work together may differ.
SKEW = timedelta(minutes=1)


def count_anew(db: Database, *, shop: Shop, real_now: Callable[[], datetime]) -> int:
    """Count what a clock ahead holds in one shop from now; return how many. Again it is nothing.

    ``real_now`` is asked for the instant: one from before would take what is new for ahead.
    """
    return all_in_turn(
        f"holds of a clock ahead in {shop.slug}",
        [
            lambda: _count_reserved(db, shop, real_now),
            lambda: _count_groups(db, shop, real_now),
        ],
    )


def _count_reserved(db: Database, shop: Shop, real_now: Callable[[], datetime]) -> int:
    # A look first: it waits for no writer, and as a rule there is nothing.
    with db.read() as tx:
        not_yet = _shown(tx, shop, real_now).not_yet
        if not made_ahead(tx, shop_id=shop.id, not_yet=not_yet, limit=1):
            return 0
    return _in_batches(db, shop, real_now, count_reserved_anew)


def _count_groups(db: Database, shop: Shop, real_now: Callable[[], datetime]) -> int:
    with db.read() as tx:
        if not has_groups_ahead(tx, shop_id=shop.id, shown=_shown(tx, shop, real_now)):
            return 0
    return _in_batches(db, shop, real_now, count_groups_anew)


def _in_batches(
    db: Database, shop: Shop, real_now: Callable[[], datetime], count: Callable[..., int]
) -> int:
    done = 0
    while True:
        with db.write() as tx:
            clock = partial(_shown, tx, shop, real_now)
            counted = count(tx, shop_id=shop.id, clock=clock, limit=BATCH)
        done += counted
        if counted < BATCH:
            return done


def _shown(tx: Connection, shop: Shop, real_now: Callable[[], datetime]) -> Shown:
    """Return the shop's time by its clock as it is set now: it may have been moved meanwhile."""
    current = shop_by_id(tx, shop_id=shop.id)
    now = current.now(real_now())
    speed = max(1.0, current.clock.speed) if current.clock else 1.0
    return Shown(now, now + SKEW * speed)
