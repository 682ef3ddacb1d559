"""Work that outlives its process: DBOS behind one door.

What is due, and what was done, stands in our own tables. This engine only remembers which runs
have begun and not ended, and begins them again after a kill. It is replaceable: whatever can
start a run once by its name, and take over from a dead worker. It is not trusted either: what it
could not write down (its disk was full, its database away) is seen in our own tables and mended.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import Engine, create_engine, event, make_url

from springtide.flows.timeline.action import Interrupted
from springtide.kit.db import driver_url

# Runs of another version would never be recovered; ours find their state in our own tables, so
# every version of Springtide can go on with them.
_VERSION = "1"
#: SQLite of Debian 12 is 3.40; its unixepoch knows no 'subsec', which DBOS asks for.
_SUBSEC_SINCE = (3, 42)
_BUSY_MILLISECONDS = 30_000


class Durable:
    """The engine of one process, under the name of one worker; only one may be open at a time."""

    _run: ClassVar[Callable[[str], None] | None] = None

    def __init__(self, *, url: str, worker: str, run: Callable[[str], None]) -> None:
        """Open the engine; ``run`` gets the name of each run and must stand being called again.

        What this worker's name had begun and not ended is begun again, about a second later.
        """
        if Durable._run is not None:
            raise RuntimeError("an engine is open in this process already")
        Durable._run = run
        # What it could not do is seen in our own tables, and said by our own log.
        logging.getLogger("dbos").setLevel(logging.CRITICAL)
        config: DBOSConfig = {
            "name": "springtide",
            "application_version": _VERSION,
            "executor_id": worker,
            "log_level": "CRITICAL",
            "enable_otlp": False,
            "sys_db_pool_size": 5,
            "system_database_url": url,
        }
        if url.startswith("sqlite"):
            config["system_database_engine"] = _sqlite_engine(url)
        try:
            engine = DBOS(config=config)
            DBOS.launch()
            # It would hold the caller, with pauses up to a minute, till its database is back.
            engine._sys_db._retry_connection_errors = False
        except BaseException:
            DBOS.destroy()
            Durable._run = None
            raise

    def start(self, name: str) -> None:
        """Begin a run, unless one of this name was begun before, by any worker."""
        with SetWorkflowID(name):
            DBOS.start_workflow(_carry, name)

    def is_at_work(self, name: str) -> bool:
        """Tell whether a run is in this process's hands at the moment."""
        return name in _running

    def take_over(self, worker: str) -> None:
        """Begin again, here, what a dead worker had begun and not ended."""
        DBOS._recover_pending_workflows([worker])

    def close(self, *, seconds_max: float = 1.5) -> None:
        """End the engine; runs get some time to notice that the worker stops."""
        deadline = time.monotonic() + seconds_max
        while _running and time.monotonic() < deadline:
            time.sleep(0.02)
        DBOS.destroy()
        Durable._run = None


#: Names of the runs that are in this process's hands at the moment.
_running: set[str] = set()


@DBOS.workflow(name="carry_v1")
def _carry(name: str) -> None:
    run = Durable._run
    if run is None:
        raise Interrupted
    _running.add(name)
    try:
        run(name)
    finally:
        _running.discard(name)


def address_beside(database_url: str, data: Path) -> str:
    """Return where the engine keeps its state: our PostgreSQL, or a file of its own."""
    if database_url.startswith("sqlite"):
        data.mkdir(parents=True, exist_ok=True)
        return f"sqlite:///{data / 'durable.db'}"
    return driver_url(database_url)


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        make_url(url), connect_args={"check_same_thread": False}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"pragma busy_timeout={_BUSY_MILLISECONDS}")
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma foreign_keys=on")
    if sqlite3.sqlite_version_info < _SUBSEC_SINCE:
        connection.create_function("unixepoch", -1, _unixepoch)


def _unixepoch(*_arguments: str) -> float:
    return time.time()
