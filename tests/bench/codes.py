"""Coupon codes: a million made in one batch, and one of them looked up among few and many."""

import statistics
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from springtide.domain.access.act import Act
from springtide.domain.rewards.codes import codes_of, make_codes, normal
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.store import codes as codes_table
from springtide.kit.bulk import rows_by
from springtide.kit.db import Database, driver_url
from springtide.migrations import migrate
from tests.kit import postgres
from tests.kit.house import ACTOR, TestHouse, settings_in, shop_in
from tests.kit.rewards import RULE, published

FEW, MANY, LOOKUPS = 10_000, 1_000_000, 400


def run() -> list[dict[str, Any]]:
    """Measure both on SQLite and on PostgreSQL."""
    with postgres.server(durable=True) as address:
        engine = create_engine(driver_url(f"{address}/postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("create database codes"))
        engine.dispose()
        return _measured("SQLite", None) + _measured("PostgreSQL", f"{address}/codes")


def _measured(name: str, url: str | None) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="springtide-bench-") as folder:
        address = url or f"sqlite:///{folder}/state.db"
        database = Database(address)
        migrate(database)
        house = TestHouse(settings_in(Path(folder), address), database)
        shop, now = shop_in(house), datetime.now(UTC)  # noqa: TID251 - a bench has a real clock
        reward = published(
            database, shop, "coupon", {"rule": RULE}, now=now, quantity=MANY, needs_code=True
        )

        def made(count: int) -> float:
            begin = time.perf_counter()
            with database.write() as tx:
                make_codes(Act.of(tx, shop, ACTOR, now), reward=reward, count=count)
            return time.perf_counter() - begin

        made(FEW)
        few = _look_up(database, reward)
        seconds = made(MANY)
        many = _look_up(database, reward)
        house.close()
    return [
        {
            "name": f"a million coupon codes made, {name}",
            "value": seconds,
            "unit": "s",
            "goal": 10,
            "met": seconds < 10,
        },
        {
            "name": f"a code looked up among a million, {name}",
            "value": many * 1e6,
            "unit": "us",
            "baseline": f"among {FEW:,}: {few * 1e6:,.0f} us",
            "ratio": many / few,
            "goal": 1.5,
            "met": many / few < 1.5,
        },
    ]


def _look_up(database: Database, reward: Reward) -> float:
    with database.read() as tx:
        some = [code for code, _ in codes_of(tx, reward_id=reward.id, batch=1)][:LOOKUPS]
        times = []
        for code in some:
            begin = time.perf_counter()
            assert rows_by(tx, codes_table, "code", [normal(code)], shop_id=reward.shop_id)
            times.append(time.perf_counter() - begin)
    return statistics.median(times)
