"""What a backup holds: its manifest, and the folder or tar file that it lies in."""

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from springtide.kit.canonical import to_json
from springtide.kit.errors import N_, Refusal

MANIFEST = "manifest.json"
FORM = 1
_CHUNK = 1 << 20
_NAME = re.compile(r"[^/\0]+(/[^/\0]+)*")


class BadBackup(Refusal):
    """A backup that is not complete, or not as it was written."""

    code = "backup_damaged"
    text = N_("{place} is no whole backup: {why}. Use another one. Nothing was changed.")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a backup."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was backed up, when, by which release, and every file with its hash."""

    id: str
    made_at: datetime
    release: str
    migration: str
    database: str
    data: str
    lake_version: int
    sealed_facts: int
    waiting_facts: int
    rows: dict[str, int]
    files: tuple[Entry, ...]

    def to_bytes(self) -> bytes:
        """Return the document, with a hash of itself."""
        document = asdict(self) | {"form": FORM, "made_at": self.made_at.isoformat()}
        document["files"] = [asdict(entry) for entry in self.files]
        document["sha256"] = _hash_of(document)
        return json.dumps(document, indent=1).encode()


def read_manifest(raw: bytes, place: Path) -> Manifest:
    """Read a manifest (``BadBackup``)."""
    try:
        document = json.loads(raw)
        said = document.pop("sha256")
        form = document.pop("form")
        if said != _hash_of(document | {"form": form}):
            raise BadBackup(place=place, why=N_("its manifest was altered"))
        if form != FORM:
            raise BadBackup(place=place, why=N_("it is of a later release"))
        document["files"] = tuple(Entry(**each) for each in document["files"])
        document["made_at"] = datetime.fromisoformat(document["made_at"])
        found = Manifest(**document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadBackup(place=place, why=N_("its manifest cannot be read")) from error
    for entry in found.files:
        if not _NAME.fullmatch(entry.name) or {"..", "."} & set(entry.name.split("/")):
            raise BadBackup(place=place, why=N_("its manifest names a place outside of it"))
    return found


def _hash_of(document: dict[str, Any]) -> str:
    return hashlib.sha256(to_json(document).encode()).hexdigest()


class Sink(Protocol):
    """Where a backup is written to."""

    def put(self, name: str, source: Path) -> Entry:
        """Take a copy of a file."""

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, the last of all."""


class FolderSink:
    """A backup as a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, source: Path) -> Entry:
        """Take a copy of a file, unless it lies there already."""
        target = self._folder / name
        if source == target:
            os.chmod(target, 0o600)
            with target.open("rb") as file:
                size, sha256 = pour(file, lambda _: None)
            return Entry(name, size, sha256)
        with source.open("rb") as file:
            return Entry(name, *write_private(target, file))

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest."""
        write_private(self._folder / MANIFEST, io.BytesIO(manifest.to_bytes()))


class TarSink:
    """A backup as one tar file."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def put(self, name: str, source: Path) -> Entry:
        """Take a copy of a file, hashed as it goes."""
        with source.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            hashing = _Hashing(file)
            self._tar.addfile(_member(name, size), hashing)
        return Entry(name, size, hashing.sha256.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest."""
        raw = manifest.to_bytes()
        self._tar.addfile(_member(MANIFEST, len(raw)), io.BytesIO(raw))


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


class _Hashing:
    """A file that hashes what is read of it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read on."""
        chunk = self._file.read(size)
        self.sha256.update(chunk)
        return chunk


class Source:
    """A backup to read of: a folder or a tar file."""

    def __init__(self, place: Path, opened: Callable[[str], IO[bytes]]) -> None:
        self.place = place
        self._opened = opened
        with self.open(MANIFEST) as file:
            self.manifest = read_manifest(file.read(), place)

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file of it (``BadBackup``)."""
        try:
            file = self._opened(name)
        except (OSError, KeyError, tarfile.TarError) as error:
            why = N_("it has no manifest") if name == MANIFEST else N_("a file is missing")
            raise BadBackup(place=self.place, why=why) from error
        with file:
            yield file

    def check(self, entry: Entry) -> None:
        """Read a file through; refuses (``BadBackup``) one that is not as it was written."""
        with self.open(entry.name) as file:
            self._compare(entry, *pour(file, lambda _: None))

    def copy(self, entry: Entry, target: Path) -> None:
        """Copy a file out of it; refuses (``BadBackup``) one that is not as it was written."""
        with self.open(entry.name) as file:
            self._compare(entry, *write_private(target, file))

    def _compare(self, entry: Entry, size: int, sha256: str) -> None:
        if (size, sha256) != (entry.size, entry.sha256):
            raise BadBackup(place=self.place, why=N_("a file in it was altered or cut short"))


@contextmanager
def reading(place: Path) -> Iterator[Source]:
    """Open a backup, a folder or a tar file (``BadBackup``)."""
    if place.is_dir():
        yield Source(place, lambda name: (place / name).open("rb"))
        return
    try:
        tar = tarfile.open(place, "r:")  # noqa: SIM115 - closed below
    except (OSError, tarfile.TarError) as error:
        raise BadBackup(place=place, why=N_("there is no folder and no tar file")) from error
    with tar:
        members = {member.name: member for member in _members(tar, place) if member.isfile()}

        def opened(name: str) -> IO[bytes]:
            file = tar.extractfile(members[name])
            if file is None:
                raise KeyError(name)
            return file

        yield Source(place, opened)


def _members(tar: tarfile.TarFile, place: Path) -> list[tarfile.TarInfo]:
    try:
        return tar.getmembers()
    except tarfile.TarError as error:
        raise BadBackup(place=place, why=N_("the tar file is cut short")) from error


def write_private(target: Path, file: IO[bytes]) -> tuple[int, str]:
    """Write a file that only its owner reads, onto the disk; return its size and hash."""
    private_folder(target.parent)
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as written:
        found = pour(file, written.write)
        written.flush()
        os.fsync(written.fileno())
    return found


def write_private_text(target: Path, said: str) -> None:
    """Write a text that only its owner reads."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(said)


def private_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner alone."""
    if not folder.is_dir():
        private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def pour(file: IO[bytes], to: Callable[[bytes], object]) -> tuple[int, str]:
    """Hand a file's bytes on; return how many there were, and their SHA-256."""
    size, sha256 = 0, hashlib.sha256()
    while chunk := file.read(_CHUNK):
        to(chunk)
        size += len(chunk)
        sha256.update(chunk)
    return size, sha256.hexdigest()
