"""A lake that is not the one that the state knows is an error, and nothing of it is deleted."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from springtide.bootstrap import open_house
from springtide.domain.facts import agreement, operations, store
from springtide.domain.facts.agreement import LakeDisagrees
from springtide.domain.facts.lake import Lake, LakeUnreadable
from springtide.domain.facts.reader import FactReader
from springtide.domain.facts.writing import kept_files, meet, writing
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from tests.kit.house import ACTOR, TestHouse, settings_in, shop_in
from tests.store.facts.test_sealing import append, content, facts

SEALED = 3


@pytest.fixture
def lake(database: Database, tmp_path: Path) -> Lake:
    """A lake of many commits: sealed, compacted, with files that are dead but not swept."""
    lake = Lake(tmp_path / "lake")
    for number in range(SEALED):
        append(database, facts(range(number, number + 1)))
        operations.seal(database, lake)
    assert operations.compact(database, lake, files_max=1) == SEALED - 1
    append(database, facts(range(20, 22)))
    operations.seal(database, lake)
    append(database, facts(range(30, 33)))
    return lake


def everything(lake: Lake) -> dict[str, bytes]:
    return {
        str(path.relative_to(lake.folder)): path.read_bytes()
        for path in lake.folder.rglob("*.parquet")
        if "_delta_log" not in path.parts
    }


def commits(lake: Lake) -> list[Path]:
    return sorted(lake.log.glob("*.json"))


def _no_log(lake: Lake) -> None:
    shutil.rmtree(lake.log)


def _no_lake(lake: Lake) -> None:
    lake.folder.rename(lake.folder.with_name("elsewhere"))


def _empty_log(lake: Lake) -> None:
    for path in lake.log.iterdir():
        path.unlink()


def _shortened(lake: Lake) -> None:
    commits(lake)[-1].unlink()


def _emptied_commit(lake: Lake) -> None:
    commits(lake)[-2].write_bytes(b"")


def _emptied_last(lake: Lake) -> None:
    commits(lake)[-1].write_bytes(b"")


def _half_commit(lake: Lake) -> None:
    text = commits(lake)[-1].read_text()
    commits(lake)[-1].write_text(text[: len(text) // 2])


def _lost_line(lake: Lake) -> None:
    lines = commits(lake)[-1].read_text().splitlines()
    commits(lake)[-1].write_text("\n".join(line for line in lines if '"add"' not in line))


def _gap(lake: Lake) -> None:
    commits(lake)[3].unlink()


def _new_table(lake: Lake) -> None:
    _no_log(lake)
    empty = Database(f"sqlite:///{lake.folder.parent}/other.db")
    from springtide.migrations import migrate

    migrate(empty)
    other = Lake(lake.folder.parent / "other")
    with writing(empty, other):
        pass
    empty.close()
    shutil.copytree(other.log, lake.log)


def _ahead(lake: Lake) -> None:
    last = commits(lake)[-1]
    lake.commit_file(int(last.stem) + 1).write_bytes(last.read_bytes())


def _lost_file(lake: Lake) -> None:
    (lake.table / lake.look_again().files[0].path).unlink()


def _cut_file(lake: Lake) -> None:
    place = lake.table / lake.look_again().files[0].path
    place.write_bytes(place.read_bytes()[:-10])


DAMAGE = [
    _no_log, _no_lake, _empty_log, _shortened, _emptied_commit, _emptied_last, _half_commit,
    _lost_line, _gap, _new_table, _ahead,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_log_stops_everything_and_nothing_is_deleted(
    database: Database, lake: Lake, damage: Callable[[Lake], None]
) -> None:
    damage(lake)
    before = everything(lake)
    assert before or damage is _no_lake
    with pytest.raises((LakeDisagrees, LakeUnreadable)):
        meet(database, Lake(lake.folder))
    with pytest.raises((LakeDisagrees, LakeUnreadable)):
        operations.seal(database, Lake(lake.folder))
    with pytest.raises((LakeDisagrees, LakeUnreadable)):
        operations.compact(database, Lake(lake.folder), files_max=1)
    with pytest.raises((LakeDisagrees, LakeUnreadable)):
        operations.sweep(database, Lake(lake.folder), retention_hours=0)
    with pytest.raises((LakeDisagrees, LakeUnreadable)):
        operations.tend(database, Lake(lake.folder))
    assert everything(lake) == before
    with database.read() as tx:
        assert tx.exec_driver_sql("select count(*) from fact_tail").scalar() == 3


@pytest.mark.parametrize("damage", [each for each in DAMAGE if each is not _ahead])
def test_a_reader_never_answers_from_a_damaged_log(
    database: Database, lake: Lake, damage: Callable[[Lake], None]
) -> None:
    damage(lake)
    reader = FactReader(database, Lake(lake.folder))
    with pytest.raises(Refusal) as refused:
        content(reader)
    assert refused.value.code.startswith("lake_")
    reader.close()


@pytest.mark.parametrize("damage", [_lost_file, _cut_file])
def test_a_lake_that_lacks_a_file_does_not_start(
    database: Database, lake: Lake, damage: Callable[[Lake], None]
) -> None:
    meet(database, lake)
    damage(lake)
    with pytest.raises(agreement.FilesMissing):
        meet(database, lake)


def test_an_older_copy_of_either_is_told_and_both_together_are_right(
    database: Database, database_url: str, lake: Lake, tmp_path: Path
) -> None:
    old_lake = shutil.copytree(lake.folder, tmp_path / "old-lake")
    with database.read() as tx:
        old_state = dict(tx.exec_driver_sql("select * from fact_lake").mappings().one())
        old_last = tx.exec_driver_sql("select value from fact_counters").scalar()
    append(database, facts(range(40, 45)))
    operations.seal(database, lake)
    with pytest.raises(agreement.LakeOlder):
        meet(database, Lake(old_lake))
    _put_back(database, old_state, old_last)
    with pytest.raises(agreement.StateOlder):
        meet(database, lake)
    meet(database, Lake(old_lake))


def _put_back(database: Database, row: dict[str, object], last: object) -> None:
    """Bring the state's record of the lake back to what it was."""
    with database.write() as tx:
        tx.exec_driver_sql("delete from fact_lake")
        tx.exec_driver_sql(f"update fact_counters set value = {last}")
    with database.write() as tx:
        store.note_lake(tx, **{key: value for key, value in row.items() if key != "name"})


