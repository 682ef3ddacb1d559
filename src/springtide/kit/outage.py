"""What the machine refuses: a database that is away or held, a full disk, a folder shut to us.

None of it is a fault of ours, and all of it passes: servers answer 503, workers wait, commands end
with a sentence. This is the one place that knows how drivers and libraries say it.
"""

import errno
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from springtide.kit.errors import N_, Refusal

_log = logging.getLogger(__name__)


class Outage(Refusal):
    """Something that Springtide stands on is away; it goes on by itself once that is back.

    ``retry_seconds`` is when asking again makes sense; ``waiting`` is how work that waits for it
    says so; ``way_out`` tells who runs the installation what to do.
    """

    code = "outage"
    status = 503
    text = N_("This does not work at the moment. Please try again in {seconds} seconds.")
    waiting: ClassVar[str] = N_("Something that is needed is away; it is tried again.")
    retry_seconds: ClassVar[int] = 5
    way_out: ClassVar[str] = "look at the log"

    def __init__(self) -> None:
        super().__init__(seconds=self.retry_seconds)


class DatabaseAway(Outage):
    """No connection to the database, or it was cut."""

    code = "database_away"
    text = N_("The database does not answer. Please try again in {seconds} seconds.")
    waiting = N_("The database did not answer; it is tried again.")
    way_out = (
        "start the database, or correct its address in SPRINGTIDE_DATABASE_URL; "
        "servers and workers that run go on by themselves"
    )


class DatabaseBusy(Outage):
    """Something else has held the database for longer than we wait."""

    code = "database_busy"
    text = N_("The database is held by something else. Please try again in {seconds} seconds.")
    waiting = N_("The database was held by something else; it is tried again.")
    way_out = "end the program that holds it (a copy, an editor, a long transaction), or wait"


class DiskFull(Outage):
    """No room is left to write."""

    code = "disk_full"
    text = N_("The disk is full, so nothing can be kept. Please try again in {seconds} seconds.")
    waiting = N_("The disk is full; this goes on by itself once there is room.")
    retry_seconds = 30
    way_out = "make room where SPRINGTIDE_DATA and the database lie; what waits goes on by itself"


class StorageShut(Outage):
    """A file or folder that we may not read or write, or that is not there."""

    code = "storage_shut"
    text = N_("The data cannot be read or written. Please try again in {seconds} seconds.")
    waiting = N_("The data could not be read or written; it is tried again.")
    retry_seconds = 30
    way_out = (
        "let the user that runs Springtide read and write SPRINGTIDE_DATA and all that is in it"
    )


class DatabaseDamaged(Outage):
    """The database's own files are not what it wrote."""

    code = "database_damaged"
    text = N_("The database is damaged. Whoever runs Springtide has to restore a backup.")
    waiting = N_("The database is damaged; it is tried again once a backup is restored.")
    retry_seconds = 60
    way_out = "stop everything, restore a backup (springtide restore --replace), then check"


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHUT = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL_TEXTS = ("no space left on device", "disk quota exceeded", "file too large")
_SHUT_TEXTS = ("permission denied", "read-only file system", "attempt to write a readonly database")
#: First bytes of SQLSTATEs: connection, operator intervention, system; and single ones.
_AWAY_CLASSES = ("08", "58")
_AWAY_STATES = ("57P01", "57P02", "57P03", "57P05", "53300")
_BUSY_STATES = ("55P03", "57014", "25P03", "25P04")
_FULL_STATES = ("53100", "53000", "53400")
#: SQLite's names of results: of writing that found no room, and of a file that is shut.
_SQLITE_FULL = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE", "SQLITE_IOERR_WRITE")
_SQLITE_SHUT = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_IOERR")
_SQLITE_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_DAMAGED_STATES = ("XX001", "XX002")
_SQLITE_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")


def outage_of(error: BaseException) -> Outage | None:
    """Return the outage that an exception tells of; None for refusals and faults of our own."""
    for each in _told(error):
        if isinstance(each, Outage):
            return each
        kind = _kind(each)
        if kind is not None:
            return kind()
    return None


def _told(error: BaseException) -> Iterator[BaseException]:
    """Give an exception, what it was raised from, and what a group holds."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
        if each.__cause__ is not None:
            waiting.append(each.__cause__)


def _kind(error: BaseException) -> type[Outage] | None:
    if isinstance(error, PoolTimeout):
        return DatabaseBusy
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return DatabaseAway
        return None if error.orig is None else _of_driver(error.orig)
    if isinstance(error, sqlite3.Error):
        return _of_driver(error)
    if isinstance(error, OSError):
        return _of_system(error)
    # DuckDB and Delta Lake hand the system's word through as text.
    if type(error).__module__.partition(".")[0] in ("duckdb", "_duckdb", "deltalake"):
        return _of_text(str(error))
    return None


def _of_system(error: OSError) -> type[Outage] | None:
    if error.errno in _NO_ROOM:
        return DiskFull
    if error.errno in _SHUT:
        return StorageShut
    return _of_text(str(error)) if error.errno is None else None


def _of_text(text: str) -> type[Outage] | None:
    lowered = text.lower()
    if any(each in lowered for each in _FULL_TEXTS):
        return DiskFull
    return StorageShut if any(each in lowered for each in _SHUT_TEXTS) else None


def _of_driver(error: BaseException) -> type[Outage] | None:
    name = getattr(error, "sqlite_errorname", None)
    if name is not None:
        return _of_sqlite(name)
    # psycopg: a connection that could not be made, or was cut, has no SQLSTATE.
    if type(error).__module__.partition(".")[0] != "psycopg":
        return None
    state = getattr(error, "sqlstate", None)
    if state is None:
        return DatabaseAway if type(error).__name__ in _PSYCOPG_AWAY else None
    if state in _FULL_STATES or "no space left on device" in str(error).lower():
        return DiskFull
    if state in _DAMAGED_STATES:
        return DatabaseDamaged
    if state in _BUSY_STATES:
        return DatabaseBusy
    if state in _AWAY_STATES or state[:2] in _AWAY_CLASSES:
        return DatabaseAway
    return None


_PSYCOPG_AWAY = ("OperationalError", "ConnectionTimeout", "ConnectionFailure", "InterfaceError")


def _of_sqlite(name: str) -> type[Outage] | None:
    if name in _SQLITE_FULL:
        return DiskFull
    for names, kind in (
        (_SQLITE_BUSY, DatabaseBusy),
        (_SQLITE_SHUT, StorageShut),
        (_SQLITE_DAMAGED, DatabaseDamaged),
    ):
        if any(name == each or name.startswith(f"{each}_") for each in names):
            return kind
    return None


@contextmanager
def unless_away(what: str) -> Iterator[None]:
    """Leave out a note that may be missed while an outage lasts, such as when a key was used."""
    try:
        yield
    except Exception as error:
        outage = outage_of(error)
        if outage is None:
            raise
        _log.info("%s was left out (%s)", what, outage.code)
