"""Who is at work in a data folder: processes share it, and a restore has it alone."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from springtide.kit.errors import N_, Refusal

_LOCK = "in-use.lock"


class InUse(Refusal):
    """A server, a worker or a command is at work where a restore is to have the place alone."""

    code = "restore_in_use"
    status = 503
    text = N_(
        "A server, a worker or a command of Springtide is at work in {place}. Stop them all, then "
        "restore."
    )


class BeingRestored(Refusal):
    """A restore has the place alone."""

    code = "being_restored"
    status = 503
    text = N_("A backup is being restored in {place}. Start again when that is done.")


@contextmanager
def alone_in(data: Path, *, seconds: float = 0.0) -> Iterator[None]:
    """Have a data folder alone till the end of the block; waits so long (``InUse``).

    A block that fails leaves no lock where there was none.
    """
    was_there = (data / _LOCK).exists()
    file = _locked(data, fcntl.LOCK_EX, seconds)
    if file is None:
        raise InUse(place=data)
    with file:
        try:
            yield
        except BaseException:
            if not was_there:
                (data / _LOCK).unlink(missing_ok=True)
            raise


def share(data: Path, *, seconds: float = 0.0) -> IO[str]:
    """Be at work in a data folder till the returned file is closed (``BeingRestored``)."""
    file = _locked(data, fcntl.LOCK_SH, seconds)
    if file is None:
        raise BeingRestored(place=data)
    return file


def _open(data: Path) -> IO[str]:
    return open(data / _LOCK, "a", opener=lambda path, flags: os.open(path, flags, 0o600))


def _locked(data: Path, kind: int, seconds: float) -> IO[str] | None:
    gives_up = time.monotonic() + seconds
    while True:
        file = _open(data)
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            if time.monotonic() >= gives_up:
                return None
            time.sleep(0.05)
            continue
        if _is_in_place(file, data):
            return file
        # Removed between opening and locking: nobody else meets this one.
        file.close()


def _is_in_place(file: IO[str], data: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), (data / _LOCK).stat())
    except FileNotFoundError:
        return False