def test_an_installation_without_the_record_gets_it_unless_its_facts_are_not_there(
    database: Database, lake: Lake
) -> None:
    with database.write() as tx:
        tx.exec_driver_sql("delete from fact_lake")
    hidden = lake.log.rename(lake.folder / "hidden")
    with pytest.raises(agreement.LakeMissing):
        meet(database, Lake(lake.folder))
    lake.folder.rename(lake.folder.with_name("away"))
    with pytest.raises(agreement.LakeMissing):
        meet(database, Lake(lake.folder))
    shutil.rmtree(lake.folder, ignore_errors=True)
    lake.folder.with_name("away").rename(lake.folder)
    hidden.rename(lake.log)
    last = commits(lake)[-1]
    kept = last.read_bytes()
    last.unlink()
    with pytest.raises(agreement.TailLost):
        meet(database, Lake(lake.folder))
    last.write_bytes(kept)
    meet(database, lake)
    with database.read() as tx:
        known = agreement.known(tx)
    assert known is not None
    assert (known.version, known.sealed_seq) == (lake.snapshot().version, SEALED + 2)


def test_an_empty_state_takes_over_no_facts_that_came_as_a_file(
    house: TestHouse, tmp_path: Path
) -> None:
    # A file's facts never were in the tail: nothing was sealed, and nothing sealed is missing.
    told = tmp_path / "orders.csv"
    told.write_text("customer_id,order_id,date,amount\nc1,o1,2025-06-01,10.00\n")
    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    import_file(target, told, shop=shop_in(house), actor=ACTOR, told_at=house.real_now())
    meet(house.db, house.lake)
    before = everything(house.lake)
    assert before
    with house.db.write() as tx:
        for table in ("fact_lake", "fact_imports", "fact_sources"):
            assert tx.exec_driver_sql(f"delete from {table}").rowcount
    with pytest.raises(agreement.StateEmpty):
        meet(house.db, Lake(house.lake.folder))
    with house.db.read() as tx:
        assert agreement.known(tx) is None
    assert everything(house.lake) == before


def test_nothing_is_swept_while_a_backup_keeps_files(database: Database, lake: Lake) -> None:
    before = everything(lake)
    with kept_files(lake):
        assert operations.sweep(database, lake, retention_hours=0) == 0
        assert everything(lake) == before
    assert operations.sweep(database, lake, retention_hours=0) == SEALED
    assert operations.sweep(database, lake, retention_hours=0) == 0


def test_what_others_put_beside_the_facts_stays(database: Database, lake: Lake) -> None:
    folder = next(lake.table.glob("shop=*/month=*"))
    (folder / "mine.parquet").write_bytes(b"mine")
    stray = folder / "00000000-0000-0000-0000-000000000000.parquet"
    stray.write_bytes(b"of nobody")
    operations.sweep(database, lake, retention_hours=0)
    assert (folder / "mine.parquet").exists()
    assert stray.exists()


def test_a_log_whose_removals_lie_does_not_delete_what_is_current(
    database: Database, lake: Lake, reader: FactReader
) -> None:
    wanted = content(reader)
    current = lake.snapshot().files[0].path
    commit = commits(lake)[2]
    line = {"remove": {"path": current, "deletionTimestamp": 1, "dataChange": True}}
    other = {"remove": {"path": "../../../secret", "deletionTimestamp": 1, "dataChange": True}}
    (lake.folder.parent / "secret").write_text("s")
    text = commit.read_text()
    commit.write_text(f"{text}\n{json.dumps(line)}\n{json.dumps(other)}\n")
    operations.sweep(database, lake, retention_hours=0)
    assert (lake.table / current).exists()
    assert (lake.folder.parent / "secret").exists()
    assert content(reader) == wanted


@pytest.fixture
def reader(database: Database, lake: Lake) -> Iterator[FactReader]:
    opened = FactReader(database, lake)
    yield opened
    opened.close()


def test_a_house_does_not_open_and_is_not_ready(database_url: str, tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data", database_url)
    house = open_house(settings)
    append(house.db, facts(range(5)))
    operations.seal(house.db, house.lake)
    assert house.lake_problem() is None
    shutil.rmtree(house.lake.log)
    house._lake_seen = (time.monotonic() - 60, None)
    assert house.lake_problem() == "lake_missing"
    house.close()
    with pytest.raises(agreement.LakeMissing) as refused:
        open_house(settings)
    assert "springtide restore" in str(refused.value)
