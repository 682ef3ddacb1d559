"""Data of every release open with today's code: migrated, each page rendered, each command run."""

import itertools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections import deque
from html import unescape
from pathlib import Path

import pytest
from litestar.testing import TestClient
from sqlalchemy import create_engine, text

from springtide.bootstrap import open_house
from springtide.domain.access import operations
from springtide.domain.access.queries import all_shops
from springtide.domain.imports.reports import whole
from springtide.flows.people.audit_log import WORDS, AuditFilter, entries
from springtide.kit.db import Database, driver_url
from springtide.migrations import is_current, migrate
from springtide.settings import Settings, read_settings
from springtide.site import create_app
from springtide.web.frame import sessions
from tests.releases.make import BASE, OWNER, PASSWORD, UNKNOWN, orders

ROOT = Path(__file__).parents[2]
ARCHIVES = sorted(Path(__file__).parent.glob("*.tar.xz"))
PAGES_MAX = 600
_LINK = re.compile(r'(?:href|hx-get)="([^"#]+)')
_numbers = itertools.count(1)


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def data(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a release's data folder."""
    place = tmp_path / "data"
    with tarfile.open(request.param) as file:
        file.extractall(place, filter="data")
    return place


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, data: Path) -> Settings:
    """The settings of that folder, its state where it was or in PostgreSQL."""
    environment = {"SPRINGTIDE_DATA": str(data)}
    if request.param == "postgresql":
        server: str = request.getfixturevalue("postgres_server")
        environment["SPRINGTIDE_DATABASE_URL"] = _moved(data / "state.db", server)
    return read_settings(environment)


