"""A backup back into its place, or into a new one: all of it, or nothing.

Everything is copied, checked and made ready beside what is there. One step decides: a note in the
data folder, or on PostgreSQL the commit that brings the state. Cut off before it, all is as it
was; after it, the next start (or restore) moves the rest into place. What was there before is kept
in a folder of its own, for a person to remove.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from springtide.domain.access.operations import close_every_door
from springtide.domain.facts import agreement
from springtide.domain.facts.lake import Lake, flush
from springtide.flows.installation.after_restore import hold_outward
from springtide.flows.installation.backup import BESIDE, SECRET, STATE, refuse_unless_room
from springtide.flows.installation.manifest import (
    BadBackup,
    Manifest,
    Source,
    private_folder,
    reading,
    write_private_text,
)
from springtide.flows.installation.marks import Restored, has_restore, note_restore
from springtide.flows.installation.occupancy import alone_in
from springtide.flows.installation.tables import VERSION_TABLE, copy_rows, every_table
from springtide.flows.timeline.worker_slots import forget_workers
from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal
from springtide.kit.findings import Watch, unwatched
from springtide.migrations import migrate, migrate_in, newest_version

_STAGE = ".restore"
_READY = "ready.json"
#: What a restore brings, and what of an older installation must go with it.
_BROUGHT = (STATE, "lake", SECRET, *BESIDE)
_GONE = (f"{STATE}-wal", f"{STATE}-shm", "durable.db", "durable.db-wal", "durable.db-shm")


class NotEmpty(Refusal):
    """There is an installation where the backup is to go."""

    code = "restore_not_empty"
    text = N_(
        "There is data in {place}. Restore into an empty place, or say --replace: what is there is "
        "then kept aside."
    )


class BackupNewer(Refusal):
    """The backup was made by a later release."""

    code = "backup_newer"
    text = N_(
        "The backup is of Springtide {release} (migration {migration}), which this one "
        "(migration {known}) does not know. Install that release, then restore."
    )


class OtherSecret(Refusal):
    """SPRINGTIDE_SECRET is not the secret of the backup."""

    code = "restore_other_secret"
    text = N_(
        "SPRINGTIDE_SECRET is not the secret that the backup was made with: links and tokens that "
        "were given out would not open. Unset it, or set it to the backup's (its file secret)."
    )


class RestoreFailed(Refusal):
    """The disk or the database refused, before anything was changed."""

    code = "restore_failed"
    text = N_("The backup could not be restored: {why}. What was there is as it was.")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a backup goes: data folder, database, and the secret where the surroundings tell it."""

    data: Path
    database_url: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """A restore that was made.

    ``held`` actions wait for a person; ``before`` is where the old data lie, if there were any,
    and ``schema`` where the old tables of PostgreSQL are.
    """

    manifest: Manifest
    held: int
    before: Path | None
    schema: str | None


def restore(
    place: Path, target: Target, *, now: datetime, replace: bool, watch: Watch = unwatched
) -> Done:
    """Restore a backup, a folder or a tar file; ``now`` is the real instant.

    Refuses a backup that is not whole or of a later release, a place that is not empty (unless
    ``replace``), or where a server, worker or command is at work, and a full disk; what was
    refused leaves nothing behind.
    """
    with reading(place.absolute()) as source, _made(target.data), alone_in(target.data):
        manifest = source.manifest
        if manifest.migration > newest_version():
            raise BackupNewer(
                release=manifest.release, migration=manifest.migration, known=newest_version()
            )
        db = Database(target.database_url)
        try:
            finish(target.data, db)
            if not replace:
                _refuse_taken(target, db)
            refuse_unless_room(target.data, sum(entry.size for entry in manifest.files))
            stage = _Stage(source, target, db, now, watch)
            held = stage.prepare()
            schema = stage.decide()
            before = finish(target.data, db)
        except OSError as error:
            raise RestoreFailed(why=error.strerror or str(error)) from error
        except SQLAlchemyError as error:
            raise RestoreFailed(why=str(getattr(error, "orig", error))[:200]) from error
        finally:
            db.close()
            if not (target.data / _STAGE / _READY).exists():
                shutil.rmtree(target.data / _STAGE, ignore_errors=True)
    return Done(manifest, held, before, schema)


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; where the block fails, those it made are gone again."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    private_folder(folder)
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for each in missing:
                each.rmdir()
        raise


