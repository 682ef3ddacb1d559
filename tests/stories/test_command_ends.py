"""Commands end with a sentence and an exit code whatever is away, never with a traceback."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from springtide.kit.db import Database
from springtide.migrations import migrate
from tests.kit.disks import small_disk
from tests.kit.ports import free_port

COMMANDS = (
    ("worker",),
    ("facts", "summary", "--shop", "tide"),
    ("orders", "list", "--shop", "tide"),
)
Environment = dict[str, str]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "springtide.cli", *command],
        env={**os.environ, "SPRINGTIDE_SECRET": "0" * 64, **environment},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def held(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Hold the end of a command to code 3 and one line that names the cause and the way out."""
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("springtide: ")]
    for word in words:
        assert word in line, line


@contextmanager
def away(_folder: Path) -> Iterator[Environment]:
    yield {"SPRINGTIDE_DATABASE_URL": f"postgresql://shop@127.0.0.1:{free_port()}/tide"}


@contextmanager
def locked(folder: Path) -> Iterator[Environment]:
    """An older database, so that every command has to write, and somebody who holds it."""
    holder = sqlite3.connect(folder / "state.db", isolation_level=None)
    holder.execute("pragma journal_mode=wal")
    holder.execute("begin immediate")
    yield {}
    holder.close()


@contextmanager
def full(folder: Path) -> Iterator[Environment]:
    with small_disk(folder / "disk", megabytes=4) as disk:
        disk.fill()
        yield {"SPRINGTIDE_DATA": str(disk.folder)}


@contextmanager
def unreadable(folder: Path) -> Iterator[Environment]:
    path = folder / "a-file"
    path.write_text("no folder")
    yield {"SPRINGTIDE_DATA": str(path / "data")}


CONDITIONS: dict[str, tuple[Callable[..., object], tuple[str, ...]]] = {
    "away": (away, ("SPRINGTIDE_DATABASE_URL", "database_away")),
    "locked": (locked, ("locked", "database_busy")),
    "full": (full, ("make room", "disk_full")),
    "unreadable": (unreadable, ("a-file",)),
}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_command_ends_with_a_sentence(
    condition: str, command: tuple[str, ...], tmp_path: Path
) -> None:
    make, words = CONDITIONS[condition]
    with make(tmp_path) as changes:  # type: ignore[attr-defined]
        held(run(*command, **{"SPRINGTIDE_DATA": str(tmp_path), **changes}), *words)


def test_who_asks_for_it_is_shown_where(tmp_path: Path) -> None:
    with away(tmp_path) as changes:
        shown = run(
            "--traceback",
            "facts",
            "summary",
            "--shop",
            "tide",
            SPRINGTIDE_DATA=str(tmp_path),
            **changes,
        )
        same = run(
            "facts",
            "summary",
            "--shop",
            "tide",
            SPRINGTIDE_DATA=str(tmp_path),
            SPRINGTIDE_DEBUG="1",
            **changes,
        )
    for done in (shown, same):
        assert done.returncode == 3
        assert "Traceback" in done.stderr
        assert "database_away" in done.stderr


def test_what_is_no_database_is_said(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/state.db")
    migrate(database)
    database.close()
    (tmp_path / "state.db").write_bytes(b"no database at all" * 1_000)
    done = run("facts", "summary", "--shop", "tide", SPRINGTIDE_DATA=str(tmp_path))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "file is not a database" in done.stderr
    assert "restore a backup" in done.stderr
