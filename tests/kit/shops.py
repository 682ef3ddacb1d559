"""A shop to test with, and someone who acts in it."""

import itertools
from datetime import datetime

from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import create_shop
from springtide.kit.db import Database

ACTOR = Actor("command", "test", "Test")
_numbers = itertools.count(1)


def new_shop(database: Database, *, now: datetime, currency: str = "CNY") -> Shop:
    """Create a shop of its own for a test."""
    with database.write() as tx:
        return create_shop(
            tx,
            slug=f"shop-{next(_numbers)}",
            name="Tide & Co",
            currency=currency,
            zone_name="Asia/Shanghai",
            actor=ACTOR,
            now=now,
        )
