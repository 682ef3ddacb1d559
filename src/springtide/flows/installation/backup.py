"""A backup of everything that belongs together, taken while everything goes on.

For a moment nothing may be committed to the lake: then the state's instant is held (a snapshot of
the database, which nobody waits for), and the lake's version is the one that this state knows.
From then on files of facts only need to stay where they are, so they are copied at leisure while
the sweep is held off; small files beside them are linked aside at once. It is written under
another name, read again, and named when it is whole.

The engine that remembers which runs are open is left out: it rests on the state's own tables,
which give every open action a new run where the engine knows of none.
"""

import contextlib
import fcntl
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text

import springtide
from springtide.domain.facts import agreement
from springtide.domain.facts.lake import Lake, Snapshot, flush
from springtide.domain.facts.queries import tail_size
from springtide.domain.facts.writing import copy_log, kept_files, writing
from springtide.flows.installation.manifest import (
    MANIFEST,
    Entry,
    FolderSink,
    Manifest,
    Sink,
    TarSink,
    private_folder,
    reading,
    write_private_text,
)
from springtide.flows.installation.tables import count_rows
from springtide.flows.installation.views import View, viewing
from springtide.flows.timeline.action import Surroundings
from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal
from springtide.kit.findings import Watch, unwatched
from springtide.migrations import version_of

STATE = "state.db"
SECRET = "secret"  # noqa: S105 - the name of its file
#: Folders of the data folder that belong to a backup, beside state, facts and secret.
BESIDE = ("rejects", "uploads", "mailbox")
# Notes of imports beside the facts.
_NOTES = "confirmed"
_STAMP = "springtide-%Y%m%dT%H%M%SZ"


class PlaceInside(Refusal):
    """The backup is to lie in the data folder itself, and would be lost with it."""

    code = "backup_place_inside"
    text = N_(
        "{place} lies in the data folder {data}: a backup there is lost with it. Name a place "
        "elsewhere, best on another disk."
    )


class PlaceTaken(Refusal):
    """Something lies where the backup is to be."""

    code = "backup_place_taken"
    text = N_(
        "{place} is there already. Name a place that is not, or a folder of backups with --keep."
    )


class BackupRuns(Refusal):
    """Another backup of this installation is being taken."""

    code = "backup_runs"
    text = N_("Another backup of {place} is being taken; try again when it is done.")


class NoSpace(Refusal):
    """The disk is too full."""

    code = "no_space"
    text = N_("{place} needs {needed} MB and has {free} MB free. Make room, then try again.")


