"""Numbered migrations, forward only, the same on SQLite and PostgreSQL."""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal


class NewerState(Refusal):
    """The state database is of a release that this one does not know."""

    code = "newer_state"
    status = 503
    text = N_(
        "The database is of a newer release of Springtide (version {found}; this one knows up to "
        "{known}): update Springtide, or restore a backup of before the update. "
        "Nothing was changed."
    )


def migrate(database: Database, *, to: str = "head") -> None:
    """Bring the state database to the newest version, or forward to a numbered one.

    Refuses (NewerState) one of a release that this one does not know; nothing is written.
    """
    if to == "head" and is_current(database):
        return  # whoever starts in the rush waits for no writer
    with database.read() as tx:
        _refuse_newer(tx)
    with database.write() as tx:
        migrate_in(tx, to=to)


def migrate_in(tx: Connection, *, to: str = "head") -> None:
    """Bring the state database forward as part of a transaction (NewerState)."""
    config = _config()
    _one_at_a_time(tx)
    # Another may have brought it further meanwhile.
    _refuse_newer(tx)
    config.attributes["connection"] = tx
    command.upgrade(config, to)


def is_current(database: Database) -> bool:
    """Tell whether the state database is at the newest version."""
    return version_of(database) == newest_version()


def version_of(database: Database) -> str | None:
    """Return the number of the last migration of a database; None for one that has none."""
    with database.read() as tx:
        return MigrationContext.configure(tx).get_current_revision()


@cache
def newest_version() -> str:
    """Return the number of the last migration that this release knows."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "springtide:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(tx: Connection) -> None:
    found = set(MigrationContext.configure(tx).get_current_heads()) - _known()
    if found:
        raise NewerState(found=", ".join(sorted(found))[:60], known=newest_version())


@cache
def _known() -> frozenset[str]:
    script = ScriptDirectory.from_config(_config())
    return frozenset(each.revision for each in script.walk_revisions())


def _one_at_a_time(tx: Connection) -> None:
    # SQLite's write lock is held already; PostgreSQL takes a lock of ours till the commit.
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("select pg_advisory_xact_lock(7203498)")
