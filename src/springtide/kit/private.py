"""What Springtide writes is its owner's alone: files 600, folders 700, under any umask."""

import logging
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_log = logging.getLogger("springtide")


def write_privately() -> None:
    """Let nobody else into what this process and those it starts write from now on."""
    os.umask(_OTHERS)


def make_private(folder: Path, names: Iterable[str]) -> None:
    """Make a folder and what lies in it under these names (patterns) its owner's alone.

    The folder may have been there before, wider. It is made private itself only if nothing else
    lies in it. What cannot be changed is told in the log, in a sentence.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_wide(folder) and not any(map(_is_wide, folder.iterdir())):
        return
    patterns = tuple(names)
    ours = {each for pattern in patterns for each in folder.glob(pattern)}
    for each in ours:
        # Whoever may not enter a folder reaches nothing in it.
        if _is_wide(each):
            tighten(each)
    if set(folder.iterdir()) <= ours:
        _narrow(folder)
    if _is_wide(folder):
        _log.warning(
            "The data folder %s is open to others on this machine: chmod 700 %s", folder, folder
        )


def tighten(place: Path) -> None:
    """Make a file, or a folder with all in it, its owner's alone; links are left as they are."""
    for each in _all_in(place):
        _narrow(each)


def _all_in(place: Path) -> Iterator[Path]:
    yield place
    if place.is_dir() and not place.is_symlink():
        for folder, folders, files in os.walk(place):
            yield from (Path(folder) / name for name in (*folders, *files))


def _narrow(place: Path) -> None:
    try:
        mode = place.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & _OTHERS:
            place.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    except FileNotFoundError:
        return  # it has just gone
    except PermissionError:
        _log.warning("%s is open to others on this machine, and belongs to somebody else", place)


def _is_wide(place: Path) -> bool:
    try:
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return False
    return not stat.S_ISLNK(mode) and bool(mode & _OTHERS)
