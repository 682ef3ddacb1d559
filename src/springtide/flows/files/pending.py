"""Uploaded files on the disk: a folder each, gone with its job, or kept a day for a person to say
what the columns mean.

No name on the disk is an uploader's: ``<shop>/<key>/upload`` holds the bytes, ``<shop>/<key>.json``
beside that folder is our note of a file that waits, and what people call the file stands in it.
"""

import os
import re
import shutil
import stat
import tempfile
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec

from springtide.kit.errors import N_, NotFound
from springtide.kit.places import NotInFolder, within

KEPT_FOR = timedelta(days=1)
#: Longest name that is kept of a file, in characters.
NAME_MAX = 120
_KEY = re.compile(r"[0-9a-f]{32}")
_NOTE = ".json"
_NOTE_BYTES_MAX = 4_096
_STEM = "upload"
# The suffixes that readers look at.
_SUFFIXES = (".parquet", ".jsonl", ".ndjson")


class _Note(msgspec.Struct, forbid_unknown_fields=True):
    """What is written of a file that waits: what people call it, when it was last changed."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_MAX)]
    modified_ms: Annotated[int, msgspec.Meta(ge=0, lt=10**14)] | None


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that waits for a person; ``modified_ms`` is when it was last changed (Unix ms)."""

    key: str
    path: Path
    name: str
    modified_ms: int | None
    since: datetime


def new_place(uploads: Path, shop_id: UUID, name: str) -> Path:
    """Make a folder for one file of a shop; return where to write it, whatever it is called."""
    folder = within(uploads, shop_id.hex, uuid4().hex)
    folder.mkdir(parents=True)
    return folder / _called(name)


def key_of(path: Path) -> str:
    """Return the key of a file that ``new_place`` gave a place."""
    return path.parent.name


def key_in(file: Mapping[str, Any]) -> str:
    """Return the key of an import job's file; jobs of older releases have its path."""
    return str(file.get("upload") or PurePath(str(file.get("path", ""))).parent.name)


def is_there(uploads: Path, shop_id: UUID, key: str) -> bool:
    """Tell whether an upload is on the disk, under whichever name a release gave it."""
    if not _KEY.fullmatch(key):
        return False
    return any(_is_plain(each) for each in _inside(uploads / shop_id.hex / key))


def uploaded(uploads: Path, shop_id: UUID, key: str) -> Path | None:
    """Return where the bytes of a shop's upload lie; None if they are gone or were never there."""
    if not _KEY.fullmatch(key):
        return None
    try:
        folder = within(uploads, shop_id.hex, key)
    except NotInFolder:
        return None  # a link, which is none of ours
    return next((each for name in _names() if _is_plain(each := folder / name)), None)


def uploaded_before(uploads: Path, shop_id: UUID, path: str) -> Path | None:
    """Return where the bytes of an upload lie that an older release called as its uploader did.

    Of its path only the last two names count. It gets the name that uploads have now.
    """
    key, name = PurePath(path).parent.name, PurePath(path).name
    if not _KEY.fullmatch(key):
        return None
    if found := uploaded(uploads, shop_id, key):
        return found
    try:
        old = within(uploads, shop_id.hex, key, name)
    except NotInFolder:
        return None
    if not _is_plain(old):
        return None
    return old.rename(old.with_name(_called(name)))


def keep(uploads: Path, shop_id: UUID, key: str, name: str, modified_ms: int | None) -> str:
    """Let a file wait for a person; return its key."""
    place = _note_of(uploads, shop_id, key)
    handle, written = tempfile.mkstemp(dir=place.parent, prefix=".note-")
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(_Note(name, modified_ms)))
    os.replace(written, place)
    return key


def kept_file(uploads: Path, shop_id: UUID, key: str) -> KeptFile:
    """Return a file of a shop that waits (``NotFound``: imported, thrown away, or a day over)."""
    if _KEY.fullmatch(key) and (found := _read(uploads, shop_id, key)):
        return found
    raise NotFound(what=N_("file that waits for its columns"), key=key[:40])


def kept_files(uploads: Path, shop_id: UUID) -> list[KeptFile]:
    """Return the files of a shop that wait, the newest first."""
    keys = [each.stem for each in _inside(uploads / shop_id.hex) if each.suffix == _NOTE]
    found = [kept for key in keys if _KEY.fullmatch(key) and (kept := _read(uploads, shop_id, key))]
    return sorted(found, key=lambda kept: kept.since, reverse=True)


def take(uploads: Path, shop_id: UUID, file: KeptFile) -> None:
    """Let a file wait no more: a job gets it."""
    os.utime(file.path.parent)  # its day begins again, so that no sweep comes before the job
    _note_of(uploads, shop_id, file.key).unlink(missing_ok=True)


def drop(uploads: Path, shop_id: UUID, key: str) -> None:
    """Remove an upload, and the note of it."""
    if _KEY.fullmatch(key):
        _note_of(uploads, shop_id, key).unlink(missing_ok=True)
        shutil.rmtree(within(uploads, shop_id.hex, key), ignore_errors=True)


def sweep(uploads: Path, now: datetime, held: Container[str] = ()) -> None:
    """Remove what has waited a day: files with their notes, notes that are none, and files without
    a note that no job needs (``held`` are the keys of those that do).
    """
    for shop in _inside(uploads):
        for each in _inside(shop):
            if now - _changed_at(each) <= KEPT_FOR:
                continue
            if each.is_symlink() or not each.is_dir():
                each.unlink(missing_ok=True)
                if each.suffix == _NOTE and _KEY.fullmatch(each.stem):
                    shutil.rmtree(shop / each.stem, ignore_errors=True)
            elif each.name not in held and not (shop / f"{each.name}{_NOTE}").exists():
                shutil.rmtree(each, ignore_errors=True)


def _called(name: str) -> str:
    suffix = PurePath(name).suffix.lower()
    return f"{_STEM}{suffix if suffix in _SUFFIXES else ''}"


def _names() -> Iterator[str]:
    return (f"{_STEM}{suffix}" for suffix in ("", *_SUFFIXES))


def _note_of(uploads: Path, shop_id: UUID, key: str) -> Path:
    return within(uploads, shop_id.hex, f"{key}{_NOTE}")


def _inside(place: Path) -> list[Path]:
    return list(place.iterdir()) if place.is_dir() else []


def _changed_at(place: Path) -> datetime:
    """Return when a place was last changed; long ago if it has just gone."""
    try:
        return datetime.fromtimestamp(place.lstat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.fromtimestamp(0, UTC)


def _is_plain(place: Path) -> bool:
    try:
        return stat.S_ISREG(place.lstat().st_mode)
    except OSError:
        return False


def _read(uploads: Path, shop_id: UUID, key: str) -> KeptFile | None:
    """Return the file of a note; None where there is none, or one that is not ours."""
    path = uploaded(uploads, shop_id, key)
    try:
        note = _note_of(uploads, shop_id, key)
        if path is None or not _is_plain(note):
            return None  # one with a job, or one that somebody else just took
        with note.open("rb") as file:
            told = msgspec.json.decode(file.read(_NOTE_BYTES_MAX), type=_Note)
    except (NotInFolder, OSError, msgspec.MsgspecError):
        return None  # the sweep takes it
    return KeptFile(key, path, told.name, told.modified_ms, _changed_at(note))
