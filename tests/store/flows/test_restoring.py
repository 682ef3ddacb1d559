"""A restore refuses what is not whole, or a place in use, and lets nothing go out by itself."""

import contextlib
import json
import os
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import inspect

from springtide.bootstrap import open_house
from springtide.domain.access.act import Act
from springtide.domain.access.model import Role, Shop
from springtide.domain.access.operations import Visit, begin_recovery, log_in
from springtide.domain.facts import operations
from springtide.domain.facts.model import Fact
from springtide.flows.files import pending as kept
from springtide.flows.installation import backup as backing_up
from springtide.flows.installation.backup import BackupRuns, NoSpace, PlaceTaken, back_up
from springtide.flows.installation.check import check
from springtide.flows.installation.manifest import MANIFEST, BadBackup, read_manifest
from springtide.flows.installation.occupancy import InUse, alone_in, share
from springtide.flows.installation.restore import (
    BackupNewer,
    NotEmpty,
    OtherSecret,
    Target,
    restore,
)
from springtide.flows.installation.tables import every_table
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Plan, State
from springtide.flows.timeline.planning import SEND_OUTREACH
from springtide.kit.errors import Refusal
from tests.kit.house import ACTOR, PASSWORD, START, TestHouse, person_in, settings_in, shop_in

LATER = START + timedelta(hours=1)


@pytest.fixture
def shop(sqlite_house: TestHouse) -> Shop:
    """A shop with sealed facts, waiting ones, and files beside them."""
    house = sqlite_house
    shop = shop_in(house)
    for numbers in (range(5), range(5, 8)):
        with house.db.write() as tx:
            some = [Fact(shop.slug, "order", START, "api", f"order:{n}") for n in numbers]
            operations.append(tx, some, now=START)
        if numbers.start == 0:
            operations.seal(house.db, house.lake)
    for folder in (house.settings.rejects, house.settings.data / "uploads" / "a" / "b"):
        folder.mkdir(parents=True)
        (folder / "file.csv").write_text(f"of {folder.name}")
    return shop


@pytest.fixture
def backup(sqlite_house: TestHouse, shop: Shop, tmp_path: Path) -> Path:
    """A backup of it."""
    return back_up(sqlite_house, tmp_path / "backup").place


def target(tmp_path: Path, name: str = "new", secret: str | None = None) -> Target:
    data = tmp_path / name
    return Target(data, f"sqlite:///{data}/state.db", secret)


def put_back(place: Path, to: Target, *, replaces: bool = False) -> None:
    restore(place, to, now=LATER, replace=replaces)


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_backup_is_private_and_holds_what_belongs_together(
    sqlite_house: TestHouse, backup: Path
) -> None:
    assert all(path.stat().st_mode & 0o077 == 0 for path in (backup, *backup.rglob("*")))
    manifest = read_manifest((backup / MANIFEST).read_bytes(), backup)
    names = {entry.name for entry in manifest.files}
    assert {"state.db", "secret", "rejects/file.csv", "uploads/a/b/file.csv"} <= names
    assert any(name.startswith("lake/facts/shop=tide/") for name in names)
    assert (manifest.sealed_facts, manifest.waiting_facts) == (5, 3)
    assert not any(sqlite_house.settings.data.joinpath(".keeping").glob("aside"))


def test_what_is_restored_is_whole_and_private(
    sqlite_house: TestHouse, backup: Path, tmp_path: Path
) -> None:
    to = target(tmp_path)
    put_back(backup, to)
    house = open_house(settings_in(to.data, to.database_url))
    assert house.facts.rows("select count(*) from facts") == [(8,)]
    house.close()
    assert (to.data / "uploads" / "a" / "b" / "file.csv").read_text() == "of b"
    assert (to.data / "secret").read_text() == sqlite_house.settings.secret
    kept = [to.data / "state.db", to.data / "secret", to.data / "lake", to.data / "uploads"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in kept)


def _cut(place: Path) -> None:
    place.write_bytes(place.read_bytes()[:-1])