class BackupFailed(Refusal):
    """The disk refused."""

    code = "backup_failed"
    text = N_("The backup could not be written to {place}: {why}. Nothing is left of it.")


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was taken, and how many older ones were removed."""

    place: Path
    manifest: Manifest
    size: int
    removed: int = 0


def back_up(
    house: Surroundings, to: Path, *, keep: int | None = None, watch: Watch = unwatched
) -> BackedUp:
    """Take a backup: a folder, or a tar file when the name ends in ``.tar``.

    With ``keep`` the place is a folder of backups: a new one comes into it, and of the complete
    ones only so many of the newest stay. Refuses a place that is taken, a full disk, and another
    backup at the same time.
    """
    made_at = house.real_now()
    place = to.absolute() / made_at.strftime(_STAMP) if keep else to.absolute()
    if place.resolve().is_relative_to(house.settings.data.resolve()):
        raise PlaceInside(place=place, data=house.settings.data)
    with _alone(house.settings.data), contextlib.ExitStack() as stack:
        if place.exists():
            raise PlaceTaken(place=place)
        try:
            private_folder(place.parent)
            part = place.with_name(f".{place.name}.part-{uuid4().hex[:8]}")
            stack.callback(shutil.rmtree, part, ignore_errors=True)
            stack.callback(part.with_suffix(".tar").unlink, missing_ok=True)
            part.mkdir(mode=0o700)
            manifest = _Taking(house, part, made_at, watch).take(is_tar=place.suffix == ".tar")
            whole = part.with_suffix(".tar") if place.suffix == ".tar" else part
            _verify(whole, watch)
            os.rename(whole, place)
            flush(place.parent)
        except OSError as error:
            raise BackupFailed(place=place, why=error.strerror or str(error)) from error
    size = sum(entry.size for entry in manifest.files)
    return BackedUp(place, manifest, size, _forget_old(to, keep) if keep else 0)


@dataclass
class _Taking:
    """One backup on its way."""

    house: Surroundings
    part: Path
    made_at: datetime
    watch: Watch

    def take(self, *, is_tar: bool) -> Manifest:
        """Hold the instant, then write everything that belongs to it."""
        settings, lake = self.house.settings, self.house.lake
        aside = settings.data / ".keeping" / "aside"
        try:
            with kept_files(lake), contextlib.ExitStack() as stack:
                with writing(self.house.db, lake) as writer:
                    found = writer.snapshot
                    _link(settings.data, aside)
                    view = stack.enter_context(viewing(self.house.db))
                    # Again: what came in between is known to the state that is held.
                    _link(settings.data, aside)
                    _link_folder(lake.folder / _NOTES, aside / "lake" / _NOTES)
                self._check_space(found, aside)
                if is_tar:
                    with tarfile.open(self.part.with_suffix(".tar"), "w") as tar:
                        os.chmod(self.part.with_suffix(".tar"), 0o600)
                        manifest = self._write(TarSink(tar), view, found, aside)
                    flush(self.part.with_suffix(".tar"))
                else:
                    manifest = self._write(FolderSink(self.part), view, found, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return manifest

    def _write(self, sink: Sink, view: View, found: Snapshot, aside: Path) -> Manifest:
        state = self.part / STATE
        view.write(state, self.watch)
        copy = Database(f"sqlite:///{state}")
        try:
            entries, rows, waiting = self._written(sink, copy, found, aside)
            migration = str(version_of(copy))
        finally:
            copy.close()
        for left in self.part.glob(f"{STATE}-*"):
            left.unlink()
        entries.append(sink.put(STATE, state))
        manifest = Manifest(
            id=uuid4().hex,
            made_at=self.made_at,
            release=springtide.__version__,
            migration=migration,
            database="sqlite" if self.house.db.is_sqlite else "postgresql",
            data=str(self.house.settings.data),
            lake_version=found.version,
            sealed_facts=sum(file.row_count for file in found.files),
            waiting_facts=waiting,
            rows=rows,
            files=tuple(entries),
        )
        sink.finish(manifest)
        return manifest

    def _written(
        self, sink: Sink, copy: Database, found: Snapshot, aside: Path
    ) -> tuple[list[Entry], dict[str, int], int]:
        lake = self.house.lake
        entries = [
            *self._facts(sink, copy, found),
            *(
                sink.put(str(place.relative_to(aside)), place)
                for place in sorted(aside.rglob("*"))
                if place.is_file()
            ),
        ]
        secret = self.part / ".secret"
        write_private_text(secret, self.house.settings.secret)
        entries.append(sink.put(SECRET, secret))
        secret.unlink()
        for index, file in enumerate(found.files):
            self.watch("the facts", index, len(found.files))
            name = f"lake/facts/{file.path}"
            entries.append(sink.put(name, lake.table / file.path))
        with copy.read() as tx:
            for (said,) in tx.execute(text("pragma integrity_check(1)")):
                if said != "ok":
                    raise BackupFailed(place=self.part, why=str(said)[:200])
            # Movements that came in one view: the state's own.
            return entries, count_rows(tx), tail_size(tx)

    def _facts(self, sink: Sink, copy: Database, found: Snapshot) -> list[Entry]:
        """Bring the log of the facts as it was; it agrees with the state that was written."""
        folder = self.part / "lake"
        copied = Lake(folder)
        private_folder(copied.log)
        copy_log(self.house.lake, found, copied)
        with copy.read() as tx:
            known = agreement.known(tx)
        if known is None:
            raise agreement.LakeDisagrees(place=self.house.lake.folder)
        agreement.compare(self.house.lake, known, copied.look_again())
        return [
            sink.put(str(place.relative_to(self.part)), place)
            for place in sorted(folder.rglob("*"))
            if place.is_file()
        ]

    def _check_space(self, found: Snapshot, aside: Path) -> None:
        needed = sum(file.size for file in found.files) + _state_size(self.house.db)
        needed += sum(place.stat().st_size for place in aside.rglob("*") if place.is_file())
        refuse_unless_room(self.part.parent, needed)


def refuse_unless_room(folder: Path, needed: int) -> None:
    """Refuse (NoSpace) a disk that has less room than is needed, with a tenth to spare."""
    free = shutil.disk_usage(folder).free
    if free < needed * 1.1:
        raise NoSpace(place=folder, needed=-(-needed * 11 // 10_000_000), free=free // 1_000_000)


def _state_size(db: Database) -> int:
    if db.is_sqlite:
        return Path(str(db.engine.url.database)).stat().st_size
    with db.read() as tx:
        return int(tx.execute(text("select pg_database_size(current_database())")).scalar_one())


def _link(data: Path, aside: Path) -> None:
    for name in BESIDE:
        _link_folder(data / name, aside / name)


def _link_folder(source: Path, target: Path) -> None:
    """Put the files of a folder aside as they are, without copying where the disk can."""
    for folder, _, names in os.walk(source):
        for name in names:
            place = Path(folder) / name
            linked = target / place.relative_to(source)
            if linked.exists() or not place.is_file() or place.is_symlink():
                continue
            private_folder(linked.parent)
            # What goes meanwhile is no longer needed by anybody.
            with contextlib.suppress(FileNotFoundError):
                try:
                    os.link(place, linked)
                except FileNotFoundError:
                    raise
                except OSError:
                    shutil.copyfile(place, linked)


def _verify(place: Path, watch: Watch) -> None:
    """Read the whole backup again; refuses (BadBackup) what is not as it was written."""
    with reading(place) as source:
        for index, entry in enumerate(source.manifest.files):
            watch("reading it again", index, len(source.manifest.files))
            source.check(entry)


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Keep other backups away; remove what one left that was killed."""
    folder = data / ".keeping"
    private_folder(folder)
    with (folder / "lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRuns(place=data) from None
        shutil.rmtree(folder / "aside", ignore_errors=True)
        yield


def _forget_old(folder: Path, keep: int) -> int:
    """Remove all but the newest complete backups of a folder; return how many."""
    complete = sorted(
        place for place in folder.absolute().glob("springtide-*Z") if (place / MANIFEST).is_file()
    )
    for place in complete[:-keep]:
        shutil.rmtree(place)
    for left in folder.absolute().glob(".springtide-*Z.part-*"):
        shutil.rmtree(left, ignore_errors=True)
    return len(complete[:-keep])