def _moved(state: Path, server: str) -> str:
    """Copy a state database to PostgreSQL, at the version that it has; return its address."""
    name = f"release_{next(_numbers)}"
    engine = create_engine(driver_url(f"{server}/postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"create database {name}"))
    engine.dispose()
    address = f"{server}/{name}"
    old = sqlite3.connect(state)
    old.row_factory = sqlite3.Row
    (version,) = old.execute("select version_num from alembic_version").fetchone()
    new = Database(address)
    migrate(new, to=version)
    with new.write() as tx:
        tx.execute(text("set session_replication_role = replica"))
        tx.execute(text("set time zone 'UTC'"))
        types = tx.execute(
            text(
                "select table_name, column_name, udt_name from information_schema.columns "
                "where table_schema = 'public' order by table_name, ordinal_position"
            )
        ).all()
        tables = itertools.groupby(types, key=lambda row: row.table_name)
        for table, columns in [(table, list(found)) for table, found in tables]:
            tx.execute(text(f'delete from "{table}"'))
            names = ", ".join(f'"{each.column_name}"' for each in columns)
            values = ", ".join(
                f"cast(:v{at} as {each.udt_name})" for at, each in enumerate(columns)
            )
            for row in old.execute(f'select {names} from "{table}"').fetchall():
                told = {
                    f"v{at}": value if value is None or isinstance(value, bytes) else str(value)
                    for at, value in enumerate(row)
                }
                tx.execute(text(f'insert into "{table}" ({names}) values ({values})'), told)
            for each in columns:
                sequence = tx.execute(
                    text("select pg_get_serial_sequence(:table, :column)"),
                    {"table": f'"{table}"', "column": each.column_name},
                ).scalar()
                if sequence:
                    highest = f'(select max("{each.column_name}") from "{table}")'
                    tx.execute(text(f"select setval('{sequence}', coalesce({highest}, 1))"))
    new.close()
    old.close()
    return address


def test_there_is_one_of_the_code_before_reports_and_one_with_them() -> None:
    assert ARCHIVES[0].name == "0014.tar.xz"
    assert len(ARCHIVES) > 1
    assert sum(path.stat().st_size for path in ARCHIVES) < 400_000


def test_every_page_is_rendered(settings: Settings) -> None:
    house = open_house(settings)
    assert is_current(house.db)
    try:
        with TestClient(create_app(house), base_url="http://testserver.local") as client:
            session = operations.log_in(
                house.db,
                email=OWNER,
                password=PASSWORD,
                visit=operations.Visit("127.0.0.1"),
                now=house.real_now(),
            )
            client.cookies.set(sessions.session_cookie_name(house), session.token)
            seen = _crawl(client)
    finally:
        house.close()
    assert [page for page in seen if seen[page] not in (200, 303)] == []
    waits = list(settings.uploads.rglob("*.json"))
    for part in (
        "/data/imports/imp_", "/campaigns/cmp_", "/rewards/rwd_", "/customers/", "/ledger",
        "/settings", "/exports/", "/data/uploads/" if waits else "/data",
    ):  # fmt: skip
        assert any(part in page for page in seen), (part, sorted(seen))


def test_every_entry_of_the_audit_log_has_words_and_its_place(settings: Settings) -> None:
    house = open_house(settings)
    try:
        with house.db.read() as tx:
            rows = tx.execute(text("select action, seq from audit_log order by seq")).all()
            shops = all_shops(tx)
            found = entries(tx, shops[0], AuditFilter(), limit=1_000)
    finally:
        house.close()
    assert len(rows) > 10
    assert {row.action for row in rows} - set(WORDS) == set()
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    # What was told by the real clock lies as it happened.
    keys = [entry.at for entry in found if entry.action == "key.create"]
    assert keys == sorted(keys, reverse=True)


def _crawl(client: TestClient) -> dict[str, int]:  # type: ignore[type-arg]
    """Open every address of the shop that a page names; return how each answered."""
    waiting, seen = deque([BASE, "/shops"]), dict[str, int]()
    while waiting and len(seen) < PAGES_MAX:
        page = waiting.popleft()
        if page in seen:
            continue
        if "stream" in page:
            continue
        answer = client.get(page, follow_redirects=False)
        seen[page] = answer.status_code
        if "html" in answer.headers.get("content-type", ""):
            waiting += [unescape(link) for link in _LINK.findall(answer.text)
                        if link.startswith(BASE)]  # fmt: skip
    assert not waiting or len(seen) == PAGES_MAX
    return seen


def _run(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPRINGTIDE")}
    return subprocess.run(
        [sys.executable, "-m", "springtide.cli", *words],
        env={**kept, "PYTHONPATH": str(ROOT / "src"), "SPRINGTIDE_DATA": str(settings.data),
             "SPRINGTIDE_DATABASE_URL": settings.database_url},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )  # fmt: skip


def test_every_command_runs(settings: Settings, tmp_path: Path) -> None:
    told = tmp_path / "orders.csv"
    told.write_text(orders())
    (tmp_path / "bad.csv").write_text(UNKNOWN)
    shop = ("--shop", "tide")
    for words in (
        ("init", *shop), ("facts", "summary", *shop), ("orders", "list", *shop), ("check",),
        ("export", "customers", *shop, "-o", str(tmp_path / "a.csv")),
        ("export", "orders", *shop, "-o", str(tmp_path / "b.csv")), ("tiers", *shop),
        ("people", "list", *shop), ("campaign", "list", *shop),
    ):  # fmt: skip
        done = _run(settings, *words)
        assert "Traceback" not in done.stderr, (words, done.stderr)
        assert done.returncode == 0, (words, done.stdout, done.stderr)
    again = _run(settings, "import", str(told), *shop, "--json")
    counts = json.loads(again.stdout)
    assert (counts["read"], counts["new"], counts["changed"], counts["rejected"]) == (60, 0, 0, 2)
    # Whatever a report says has a word for where an older one does not say it.
    (report,) = [each["report"] for each in counts["files"]]
    assert set(report) <= set(whole({}))
    assert set(report["totals"]) == set(whole({})["totals"])
    refused = _run(settings, "import", str(tmp_path / "bad.csv"), *shop)
    assert (refused.returncode, "Traceback" in refused.stderr) == (1, False)
    shutil.rmtree(tmp_path / "data")