def _turn(place: Path) -> None:
    raw = bytearray(place.read_bytes())
    raw[len(raw) // 2] ^= 1
    place.write_bytes(bytes(raw))


def test_a_lock_that_a_refused_restore_removed_is_nobodys(tmp_path: Path) -> None:
    started = threading.Event()

    def start() -> None:
        started.set()
        share(tmp_path, seconds=10).close()

    with ThreadPoolExecutor(1) as pool:
        with contextlib.suppress(NotEmpty), alone_in(tmp_path):
            waiting = pool.submit(start)
            assert started.wait(5)
            time.sleep(0.2)
            raise NotEmpty(place=tmp_path)
        waiting.result(timeout=10)
    # The lock that the start got is the one in the folder.
    with share(tmp_path), pytest.raises(InUse), alone_in(tmp_path):
        pass


@pytest.mark.parametrize("damage", [_cut, _turn, Path.unlink])
def test_a_backup_that_was_altered_anywhere_is_refused(
    backup: Path, tmp_path: Path, damage: object
) -> None:
    names = sorted(str(path.relative_to(backup)) for path in backup.rglob("*") if path.is_file())
    assert len(names) > 5
    for name in names:
        place, raw = backup / name, (backup / name).read_bytes()
        damage(place)  # type: ignore[operator]
        to = target(tmp_path)
        with pytest.raises(BadBackup):
            put_back(backup, to)
        assert not to.data.exists()
        place.write_bytes(raw)
    put_back(backup, target(tmp_path))


def test_a_tar_that_was_cut_short_or_has_other_names_is_refused(
    sqlite_house: TestHouse, shop: Shop, tmp_path: Path
) -> None:
    tar = back_up(sqlite_house, tmp_path / "backup.tar").place
    assert tar.stat().st_mode & 0o077 == 0
    raw = tar.read_bytes()
    for length in (0, 100, len(raw) // 2, len(raw) - 20_000):
        tar.write_bytes(raw[:length])
        with pytest.raises(BadBackup):
            put_back(tar, target(tmp_path))
    tar.write_bytes(raw)
    put_back(tar, target(tmp_path))
    with tarfile.open(tar) as opened:
        assert MANIFEST in opened.getnames()


def test_a_manifest_cannot_lead_outside(backup: Path, tmp_path: Path) -> None:
    manifest = read_manifest((backup / MANIFEST).read_bytes(), backup)
    for name in ("../outside", "/outside", "lake/../../outside", "a\0b", ""):
        entry = replace(manifest.files[0], name=name)
        (backup / MANIFEST).write_bytes(replace(manifest, files=(entry,)).to_bytes())
        with pytest.raises(BadBackup):
            put_back(backup, target(tmp_path))
    assert not (tmp_path / "outside").exists()


def test_a_later_release_is_told(backup: Path, tmp_path: Path) -> None:
    manifest = read_manifest((backup / MANIFEST).read_bytes(), backup)
    (backup / MANIFEST).write_bytes(replace(manifest, migration="9999").to_bytes())
    with pytest.raises(BackupNewer) as refused:
        put_back(backup, target(tmp_path, "above/new"))
    assert "9999" in str(refused.value)
    assert not (tmp_path / "above").exists()
    document = json.loads((backup / MANIFEST).read_bytes())
    document["form"] = 2
    (backup / MANIFEST).write_text(json.dumps(document))
    with pytest.raises(BadBackup):
        put_back(backup, target(tmp_path))


def test_a_place_with_data_is_kept_unless_told(backup: Path, tmp_path: Path) -> None:
    to = target(tmp_path)
    put_back(backup, to)
    before = everything(to.data)
    with pytest.raises(NotEmpty):
        put_back(backup, to)
    assert everything(to.data) == before
    (to.data / "uploads" / "later.csv").write_text("later")
    done = restore(backup, to, now=LATER, replace=True)
    assert done.before is not None
    assert (done.before / "uploads" / "later.csv").read_text() == "later"
    assert not (to.data / "uploads" / "later.csv").exists()


def test_nobody_may_be_at_work_where_a_backup_is_restored(backup: Path, tmp_path: Path) -> None:
    to = target(tmp_path)
    put_back(backup, to)
    house = open_house(settings_in(to.data, to.database_url))
    with pytest.raises(InUse):
        put_back(backup, to, replaces=True)
    house.close()
    put_back(backup, to, replaces=True)


def test_the_surroundings_secret_must_be_that_of_the_backup(
    sqlite_house: TestHouse, backup: Path, tmp_path: Path
) -> None:
    with pytest.raises(OtherSecret):
        put_back(backup, target(tmp_path, secret="of somebody else, and long enough too"))
    assert not (tmp_path / "new").exists()
    # A folder of somebody's is left as it was, empty or not.
    (tmp_path / "new").mkdir()
    with pytest.raises(OtherSecret):
        put_back(backup, target(tmp_path, secret="of somebody else, and long enough too"))
    assert list((tmp_path / "new").iterdir()) == []
    put_back(backup, target(tmp_path, secret=sqlite_house.settings.secret))


def test_a_taken_place_a_full_disk_and_a_second_backup_are_refused(
    sqlite_house: TestHouse, backup: Path, tmp_path: Path
) -> None:
    before = everything(backup)
    with pytest.raises(PlaceTaken):
        back_up(sqlite_house, backup)
    assert everything(backup) == before
    with pytest.raises(NoSpace) as refused:
        backing_up.refuse_unless_room(tmp_path, 10**18)
    assert "MB" in str(refused.value)
    with backing_up._alone(sqlite_house.settings.data), pytest.raises(BackupRuns):
        back_up(sqlite_house, tmp_path / "other")
    assert not (tmp_path / "other").exists()
    assert not list(tmp_path.glob(".*part*"))


def test_so_many_backups_are_kept(sqlite_house: TestHouse, shop: Shop, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    (folder / "mine").mkdir(parents=True)
    names = []
    for _ in range(4):
        names.append(back_up(sqlite_house, folder, keep=2).place.name)
        sqlite_house.forward(seconds=1)
    assert {path.name for path in folder.iterdir()} == {"mine", *names[-2:]}


def test_what_goes_out_and_was_due_waits_for_a_person(
    sqlite_house: TestHouse, shop: Shop, tmp_path: Path
) -> None:
    house = sqlite_house
    plans = [
        Plan("warm_up", SEND_OUTREACH, START + timedelta(minutes=minutes), target=name,
             params={"outreach_id": "00000000-0000-0000-0000-000000000000"})
        for name, minutes in (("due", 30), ("not yet", 90))
    ]  # fmt: skip
    plans.append(Plan("day", "try_plan", START + timedelta(minutes=30), target="inside"))
    with house.db.write() as tx:
        planning.plan(Act.of(tx, shop, ACTOR, house.real_now()), campaign_id=None, plans=plans)
    place = back_up(house, tmp_path / "backup").place
    to = target(tmp_path)
    done = restore(place, to, now=LATER, replace=False)
    assert done.held == 1
    restored = open_house(settings_in(to.data, to.database_url))
    with restored.db.read() as tx:
        jobs = {
            job.target: job
            for job in planning.jobs_of(
                tx, shop_id=shop.id, kinds=[SEND_OUTREACH, "try_plan"], limit=10
            )
        }
    restored.close()
    assert jobs["due"].state == State.NEEDS_PERSON
    assert jobs["due"].error is not None
    assert jobs["due"].error.code == "restored"
    assert jobs["due"].error.facts["at"] == "2025-11-01 10:00"  # the shop's time
    assert jobs["not yet"].state == jobs["inside"].state == State.PLANNED


def test_sessions_that_were_ended_since_do_not_come_back(
    sqlite_house: TestHouse, shop: Shop, tmp_path: Path
) -> None:
    house = sqlite_house
    person = person_in(house, shop, Role.OWNER)
    session = log_in(
        house.db,
        email=person.email,
        password=PASSWORD,
        visit=Visit("127.0.0.1"),
        now=house.real_now(),
    )
    with house.db.write() as tx:
        begin_recovery(tx, email=person.email, now=house.real_now())
    place = back_up(house, tmp_path / "backup").place
    to = target(tmp_path)
    put_back(place, to)
    restored = open_house(settings_in(to.data, to.database_url))
    for where, count in ((house, 1), (restored, 0)):
        with where.db.read() as tx:
            for table in ("sessions", "recoveries"):
                found = tx.exec_driver_sql(f"select count(*) from {table}").scalar()
                assert found == count, table
    assert session.token
    restored.close()


def test_uploads_that_wait_are_found_where_they_lie_now(
    sqlite_house: TestHouse, shop: Shop, tmp_path: Path
) -> None:
    house = sqlite_house
    upload = kept.new_place(house.settings.uploads, shop.id, "orders.csv")
    upload.write_text("orders")
    params = {"files": [{"upload": kept.key_of(upload), "name": "orders.csv"}]}
    with house.db.write() as tx:
        planning.enqueue(
            Act.of(tx, shop, ACTOR, house.real_now()), kind="import_file", params=params
        )
    place = back_up(house, tmp_path / "backup").place
    to = target(tmp_path)
    put_back(place, to)
    upload.unlink()
    restored = open_house(settings_in(to.data, to.database_url))
    assert check(restored).findings == ()
    found = kept.uploaded(restored.settings.uploads, shop.id, kept.key_of(upload))
    restored.close()
    assert found is not None
    assert found.read_text() == "orders"


def test_the_reasons_are_for_people(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        put_back(tmp_path / "nothing", target(tmp_path))
    assert "no folder and no tar file" in str(refused.value)
    os.mkdir(tmp_path / "empty")
    with pytest.raises(Refusal) as refused:
        put_back(tmp_path / "empty", target(tmp_path))
    assert "manifest" in str(refused.value)


def test_every_table_of_the_state_is_brought(sqlite_house: TestHouse) -> None:
    with sqlite_house.db.read() as tx:
        there = set(inspect(tx).get_table_names())
    assert {table.name for table in every_table()} == there - {"alembic_version"}
