"""Uploaded files on the disk: a folder each, gone with its job, or kept a day for a person to say
what the columns mean.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from springtide.kit.errors import N_, NotFound

KEPT_FOR = timedelta(days=1)
_KEY = re.compile(r"[0-9a-f]{32}")
_NOTE = ".waits.json"


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that waits for a person; ``modified_ms`` is when it was last changed (Unix ms)."""

    key: str
    path: Path
    name: str
    modified_ms: int | None
    since: datetime


def new_folder(uploads: Path, shop_id: UUID) -> Path:
    """Make a folder for one file of a shop."""
    folder = (uploads / shop_id.hex / uuid4().hex).resolve()
    folder.mkdir(parents=True)
    return folder


def keep(path: Path, name: str, modified_ms: int | None) -> str:
    """Let a file wait in its folder for a person; return its key."""
    note = {"path": path.name, "name": name, "modified_ms": modified_ms}
    (path.parent / _NOTE).write_text(json.dumps(note), encoding="utf-8")
    return path.parent.name


def kept_file(uploads: Path, shop_id: UUID, key: str) -> KeptFile:
    """Return a file of a shop that waits (``NotFound``: imported, thrown away, or a day over)."""
    folder = uploads / shop_id.hex / key
    if _KEY.fullmatch(key) and (found := _read(folder)):
        return found
    raise NotFound(what=N_("file that waits for its columns"), key=key[:40])


def kept_files(uploads: Path, shop_id: UUID) -> list[KeptFile]:
    """Return the files of a shop that wait, the newest first."""
    found = [kept for folder in _folders(uploads / shop_id.hex) if (kept := _read(folder))]
    return sorted(found, key=lambda kept: kept.since, reverse=True)


def take(file: KeptFile) -> dict[str, Any]:
    """Let a file wait no more; return it as an import's job takes it."""
    (file.path.parent / _NOTE).unlink(missing_ok=True)
    return {"path": str(file.path.resolve()), "name": file.name, "modified_ms": file.modified_ms}


def drop(path: Path) -> None:
    """Remove a file with its folder."""
    shutil.rmtree(path.parent, ignore_errors=True)


def sweep(uploads: Path, now: datetime) -> None:
    """Remove the files that have waited a day."""
    for shop in _folders(uploads):
        for folder in _folders(shop):
            kept = _read(folder)
            if kept and now - kept.since > KEPT_FOR:
                drop(kept.path)


def _folders(place: Path) -> Iterator[Path]:
    return (each for each in place.iterdir() if each.is_dir()) if place.is_dir() else iter(())


def _read(folder: Path) -> KeptFile | None:
    note = folder / _NOTE
    try:
        told = json.loads(note.read_text(encoding="utf-8"))
        since = datetime.fromtimestamp(note.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None  # no upload, one with a job, or one that somebody else just took
    return KeptFile(folder.name, folder / told["path"], told["name"], told["modified_ms"], since)
