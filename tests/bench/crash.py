"""The server killed with -9 while customers claim, many times: what must hold is asserted."""

import tempfile
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from springtide.kit.db import Database, driver_url
from springtide.migrations import migrate
from tests.kit import postgres
from tests.kit.claim_crash import crash

KILLS = 250


def run() -> list[dict[str, Any]]:
    """Kill the server so often on each database; report what was acknowledged and kept."""
    with postgres.server(durable=True) as address:
        engine = create_engine(driver_url(f"{address}/postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("create database crash"))
        engine.dispose()
        return _crashed("SQLite", None) + _crashed("PostgreSQL", f"{address}/crash")


def _crashed(name: str, url: str | None) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="springtide-bench-") as folder:
        address = url or f"sqlite:///{folder}/state.db"
        database = Database(address)
        migrate(database)
        database.close()
        seen, kills = crash(address, Path(folder), kills=KILLS)
    return [
        {
            "name": f"kills survived without a claim lost or doubled, {name}",
            "value": kills,
            "unit": "kills",
            "goal": KILLS,
            # What must hold of the claims is asserted; a run without any would show nothing.
            "met": kills >= KILLS and len(seen.acknowledged) > kills,
            "baseline": f"{len(seen.acknowledged):,} acknowledged, {seen.retries:,} retries",
        }
    ]