@dataclass
class _Stage:
    """A restore, from the copy to the step that decides."""

    source: Source
    target: Target
    db: Database
    now: datetime
    watch: Watch

    def __post_init__(self) -> None:
        self.id = uuid4().hex
        self.folder = self.target.data / _STAGE

    def prepare(self) -> int:
        """Copy everything and make the state ready; return how many actions wait for a person."""
        for name in (*_BROUGHT, *_GONE):
            if (self.target.data / name).is_mount() or (self.target.data / name).is_symlink():
                raise RestoreFailed(why=f"{self.target.data / name} is a mount or a link")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o700)
        entries = self.source.manifest.files
        for index, entry in enumerate(entries):
            self.watch("copying", index, len(entries))
            self.source.copy(entry, self.folder / entry.name)
        for name in (STATE, SECRET):
            if not (self.folder / name).is_file():
                raise BadBackup(place=self.source.place, why=N_("a file is missing"))
        own = (self.folder / SECRET).read_text(encoding="utf-8")
        if self.target.secret is not None:
            if self.target.secret != own:
                raise OtherSecret
            (self.folder / SECRET).unlink()
        staged = Database(f"sqlite:///{self.folder / STATE}")
        staged.clock = lambda: self.now
        try:
            held = self._ready(staged)
            agreement.check(staged, Lake(self.folder / "lake"))
        finally:
            staged.close()
        return held

    def _ready(self, staged: Database) -> int:
        """Bring the copy of the state up to date, and let nothing of it go out by itself."""
        self.watch("making the state ready", 0, 1)
        migrate(staged)
        manifest = self.source.manifest
        with staged.write() as tx:
            for (said,) in tx.execute(text("pragma integrity_check(1)")):
                if said != "ok":
                    raise BadBackup(place=self.source.place, why=str(said)[:200])
            note_restore(tx, Restored(self.id, manifest.id, manifest.made_at, self.now))
            forget_workers(tx)
            close_every_door(tx)
            agreement.note_swept(tx, manifest.lake_version)
            return hold_outward(tx, backed_up_at=manifest.made_at, now=self.now)

    def decide(self) -> str | None:
        """Take the step after which it is restored; return the schema with the older tables."""
        note = {
            "id": self.id,
            "names": [name for name in _BROUGHT if (self.folder / name).exists()],
            "database": "sqlite" if self.db.is_sqlite else "postgresql",
        }
        if not self.db.is_sqlite:
            note["names"] = [name for name in note["names"] if name != STATE]
        half = self.folder / ".ready"
        write_private_text(half, json.dumps(note))
        for place in (half, self.folder):
            flush(place)
        os.rename(half, self.folder / _READY)
        flush(self.folder / _READY)
        return None if self.db.is_sqlite else self._load()

    def _load(self) -> str | None:
        """Bring the state into PostgreSQL in one transaction, in place of what is there.

        Returns the schema in which that is kept.
        """
        schema = f"before_restore_{self.id[:8]}"
        staged = Database(f"sqlite:///{self.folder / STATE}")
        try:
            with staged.read() as source, self.db.write() as tx:
                tx.execute(text("set local lock_timeout = '10s'"))
                has_old = _put_aside(tx, schema)
                migrate_in(tx)
                copy_rows(source, tx, self.watch, stage="the database")
        except Exception as error:
            (self.folder / _READY).unlink(missing_ok=True)
            if isinstance(error, Refusal):
                raise
            raise RestoreFailed(why=str(getattr(error, "orig", error))[:200]) from error
        finally:
            staged.close()
        return schema if has_old else None


def _put_aside(tx: Connection, schema: str) -> bool:
    """Move every table of an older installation into a schema; tell whether there were any.

    What the engine kept goes: it would hold runs of the old state for done.
    """
    tx.execute(text("drop schema if exists dbos cascade"))
    tables = _own_tables(tx)
    if not tables:
        return False
    functions = tx.execute(text(_TRIGGERED)).scalars().all()
    tx.execute(text(f'create schema "{schema}"'))
    for table in tables:
        tx.execute(text(f'alter table "{table}" set schema "{schema}"'))
    for function in functions:
        tx.execute(text(f'alter function {function} set schema "{schema}"'))
    return True


# What our triggers call: only in the schema of the tables.
_TRIGGERED = (
    "select distinct called.oid::regprocedure::text from pg_proc as called "
    "join pg_trigger on pg_trigger.tgfoid = called.oid "
    "join pg_class on pg_class.oid = pg_trigger.tgrelid "
    "where pg_class.relnamespace = current_schema()::regnamespace "
    "and called.pronamespace = current_schema()::regnamespace"
)


def _own_tables(tx: Connection) -> list[str]:
    """Return our tables that are in the database; those of others are left alone."""
    own = {table.name for table in every_table()} | {VERSION_TABLE}
    return [name for name in inspect(tx).get_table_names() if name in own]


def _refuse_taken(target: Target, db: Database) -> None:
    for name in (STATE, "lake", *BESIDE):
        place = target.data / name
        if place.is_file() or (place.is_dir() and any(place.iterdir())):
            raise NotEmpty(place=target.data)
    if not db.is_sqlite:
        with db.read() as tx:
            if _own_tables(tx):
                raise NotEmpty(place=db.engine.url.render_as_string(hide_password=True))


def is_unfinished(data: Path) -> bool:
    """Tell whether a restore was cut off, before or after it was decided."""
    return (data / _STAGE).is_dir()


def finish(data: Path, db: Database) -> Path | None:
    """Move a decided restore into place; return where what was there before lies.

    One that was not decided is forgotten. Begun again after a crash it does the rest.
    """
    stage = data / _STAGE
    if not (stage / _READY).is_file():
        shutil.rmtree(stage, ignore_errors=True)
        return None
    note = json.loads((stage / _READY).read_text(encoding="utf-8"))
    if note["database"] == "postgresql" and not _has_restore(db, note["id"]):
        shutil.rmtree(stage)
        return None
    before = data / f".before-restore-{note['id'][:8]}"
    before.mkdir(mode=0o700, exist_ok=True)
    for name in (*_BROUGHT, *_GONE):
        is_brought = name in note["names"]
        if (is_brought and not (stage / name).exists()) or (not is_brought and name == SECRET):
            continue  # it is in its place already, or stays
        if (data / name).exists():
            os.rename(data / name, before / name)
        if is_brought:
            os.rename(stage / name, data / name)
    for folder in (before, data):
        flush(folder)
    shutil.rmtree(stage)
    with contextlib.suppress(OSError):
        before.rmdir()  # only where nothing was
    return before if before.exists() else None


def _has_restore(db: Database, id_: str) -> bool:
    with db.read() as tx:
        if not inspect(tx).has_table("installation_restores"):
            return False
        return has_restore(tx, id_)
