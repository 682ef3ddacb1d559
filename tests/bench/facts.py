"""What importing and summing up a year of order lines costs, beside DuckDB doing the bare work."""

import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from springtide.bootstrap import real_instant
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import create_shop
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.imports import queries
from springtide.flows.files.imports import PACKAGE, import_file, locate
from springtide.flows.files.table_load import Target
from springtide.kit.db import Database
from springtide.migrations import migrate

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ACTOR = Actor("command", "bench", "bench")
ROUNDS = 11

# What a person would write by hand: one pass for money, one for the distinct keys.
_KINDS = (
    "select kind, count(*), epoch_us(min(occurred_at)), epoch_us(max(occurred_at)), "
    "sum(amount_minor) from {files} where shop = 'tide' group by kind"
)
_PEOPLE = (
    "select count(distinct customer_key), count(distinct order_key) from {files} "
    "where shop = 'tide'"
)


def run() -> list[dict[str, Any]]:
    """Measure import, summary and memory."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        path = next(path for path in locate([PACKAGE]) if path.stem == "transactions")
        # Of its own process, so that its peak of memory is its own.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, rows, peak = pool.apply(_import, (str(home), str(path)))
        bare = _bare_import(path, home / "bare.parquet")
        ours, by_hand = _summaries(home)
    return [
        {
            "name": "import of order lines",
            "value": rows / seconds,
            "unit": "rows/s",
            "baseline": rows / bare,
            "ratio": bare / seconds,
            "goal": "1.47 million rows under 60 s",
            "met": seconds * 1_470_000 / rows < 60,
        },
        {
            "name": "peak memory of the import",
            "value": peak / 2**20,
            "unit": "MB",
            "baseline": None,
            "ratio": None,
            "goal": "under 2 GB",
            "met": peak < 2 * 2**30,
        },
        {
            "name": "summary of the facts",
            "value": ours * 1_000,
            "unit": "ms",
            "baseline": by_hand * 1_000,
            "ratio": ours / by_hand,
            "goal": "at most 1.3 times hand-written SQL",
            "met": ours / by_hand <= 1.3,
        },
    ]


def _import(home: str, path: str) -> tuple[float, int, int]:
    """Import a file; return seconds, rows and the process's peak memory in bytes."""
    database = _database(Path(home))
    migrate(database)
    with database.write() as tx:
        shop: Shop = create_shop(
            tx, slug="tide", name="Tide", currency="USD", zone_name="America/New_York",
            actor=ACTOR, now=NOW,
        )  # fmt: skip
    target = Target(database, Lake(Path(home) / "lake"), Path(home) / "rejects", lambda: NOW)
    began = time.perf_counter()
    done = import_file(target, Path(path), shop=shop, actor=ACTOR)
    seconds = time.perf_counter() - began
    database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return seconds, done.rows.read, peak


def _database(home: Path) -> Database:
    database = Database(f"sqlite:///{home / 'state.db'}")
    database.clock = real_instant
    return database


def _bare_import(source: Path, target: Path) -> float:
    with duckdb.connect(config={"threads": 2}) as connection:
        return _seconds(
            lambda: connection.execute(
                f"copy (select * from read_parquet('{source}')) to '{target}' (format parquet)"
            )
        )


def _summaries(home: Path) -> tuple[float, float]:
    """Return the median seconds of our summary, and of SQL by hand on the same files."""
    database = _database(home)
    lake = Lake(home / "lake")
    # Without kept answers: each summary is worked out anew.
    reader = FactReader(database, lake, kept_answers=0)
    places = ", ".join(f"'{place}'" for place in lake.locate(lake.snapshot().files))
    files = f"read_parquet([{places}], hive_partitioning = true)"
    ours: list[float] = []
    by_hand: list[float] = []
    with duckdb.connect(config={"threads": 2, "memory_limit": "1GB"}) as connection:

        def ask_by_hand() -> None:
            connection.execute(_KINDS.format(files=files)).fetchall()
            connection.execute(_PEOPLE.format(files=files)).fetchall()

        def ask_ours() -> None:
            queries.summary(reader, "tide")

        ask_by_hand()
        ask_ours()
        for _ in range(ROUNDS):
            by_hand.append(_seconds(ask_by_hand))
            ours.append(_seconds(ask_ours))
    reader.close()
    database.close()
    return statistics.median(ours), statistics.median(by_hand)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
