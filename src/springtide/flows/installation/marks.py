"""What the state knows of its installation: its secret's mark, and the restores it went through."""

import logging
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, String, Table, insert, select

from springtide.kit.db import Database, Instant, insert_into, metadata
from springtide.kit.seals import seal, unseal

log = logging.getLogger("springtide.installation")

#: One row, "secret": a text sealed with the installation's secret, which only that one opens.
marks = Table(
    "installation_marks",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
)

#: Every restore: the backup that this state came from.
restores = Table(
    "installation_restores",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("backup_id", String(32), nullable=False),
    Column("backed_up_at", Instant, nullable=False),
    Column("restored_at", Instant, nullable=False),
)
_PURPOSE = b"installation"
_SAID = b"springtide"


@dataclass(frozen=True, slots=True)
class Restored:
    """A restore: of which backup, and when either was made."""

    id: str
    backup_id: str
    backed_up_at: datetime
    restored_at: datetime


def mark_secret(tx: Connection, secret: str) -> None:
    """Let the state know its secret, unless it knows one."""
    values = {"name": "secret", "value": seal(secret, _PURPOSE, _SAID)}
    tx.execute(insert_into(tx, marks).values(**values).on_conflict_do_nothing())


def knows_secret(tx: Connection, secret: str) -> bool | None:
    """Tell whether a secret is the one that the state was used with; None where it knows none."""
    mark = _mark(tx)
    return None if mark is None else unseal(secret, _PURPOSE, mark) == _SAID


def warn_of_other_secret(database: Database, secret: str) -> None:
    """Say at the start that the secret is not the one that this database was used with."""
    with database.read() as tx:
        is_other = knows_secret(tx, secret) is False
    if is_other:
        log.warning(
            "The secret is another one than this database was used with: links in letters, quotes "
            "and customers' tokens that were given out do not open. Set SPRINGTIDE_SECRET, or put "
            "back the file secret in the data folder, and start again"
        )


def note_restore(tx: Connection, restored: Restored) -> None:
    """Write down that this state came from a backup."""
    tx.execute(
        insert(restores).values(
            id=restored.id,
            backup_id=restored.backup_id,
            backed_up_at=restored.backed_up_at,
            restored_at=restored.restored_at,
        )
    )


def has_restore(tx: Connection, id_: str) -> bool:
    """Tell whether this state came from a restore of an id."""
    return tx.execute(select(restores.c.id).where(restores.c.id == id_)).first() is not None


def _mark(tx: Connection) -> str | None:
    return tx.execute(select(marks.c.value).where(marks.c.name == "secret")).scalar_one_or_none()
