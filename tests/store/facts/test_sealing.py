"""Sealing moves every fact once, whatever is killed; compaction and corrections lose none."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from springtide.domain.facts import operations
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.model import Fact
from springtide.domain.facts.reader import FactReader
from springtide.domain.facts.sealing import FILES_MAX
from springtide.kit.db import Database

START = datetime(2025, 1, 30, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def reader(database: Database, lake: Lake) -> Iterator[FactReader]:
    opened = FactReader(database, lake)
    yield opened
    opened.close()


def facts(numbers: range, amount: int = 100, shop: str = "s") -> list[Fact]:
    return [
        Fact(
            shop=shop,
            kind="order",
            occurred_at=START + timedelta(hours=number),
            source="api",
            external_id=f"order:{number}",
            amount_minor=amount,
        )
        for number in numbers
    ]


def append(database: Database, some: list[Fact]) -> None:
    with database.write() as tx:
        operations.append(tx, some, now=START)


def content(reader: FactReader) -> list[tuple[object, ...]]:
    return reader.rows(
        "select cast(split_part(external_id, ':', 2) as int), version, amount_minor "
        "from facts order by 1"
    )


def test_sealed_facts_are_read_from_the_lake_and_left_the_tail(
    database: Database, lake: Lake, reader: FactReader
) -> None:
    append(database, facts(range(100)))
    before = reader.rows("select * from facts order by occurred_at")
    assert operations.seal(database, lake) == 100
    assert reader.rows("select * from facts order by occurred_at") == before
    assert {file.month for file in lake.snapshot().files} == {"2025-01", "2025-02"}
    assert operations.seal(database, lake) == 0
    with database.read() as tx:
        assert tx.exec_driver_sql("select count(*) from fact_tail").scalar() == 0


def test_a_correction_of_a_sealed_fact_wins_in_the_tail_and_in_the_lake(
    database: Database, lake: Lake, reader: FactReader
) -> None:
    append(database, facts(range(50)))
    operations.seal(database, lake)
    append(database, facts(range(10, 12), amount=7))
    wanted = [(n, 2, 7) if n in (10, 11) else (n, 1, 100) for n in range(50)]
    assert content(reader) == wanted
    operations.seal(database, lake)
    assert content(reader) == wanted
    assert sum(file.row_count for file in lake.snapshot().files) == 50
    moved = Fact("s", "order", START + timedelta(days=90), "api", "order:10", amount_minor=9)
    append(database, [moved])
    operations.seal(database, lake)
    assert content(reader) == [(n, 3, 9) if n == 10 else row for n, row in enumerate(wanted)]


def test_many_small_files_become_one_and_readers_keep_theirs(
    database: Database, lake: Lake, reader: FactReader
) -> None:
    for number in range(FILES_MAX):
        append(database, facts(range(number, number + 1)))
        operations.seal(database, lake)
    assert operations.compact(database, lake) == 0
    append(database, facts(range(FILES_MAX, FILES_MAX + 1)))
    operations.seal(database, lake)
    before = content(reader)
    held = lake.snapshot().files
    assert operations.compact(database, lake) == FILES_MAX
    assert len(lake.snapshot().files) == 1
    assert content(reader) == before
    assert operations.sweep(database, lake) == 0
    assert all((lake.table / file.path).exists() for file in held)
    assert operations.sweep(database, lake, retention_hours=0) == FILES_MAX + 1
    assert content(reader) == before


def test_another_process_sees_appends_and_seals(database: Database, lake: Lake) -> None:
    mine, other = FactReader(database, lake), FactReader(database, Lake(lake.folder))
    append(database, facts(range(5)))
    assert content(mine) == content(other) != []
    operations.seal(database, lake)
    append(database, facts(range(5, 9)))
    assert len(content(other)) == 9
    mine.close()
    other.close()


def test_facts_are_there_once_while_others_append_and_seal(database: Database, lake: Lake) -> None:
    reader = FactReader(database, Lake(lake.folder))
    failures: list[BaseException] = []
    appended = 0

    def write(worker: int) -> None:
        nonlocal appended
        try:
            for batch in range(12):
                first = worker * 1000 + batch * 10
                append(database, facts(range(first, first + 10)))
        except BaseException as error:
            failures.append(error)

    def seal() -> None:
        try:
            while any(thread.is_alive() for thread in writers):
                operations.seal(database, lake)
        except BaseException as error:
            failures.append(error)

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(3)]
    sealer = threading.Thread(target=seal)
    for thread in (*writers, sealer):
        thread.start()
    seen = 0
    while sealer.is_alive():
        ((count, distinct),) = reader.rows(
            "select count(*), count(distinct external_id) from facts"
        )
        assert count == distinct
        assert count >= seen
        seen = count
    for thread in (*writers, sealer):
        thread.join()
    assert failures == []
    assert len(content(reader)) == 360
    reader.close()


def test_two_transactions_that_race_for_one_fact_give_it_two_versions(
    database: Database, reader: FactReader
) -> None:
    gate = threading.Barrier(2)

    def write(amount: int) -> None:
        gate.wait()
        append(database, facts(range(20), amount=amount))

    threads = [threading.Thread(target=write, args=(amount,)) for amount in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = content(reader)
    assert [row[:2] for row in rows] == [(n, 2) for n in range(20)]
    assert len({row[2] for row in rows}) == 1


_KILLED = """
import os, signal, sys
from pathlib import Path
from springtide.domain.facts import operations
from springtide.domain.facts.lake import Lake
from springtide.kit.db import Database
url, folder, stage = sys.argv[1:]
def progress(reached):
    if reached == stage:
        os.kill(os.getpid(), signal.SIGKILL)
operations.seal(Database(url), Lake(Path(folder)), progress=progress)
"""


@pytest.mark.parametrize("stage", ["read", "written", "expected", "committed", "deleted"])
def test_a_sealer_killed_at_any_step_loses_and_doubles_nothing(
    database: Database, database_url: str, lake: Lake, reader: FactReader, stage: str
) -> None:
    append(database, facts(range(30)))
    operations.seal(database, lake)
    append(database, [*facts(range(5), amount=7), *facts(range(30, 60))])
    wanted = content(reader)
    died = subprocess.run(
        [sys.executable, "-c", _KILLED, database_url, str(lake.folder), stage],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    fresh = FactReader(database, Lake(lake.folder))
    assert content(fresh) == content(reader) == wanted
    append(database, facts(range(60, 70)))
    operations.seal(database, lake)
    assert content(fresh) == content(reader) == wanted + [(n, 1, 100) for n in range(60, 70)]
    assert sum(file.row_count for file in lake.snapshot().files) == 70
    fresh.close()
