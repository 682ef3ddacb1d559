"""A small disk of one's own, to fill: a file system in memory, mounted for the time of a test."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PIECE = 64 * 1024


class SmallDisk:
    """A disk of a few megabytes under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Take all the room that is left, to the last byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (_PIECE, 4_096, 512, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def empty(self) -> None:
        """Give the room back."""
        self._ballast.unlink(missing_ok=True)

    @property
    def is_full(self) -> bool:
        """Whether ``fill`` holds the room."""
        return self._ballast.exists()


@contextmanager
def small_disk(folder: Path, *, megabytes: int) -> Iterator[SmallDisk]:
    """Mount a disk of this size till the end of the block; skips where nobody may mount."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk to fill")
    size = f"size={megabytes}m,mode=1777"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "springtide-test", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        # Lazily: a killed process may still hold a file of it for a moment.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
