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
    """Have a data folder alone till the end of the block; waits so long (``InUse``)."""
    with _open(data) as file:
        if not _locked(file, fcntl.LOCK_EX, seconds):
            raise InUse(place=data)
        yield


def share(data: Path, *, seconds: float = 0.0) -> IO[str]:
    """Be at work in a data folder till the returned file is closed (``BeingRestored``)."""
    file = _open(data)
    if not _locked(file, fcntl.LOCK_SH, seconds):
        file.close()
        raise BeingRestored(place=data)
    return file


def _open(data: Path) -> IO[str]:
    return open(data / _LOCK, "a", opener=lambda path, flags: os.open(path, flags, 0o600))


def _locked(file: IO[str], kind: int, seconds: float) -> bool:
    gives_up = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= gives_up:
                return False
            time.sleep(0.05)
