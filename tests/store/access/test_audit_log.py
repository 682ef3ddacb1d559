"""The audit log: in the order of commit, with real instants, on both databases."""

import subprocess
import sys
from datetime import datetime, timedelta

import pytest

from springtide.bootstrap import real_instant
from springtide.domain.access import operations
from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations.keys import CREATED
from springtide.kit.db import Database
from springtide.kit.time import SimulatedClock
from tests.kit.house import TestHouse, shop_in

ACTOR = Actor("command", "test", "test")
#: What another process does: write so many entries, each in a transaction of its own.
WRITER = """
import sys
from uuid import UUID
from springtide.bootstrap import real_instant
from springtide.domain.access.model import Actor
from springtide.domain.access.operations import record_audit
from springtide.domain.access.operations.keys import CREATED
from springtide.kit.db import Database

database = Database(sys.argv[1])
database.clock = real_instant
for number in range(40):
    with database.write() as tx:
        record_audit(
            tx, shop=UUID(sys.argv[2]), actor=Actor("command", "w", "w"), action=CREATED,
            subject=f"{sys.argv[3]}{number}",
        )
"""


def note(tx: object, shop: Shop, subject: str) -> None:
    operations.record_audit(tx, shop=shop, actor=ACTOR, action=CREATED, subject=subject)  # type: ignore[arg-type]


def _fail_within(house: TestHouse, shop: Shop) -> None:
    with house.db.write() as tx:
        note(tx, shop, "undone")
        raise ZeroDivisionError


def subjects(database: Database, shop: Shop) -> list[str]:
    with database.read() as tx:
        return [each.subject for each in audit_page(tx, shop_id=shop.id, limit=1_000)]


def test_what_is_committed_last_is_the_newest_however_early_it_was_written(
    house: TestHouse,
) -> None:
    if house.db.is_sqlite:
        pytest.skip("SQLite lets one transaction write at a time")
    shop = shop_in(house)
    other = Database(house.db.url)
    other.clock = house.real_now
    with house.db.write() as early:
        note(early, shop, "written first")
        with other.write() as late:
            note(late, shop, "written second")
            note(late, shop, "written third")
        assert subjects(house.db, shop)[:2] == ["written third", "written second"]
    other.close()
    assert subjects(house.db, shop)[:3] == ["written first", "written third", "written second"]


def test_a_clock_that_goes_back_changes_no_order(house: TestHouse) -> None:
    shop = shop_in(house)
    for number in range(4):
        house.forward(hours=-1)
        with house.db.write() as tx:
            note(tx, shop, f"s{number}")
    assert subjects(house.db, shop) == ["s3", "s2", "s1", "s0", "tide"]


def test_nothing_comes_in_below_what_was_read_while_two_processes_write(
    house: TestHouse,
) -> None:
    shop = shop_in(house)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, house.db.url, str(shop.id), name])
        for name in ("a", "b")
    ]
    seen: list[str] = []
    while any(writer.poll() is None for writer in writers):
        found = subjects(house.db, shop)[::-1]
        assert found[: len(seen)] == seen
        seen = found
    assert [writer.returncode for writer in writers] == [0, 0]
    found = subjects(house.db, shop)[::-1]
    assert found[: len(seen)] == seen
    assert len(found) == len(set(found)) == 81
    for name in ("a", "b"):
        own = [each for each in found if each.startswith(name)]
        assert own == [f"{name}{number}" for number in range(40)]


def test_what_is_undone_leaves_no_entry_and_no_gap_in_what_is_read(house: TestHouse) -> None:
    shop = shop_in(house)
    with pytest.raises(ZeroDivisionError):
        _fail_within(house, shop)
    with house.db.write() as tx:
        note(tx, shop, "done")
    assert subjects(house.db, shop) == ["done", "tide"]


def test_an_entry_tells_the_real_instant_and_what_a_simulated_clock_showed(
    house: TestHouse,
) -> None:
    real = house.real_now()
    shop = shop_in(house)
    shows = real + timedelta(days=90)
    clock = SimulatedClock(shows=shows, set_at=real)
    with house.db.write() as tx:
        operations.set_clock(Act(tx, shop, ACTOR, real, real), clock=clock)
    house.forward(minutes=5)
    with house.db.write() as tx:
        # A shop that is known by its id alone tells its clock all the same.
        operations.record_audit(tx, shop=shop.id, actor=ACTOR, action=CREATED, subject="later")
    with house.db.read() as tx:
        last, _, first = audit_page(tx, shop_id=shop.id)
    assert (last.at, last.shop_at) == (real + timedelta(minutes=5), shows)
    assert (first.at, first.shop_at) == (real, None)


def test_a_database_without_a_clock_takes_no_entry(database: Database, now: datetime) -> None:
    database.clock = None
    with pytest.raises(RuntimeError, match="clock"), database.write() as tx:
        operations.record_audit(tx, shop=None, actor=ACTOR, action=CREATED, subject="s")
    database.clock = real_instant
    with database.write() as tx:
        operations.record_audit(tx, shop=None, actor=ACTOR, action=CREATED, subject="s")
