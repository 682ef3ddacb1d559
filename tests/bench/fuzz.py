"""Hostile files against every reader: for a minute each, no error but a refusal in words.

Bytes of whole files are damaged, and cells of tables that each format takes for its own are filled
with what files of real shops hold, and worse. ``FUZZ_SECONDS`` says how long.
"""

import csv
import io
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from springtide.bootstrap import real_instant
from springtide.domain.access.operations import create_shop
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.imports.queries import summary
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from springtide.migrations import migrate
from tests.bench.imports import ACTOR, NOW
from tests.contracts.test_recognition import ROWS
from tests.unit.tabular.test_damage import SEEDS, read_or_refuse

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
SLOW_SECONDS = 20.0
CELLS = (
    "", " ", "-", "NULL", "=1+1", '="1"', "'1", "1e999", "1.23E+17", "1,234.5", "99%", "￥1",
    "2025-02-30", "2025/6/18 25:61", "45000", "-1", "0", "9" * 40, "\u202e1", "a\x00b", "\ufeff",
    '"', ",", "\t", "🙂" * 200, "x" * 40_000, "[{", "{}", "<script>", "..", "nan", "inf", "真",
)  # fmt: skip


def run() -> list[dict[str, Any]]:
    """Damage files, then cells; tell how many were tried and how many met an error of ours."""
    return [_measure("damaged files", _bytes), _measure("hostile cells", _cells)]


def _measure(
    name: str, tries: Callable[[random.Random, Path], Callable[[], None]]
) -> dict[str, Any]:
    seed = int(time.time())
    chance = random.Random(seed)
    tried, bad = 0, []
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        once = tries(chance, Path(folder))
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            began = time.monotonic()
            try:
                once()
            except Exception as error:
                bad.append(f"{type(error).__name__}: {error}"[:300])
            slowest = max(slowest, time.monotonic() - began)
            tried += 1
    for each in bad[:10]:
        sys.stderr.write(f"seed {seed}: {each}\n")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "name": f"fuzz: {name}, {tried:,} in {SECONDS:.0f} s, slowest {slowest:.1f} s, "
        f"peak {peak / 2**20:,.0f} MiB",
        "value": len(bad),
        "unit": "errors that are no refusal",
        "goal": f"0, none slower than {SLOW_SECONDS:.0f} s",
        "met": not bad and slowest < SLOW_SECONDS,
    }


def _bytes(chance: random.Random, folder: Path) -> Callable[[], None]:
    def once() -> None:
        content = chance.choice(SEEDS)
        for _ in range(chance.randint(1, 6)):
            at, lost = chance.randint(0, len(content)), chance.choice((0, 1, 4, 40))
            piece = chance.choice(
                (b"\xff\xff\xff\xff", bytes(4), b"<", b'"', b"{", b"[", b"\n", chance.randbytes(6))
            )
            content = content[:at] + piece + content[at + lost :]
        read_or_refuse(folder, content)

    return once


def _cells(chance: random.Random, folder: Path) -> Callable[[], None]:
    database = Database(f"sqlite:///{folder / 'state.db'}")
    database.clock = real_instant
    migrate(database)
    with database.write() as tx:
        shop = create_shop(
            tx, slug="tide", name="Tide", currency="CNY", zone_name="Asia/Shanghai", actor=ACTOR,
            now=NOW,
        )  # fmt: skip
    lake = Lake(folder / "lake")
    target = Target(database, lake, folder / "rejects", lambda: NOW)
    reader = FactReader(database, lake)

    def once() -> None:
        kind = chance.choice(sorted(ROWS))
        mark = "\t" if "\t" in ROWS[kind].splitlines()[0] else ","
        header, *rows = csv.reader(io.StringIO(ROWS[kind]), delimiter=mark)
        table = [list(row) for row in rows for _ in range(chance.randint(1, 3))]
        for _ in range(chance.randint(1, 8)):
            row = chance.choice(table)
            row[chance.randrange(len(row))] = chance.choice(CELLS)
        path = folder / f"{kind}-2025-06-18.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=mark).writerows([header, *table])
        before = summary(reader, shop.slug)
        try:
            import_file(target, path, shop=shop, actor=ACTOR)
        except Refusal:
            assert summary(reader, shop.slug) == before, "a refused file left something"
        path.unlink()

    return once
