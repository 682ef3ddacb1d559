"""A wall clock of processes that a test sets, while all their other clocks run on.

Not Debian's libfaketime: 0.9.10 makes ``time.sleep`` of Python 3.11 fail with EINVAL.
"""

import mmap
import shutil
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

_SOURCE = Path(__file__).with_name("stepping_clock.c")


class WallClock:
    """What processes with its ``environment`` take for the time: the real one and an offset."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler here to make the clock with")
        self._library, path = folder / "stepping_clock.so", folder / "clock"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", str(self._library), str(_SOURCE), "-ldl"],
            check=True,
        )
        path.write_bytes(struct.pack("q", 0))
        with path.open("r+b") as file:
            self._mapped = mmap.mmap(file.fileno(), 8)
        self.environment: Mapping[str, str] = {
            "LD_PRELOAD": str(self._library),
            "STEPPING_CLOCK": str(path),
        }
        self.offset = 0

    def step(self, offset: int) -> None:
        """Set the clock so many seconds off the real one, at once, in every process."""
        self.offset = offset
        self._mapped[:] = struct.pack("q", offset)
