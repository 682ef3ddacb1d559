"""Numbered migrations, forward only, the same on SQLite and PostgreSQL."""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from springtide.kit.db import Database


def migrate(database: Database, *, to: str = "head") -> None:
    """Bring the state database to the newest version, or forward to a numbered one."""
    config = _config()
    with database.write() as tx:
        _one_at_a_time(tx)
        config.attributes["connection"] = tx
        command.upgrade(config, to)


def is_current(database: Database) -> bool:
    """Tell whether the state database is at the newest version."""
    with database.read() as tx:
        at = MigrationContext.configure(tx).get_current_revision()
    return at == _newest()


@cache
def _newest() -> str | None:
    return ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "springtide:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _one_at_a_time(tx: Connection) -> None:
    # SQLite's write lock is held already; PostgreSQL takes a lock of ours till the commit.
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("select pg_advisory_xact_lock(7203498)")
