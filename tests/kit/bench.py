"""A shop with a lake, and files to bring in: what the tests of imports stand on."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from springtide.domain.access.model import Actor, Shop
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.imports import queries
from springtide.domain.imports.model import Summary
from springtide.flows.files.imports import Imported, import_file
from springtide.flows.files.table_load import Target
from springtide.kit.db import Database

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ACTOR = Actor("command", "test", "test")


class Bench:
    """A shop with a lake, and files to bring in."""

    def __init__(self, database: Database, folder: Path, shop: Shop) -> None:
        self.folder = folder
        self.shop = shop
        self.target = Target(database, Lake(folder / "lake"), folder / "rejects", lambda: NOW)
        self.reader = FactReader(database, self.target.lake)

    def write(self, content: str | bytes, name: str = "orders.csv") -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def bring(self, content: str | bytes, name: str = "orders.csv", **more: Any) -> Imported:
        return import_file(
            self.target, self.write(content, name), shop=self.shop, actor=ACTOR, **more
        )

    def rows(self, columns: str, kind: str = "order") -> list[tuple[Any, ...]]:
        return self.reader.rows(
            f"select {columns} from facts where kind = $kind order by occurred_at, external_id",
            {"kind": kind},
        )

    def rejects(self, done: Imported) -> list[tuple[int, str, str]]:
        if done.rejects_file is None:
            return []
        with done.rejects_file.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        names = ("rejected_row", "rejected_column", "rejected_reason")
        return [(int(row[names[0]]), row[names[1]], row[names[2]]) for row in rows]

    def summary(self) -> Summary:
        return queries.summary(self.reader, "tide")
