"""What several contract tests share: a bench for imports."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from springtide.bootstrap import real_instant
from springtide.domain.access.operations import create_shop
from springtide.kit.db import Database
from tests.kit.bench import ACTOR, NOW, Bench


@pytest.fixture
def bench(tmp_path: Path, sqlite_template: Path) -> Iterator[Bench]:
    path = tmp_path / "state.db"
    path.write_bytes(sqlite_template.read_bytes())
    database = Database(f"sqlite:///{path}")
    database.clock = real_instant
    with database.write() as tx:
        shop = create_shop(
            tx, slug="tide", name="Tide", currency="CNY", zone_name="Asia/Shanghai",
            actor=ACTOR, now=NOW,
        )  # fmt: skip
    opened = Bench(database, tmp_path, shop)
    yield opened
    opened.reader.close()
    database.close()
