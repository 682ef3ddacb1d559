"""Fixtures for every test: the state database on SQLite and on a real PostgreSQL."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings
from litestar.testing import TestClient

from springtide.bootstrap import real_instant
from springtide.kit.db import Database
from springtide.migrations import migrate
from springtide.site import Site, create_app
from tests.kit import postgres
from tests.kit.house import TestHouse, settings_in

# Time is measured by the benchmarks: a law does not fail because the machine is busy.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "state.db"
    database = Database(f"sqlite:///{path}")
    migrate(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("rollback")
        connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A running server."""
    with postgres.server() as address:
        yield address


@pytest.fixture(scope="session")
def postgres_copies(postgres_server: str) -> Iterator[postgres.Copies]:
    """Copies of a migrated database on that server."""
    postgres.create(postgres_server, "template_tide")
    database = Database(f"{postgres_server}/template_tide")
    migrate(database)
    database.close()
    copies = postgres.Copies(postgres_server, "template_tide")
    yield copies
    copies.close()


@pytest.fixture
def postgres_url(postgres_copies: postgres.Copies) -> Iterator[str]:
    """The address of a fresh migrated database on PostgreSQL."""
    with postgres_copies.copy() as address:
        yield address


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a fresh migrated database, once on each engine."""
    if request.param == "sqlite":
        path = tmp_path / "state.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    address: str = request.getfixturevalue("postgres_url")
    return address


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh migrated database."""
    opened = Database(database_url)
    opened.clock = real_instant
    yield opened
    opened.close()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> Iterator[TestHouse]:
    """A house with its own data, on each engine, whose clock the test moves."""
    opened = TestHouse(settings_in(tmp_path / "data", database.url), database)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_house(sqlite_template: Path, tmp_path: Path) -> Iterator[TestHouse]:
    """A house on SQLite only, for what does not depend on the engine."""
    path = tmp_path / "house.db"
    shutil.copy(sqlite_template, path)
    url = f"sqlite:///{path}"
    opened = TestHouse(settings_in(tmp_path / "data", url), Database(url))
    yield opened
    opened.close()


@pytest.fixture
def client(sqlite_house: TestHouse) -> Iterator[TestClient[Site]]:
    """The app of ``sqlite_house``, called in process."""
    with TestClient(create_app(sqlite_house), base_url="http://testserver.local") as opened:
        yield opened


@pytest.fixture
def now() -> datetime:
    """A fixed instant."""
    return datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
