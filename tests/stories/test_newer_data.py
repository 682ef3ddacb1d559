"""Old code on newer data: a sentence that names the version and the way out, nothing written."""

import hashlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.ports import free_port

ROOT = Path(__file__).parents[2]
ORDERS = "customer_id,order_id,date,amount\nc1,o1,2026-04-03,1\n"
COMMANDS = (
    ("init", "--shop", "tide"), ("serve",), ("worker",), ("import", "orders.csv", "--shop", "tide"),
    ("facts", "summary", "--shop", "tide"), ("tiers", "--shop", "tide"),
    ("export", "customers", "--shop", "tide", "-o", "out.csv"),
    ("orders", "list", "--shop", "tide"),
)  # fmt: skip


def _run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPRINGTIDE")}
    return subprocess.run(
        [sys.executable, "-m", "springtide.cli", *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT / "src"), "SPRINGTIDE_DATA": str(folder / "data"),
             "PORT": str(free_port())},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "orders.csv").write_text(ORDERS)
    for words in (("init", "--shop", "tide"), ("import", "orders.csv", "--shop", "tide")):
        done = _run(tmp_path, *words)
        assert done.returncode == 0, done.stderr
    return tmp_path


def _seen(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


def _refused(folder: Path, words: tuple[str, ...], *parts: str) -> None:
    done = _run(folder, *words)
    assert done.returncode == 1, (words, done.stdout, done.stderr)
    assert done.stderr.startswith("springtide: "), done.stderr
    assert "Traceback" not in done.stderr
    for part in parts:
        assert part in done.stderr


def test_a_newer_state_is_refused_by_every_command(folder: Path) -> None:
    with sqlite3.connect(folder / "data" / "state.db") as connection:
        connection.execute("update alembic_version set version_num = '9001'")
    connection.close()
    before = _seen(folder)
    for words in COMMANDS:
        _refused(folder, words, "version 9001", "update Springtide", "restore a backup")
    assert _seen(folder) == before


def test_a_newer_lake_is_refused(folder: Path) -> None:
    log = folder / "data" / "lake" / "facts" / "_delta_log"
    place = log / f"{0:020}.json"
    lines = [json.loads(line) for line in place.read_text().splitlines()]
    for line in lines:
        if "metaData" in line:
            schema = json.loads(line["metaData"]["schemaString"])
            schema["fields"].append(
                {"name": "of_later", "type": "string", "nullable": True, "metadata": {}}
            )
            line["metaData"]["schemaString"] = json.dumps(schema)
    place.write_text("".join(json.dumps(line) + "\n" for line in lines))
    before = _seen(folder)
    for words in COMMANDS[1:5]:
        _refused(folder, words, "newer release", "of_later")
    assert _seen(folder) == before
