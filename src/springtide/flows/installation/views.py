"""One instant of the state, held while everything goes on, and written out as one SQLite file."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, text

from springtide.flows.installation.tables import copy_rows
from springtide.kit.db import Database
from springtide.kit.findings import Watch
from springtide.migrations import migrate

_PAGES = 2_000


class View(Protocol):
    """The state as it was at an instant."""

    def write(self, target: Path, watch: Watch) -> None:
        """Write it into a new SQLite file."""


@contextmanager
def viewing(db: Database) -> Iterator[View]:
    """Hold the state as it is now, till the end of the block; nobody waits for it."""
    if db.is_sqlite:
        with closing(sqlite3.connect(str(db.engine.url.database))) as connection:
            connection.isolation_level = None
            connection.execute("begin")
            # The instant is that of the first question.
            connection.execute("select count(*) from sqlite_master").fetchall()
            yield _SqliteView(connection)
    else:
        with db.read() as tx:
            tx.execute(text("select 1"))
            yield _PostgresqlView(tx)


class _SqliteView:
    """SQLite's online backup, of the instant that the open transaction sees."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def write(self, target: Path, watch: Watch) -> None:
        """Write it page by page."""
        with closing(sqlite3.connect(target)) as copy:
            self._connection.backup(
                copy,
                pages=_PAGES,
                progress=lambda _status, left, total: watch("the database", total - left, total),
            )
            # One file, without a log beside it.
            copy.execute("pragma journal_mode=delete")


class _PostgresqlView:
    """One snapshot of PostgreSQL, row by row."""

    def __init__(self, tx: Connection) -> None:
        self._tx = tx

    def write(self, target: Path, watch: Watch) -> None:
        """Write it table by table into a database that the same migrations made."""
        copy = Database(f"sqlite:///{target}")
        try:
            migrate(copy)
            with copy.write() as tx:
                copy_rows(self._tx, tx, watch, stage="the database")
            with copy.engine.connect() as connection:
                connection.exec_driver_sql("rollback")
                connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
                connection.exec_driver_sql("pragma journal_mode=delete")
        finally:
            copy.close()
