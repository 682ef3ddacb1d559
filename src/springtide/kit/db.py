"""The state database: SQLite by default, PostgreSQL by address; transactions and column types."""

import json
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
    make_url,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeDecorator

from springtide.kit.canonical import to_json
from springtide.kit.discreet import hide_values_in_errors
from springtide.kit.errors import N_, Refusal

# Seconds a writer waits for another before it gives up (SQLite's busy timeout).
BUSY_SECONDS = 15
# Seconds after which the server ends a transaction whose process stands still, so that what it
# locked is free again.
IDLE_SECONDS = 60
# Seconds until a database that does not answer is taken for away, and till a caller who finds
# all connections in use gives up.
AWAY_SECONDS = 5
POOL_SECONDS = 10
# What tells a connection that was cut without a word from one that waits for a long query.
_KEPT_ALIVE = {
    "connect_timeout": AWAY_SECONDS,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

#: How often a write that meets another one is tried, and a part of the pause before the next try.
TRIES = 6
PAUSE_SECONDS = 0.01
#: PostgreSQL's words for two that wait for each other, and for a key that came to both at once.
_RING_STATES, _KEY_STATE = ("40001", "40P01"), "23505"

T = TypeVar("T")

#: One metadata for every room's tables; constraint names are predictable for the migrations.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Contended(Refusal):
    """A write that met others at the same rows, time after time."""

    code = "contended"
    status = 503
    text = N_("Others write the same at this moment. Nothing was changed: send it again.")


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: timestamptz on PostgreSQL, sortable naive UTC text on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values; SQLite keeps UTC without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime: say which zone it is in")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware UTC instant."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Json(TypeDecorator[Any]):
    """A JSON document kept as text, the same on both databases (keys sorted, so it hashes)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write canonical JSON."""
        return None if value is None else to_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read JSON."""
        return None if value is None else json.loads(value)


def insert_into(tx: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT that knows ON CONFLICT, in the dialect of the transaction."""
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)


class Database:
    """The state database of one installation."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        #: Tells the real instant; a house sets its own (see ``real_now``).
        self.clock: Callable[[], datetime] | None = None
        self._writer = self.engine.execution_options(
            springtide_writes=True, springtide_clock=self._tell
        )
        # SQLite's transactions see one state by themselves; PostgreSQL's must ask for it.
        self._reader = (
            self.engine
            if self.is_sqlite
            else self.engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        )

    @property
    def is_sqlite(self) -> bool:
        """Whether the state lies in SQLite."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give one consistent view of the state, the same for every question in it; read only."""
        with self._reader.connect() as tx:
            yield tx
            tx.rollback()

    @contextmanager
    def write(self, *, is_patient: bool = True) -> Iterator[Connection]:
        """Give one transaction: committed at the end, undone on any error.

        SQLite takes its write lock at once, so that no transaction fails half way; one that
        ``is_patient`` no more gives up at once where another has it.
        """
        with self._writer.connect() as tx:
            if not is_patient:
                tx = tx.execution_options(springtide_is_hasty=True)
            with tx.begin():
                yield tx

    def run(self, work: Callable[[Connection], T]) -> T:
        """Return what ``work`` returns in a write transaction, begun again when it met another.

        Two that lock the same rows in a ring, or are first with the same key, undo one of them;
        what ``work`` did is gone then, and it sees what the other one left. It may be called
        several times, so it has no effect but through its transaction. Raises Contended when it
        met others every time.
        """
        for tried in range(1, TRIES + 1):
            try:
                with self.write() as tx:
                    return work(tx)
            except DBAPIError as error:
                is_ring = met_in_a_ring(error)
                if not is_ring and _state(error) != _KEY_STATE:
                    raise
                if tried == TRIES:
                    if is_ring:
                        raise Contended from error
                    raise
                # Not in step with the other one.
                time.sleep(random.uniform(0, PAUSE_SECONDS * 2**tried))  # noqa: S311
        raise AssertionError("it returns or raises")

    def files(self) -> tuple[Path, ...]:
        """Return the places of an SQLite database: itself and what it writes beside it."""
        path = self.engine.url.database
        if not self.is_sqlite or not path:
            return ()
        return tuple(Path(f"{path}{suffix}") for suffix in ("", "-wal", "-shm"))

    def answers(self) -> bool:
        """Tell whether the database answers a query."""
        with self.read() as tx:
            return bool(tx.execute(text("select 1")).scalar() == 1)

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _tell(self) -> datetime:
        if self.clock is None:
            raise RuntimeError("this database was given no clock: set Database.clock")
        return self.clock()


def real_now(tx: Connection) -> datetime:
    """Return the real instant within a write transaction, whatever a shop's clock shows.

    It is told by the clock of the database's house, so no caller can take another for it.
    """
    clock: Callable[[], datetime] = tx.get_execution_options()["springtide_clock"]
    return clock()


def met_in_a_ring(error: Exception) -> bool:
    """Tell whether a transaction was undone because it and another one waited for each other."""
    return _state(error) in _RING_STATES


def _state(error: Exception) -> str | None:
    return getattr(getattr(error, "orig", None), "sqlstate", None)


def driver_url(url: str) -> str:
    """Return the address with the driver that Springtide installs.

    >>> driver_url("postgresql://shop@localhost/tide")
    'postgresql+psycopg://shop@localhost/tide'
    """
    parsed = make_url(url)
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed.render_as_string(hide_password=False)


def _engine(url: str) -> Engine:
    parsed = make_url(driver_url(url))
    hide_values_in_errors()
    if parsed.get_backend_name() != "sqlite":
        engine = create_engine(
            parsed,
            pool_size=10,
            max_overflow=20,
            pool_timeout=POOL_SECONDS,
            # A connection is asked whether it lives before it is used: the first caller after the
            # database was away gets a new one.
            pool_pre_ping=True,
            connect_args={**_KEPT_ALIVE, **parsed.query},
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepare_postgresql)
        return engine
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        parsed,
        pool_size=10,
        max_overflow=30,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions by itself: "begin" below does.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode=wal")
    cursor.execute("pragma foreign_keys=on")
    cursor.execute("pragma synchronous=full")
    cursor.close()


def _prepare_postgresql(connection: Any, _record: object) -> None:
    # A plan kept from when a table was empty reads the whole table ever after.
    connection.execute("set plan_cache_mode = force_custom_plan")
    connection.execute(f"set lock_timeout = '{BUSY_SECONDS}s'")
    connection.execute(f"set idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    is_hasty = options.get("springtide_is_hasty", False)
    if is_hasty:
        connection.exec_driver_sql("pragma busy_timeout = 0")
    try:
        writes = options.get("springtide_writes", False)
        connection.exec_driver_sql("begin immediate" if writes else "begin")
    finally:
        if is_hasty:
            connection.exec_driver_sql(f"pragma busy_timeout = {BUSY_SECONDS * 1_000}")
