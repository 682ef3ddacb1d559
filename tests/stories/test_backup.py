"""A backup taken while everything runs has everything that was acknowledged before it, once."""

import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from springtide.bootstrap import House, open_house
from springtide.flows.installation.backup import back_up
from springtide.flows.installation.check import check
from springtide.flows.installation.restore import RestoreFailed
from tests.kit.actions import noting
from tests.kit.backups import Load, installed, load, put_back
from tests.kit.house import settings_in, shop_in
from tests.kit.houses import SmallHouse
from tests.kit.postgres import create
from tests.kit.running import Notes, environment_of, wait_until
from tests.kit.workers import Workers

_numbers = itertools.count(1)
BACKUPS = 3
#: Facts and claims that stand before a backup is begun, at least.
LOAD = 40


@pytest.fixture
def place(tmp_path: Path, postgres_server: str) -> Callable[[str], tuple[Path, str]]:
    """Return an empty place, with a data folder and a database of a kind."""

    def make(kind: str) -> tuple[Path, str]:
        number = next(_numbers)
        data = tmp_path / f"place-{number}"
        if kind == "sqlite":
            return data, f"sqlite:///{data}/state.db"
        create(postgres_server, f"place_{number}")
        return data, f"{postgres_server}/place_{number}"

    return make


Place = Callable[[str], tuple[Path, str]]


def names_in(house: House) -> Counter[str]:
    rows = house.facts.rows("select reference from facts where kind = 'view'")
    return Counter(name for (name,) in rows)


def claimed_in(house: House) -> Counter[str]:
    with house.db.read() as tx:
        return Counter(tx.exec_driver_sql("select customer_key from reward_claims").scalars())


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restore_under_load_has_all_that_was_acknowledged_once(
    place: Place, tmp_path: Path, kind: str
) -> None:
    house, _, token, reward = installed(*place(kind))
    taken: list[tuple[Path, Load]] = []
    with load(house.settings, token, reward) as seen:
        for number in range(BACKUPS):
            already = len(seen.facts), len(seen.claims), seen.seals
            while not (
                len(seen.facts) >= already[0] + LOAD
                and len(seen.claims) >= already[1] + LOAD
                and seen.seals >= already[2] + 2
            ):
                assert seen.failures == []
                time.sleep(0.02)
            known = Load(list(seen.facts), list(seen.claims))
            backup = tmp_path / f"backup-{number}{'.tar' if number == 1 else ''}"
            back_up(house, backup)
            taken.append((backup, known))
        after = len(seen.facts)
        while len(seen.facts) < after + LOAD:
            time.sleep(0.02)
    assert check(house).findings == ()
    house.close()
    for backup, known in taken:
        data, url = place(kind)
        settings = settings_in(data, url)
        put_back(backup, settings)
        restored = open_house(settings)
        try:
            facts, claims = names_in(restored), claimed_in(restored)
            assert set(known.facts) <= set(facts)
            assert set(known.claims) <= set(claims)
            assert set(facts.values()) == set(claims.values()) == {1}
            assert check(restored).findings == ()
        finally:
            restored.close()
    assert len(taken) == BACKUPS


@pytest.mark.parametrize(("kind", "other"), [("sqlite", "postgresql"), ("postgresql", "sqlite")])
def test_a_backup_of_one_database_moves_into_the_other_and_back(
    place: Place, tmp_path: Path, kind: str, other: str
) -> None:
    house, _, token, reward = installed(*place(kind))
    with load(house.settings, token, reward) as seen:
        while len(seen.claims) < LOAD or not seen.seals:
            time.sleep(0.02)
    rows = names_in(house), claimed_in(house)
    back_up(house, tmp_path / "first")
    house.close()
    settings = settings_in(*place(other))
    put_back(tmp_path / "first", settings)
    moved = open_house(settings)
    assert (names_in(moved), claimed_in(moved)) == rows
    assert check(moved).findings == ()
    # New rows are numbered after those that came, and all goes on.
    with load(settings, token, reward) as more:
        while len(more.claims) < 5:
            assert more.refused == []
            time.sleep(0.02)
    assert check(moved).findings == ()
    back_up(moved, tmp_path / "second")
    moved.close()
    home = settings_in(*place(kind))
    put_back(tmp_path / "second", home)
    back = open_house(home)
    assert set(rows[0]) <= set(names_in(back))
    assert check(back).findings == ()
    back.close()


_KILLED = """
import os, signal, sys
from pathlib import Path
from springtide.flows.installation import restore
from tests.kit.backups import put_back
from tests.kit.house import settings_in
backup, data, url, moment = sys.argv[1:]
count = 0
def end(*_arguments, **_more):
    os.kill(os.getpid(), signal.SIGKILL)
def rename(source, target, _rename=os.rename):
    global count
    count += 1
    if moment == f"rename {count}":
        end()
    _rename(source, target)
os.rename = rename
if moment == "copying":
    restore._Stage._ready = end
if moment == "loaded":
    restore._Stage._load = lambda self, _load=restore._Stage._load: (_load(self), end())
if moment == "loading":
    restore.copy_rows = end
put_back(Path(backup), settings_in(Path(data), url), replace=True)
"""
MOMENTS = ["copying", "rename 1", "rename 2", "rename 3", "rename 5"]


@pytest.mark.parametrize(
    ("kind", "moment"),
    [
        *(("sqlite", moment) for moment in MOMENTS),
        *(("postgresql", moment) for moment in ("loading", "loaded", "rename 3")),
    ],
)
def test_a_restore_that_is_killed_leaves_the_old_or_the_new(
    place: Place, tmp_path: Path, kind: str, moment: str
) -> None:
    old = settings_in(*place(kind))
    house, *_ = installed(old.data, old.database_url)
    back_up(house, tmp_path / "backup")
    shop_in(house, "later")
    house.close()
    died = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path / "backup"), str(old.data), old.database_url,
         moment],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr
    again = open_house(old)
    with again.db.read() as tx:
        slugs = set(tx.exec_driver_sql("select slug from shops").scalars())
    is_new = slugs == {"tide"}
    assert is_new or slugs == {"tide", "later"}
    # Before the step that decides it is the old, after it the new.
    decided = moment in ("loaded", "rename 2", "rename 3", "rename 5")
    assert is_new == decided
    assert check(again).findings == ()
    again.close()
    assert not (old.data / ".restore").exists()


def test_a_backup_that_is_killed_leaves_nothing_that_looks_like_one(
    place: Place, tmp_path: Path
) -> None:
    settings = settings_in(*place("sqlite"))
    house, *_ = installed(settings.data, settings.database_url)
    script = (
        "import os, signal\nfrom springtide.flows.installation import backup\n"
        "backup._verify = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from pathlib import Path\nimport sys\nfrom springtide.bootstrap import open_house\n"
        "from tests.kit.house import settings_in\n"
        "backup.back_up(open_house(settings_in(Path(sys.argv[1]), sys.argv[2])), "
        "Path(sys.argv[3]), keep=2)\n"
    )
    folder = tmp_path / "backups"
    died = subprocess.run(
        [sys.executable, "-c", script, str(settings.data), settings.database_url, str(folder)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert [each.name for each in folder.iterdir() if not each.name.startswith(".")] == []
    done = back_up(house, folder, keep=2)
    assert [each.name for each in folder.iterdir()] == [done.place.name]
    assert not (settings.data / ".keeping" / "aside").exists()
    house.close()


def test_the_wrong_database_leaves_what_was_there(place: Place, tmp_path: Path) -> None:
    settings = settings_in(*place("sqlite"))
    house, *_ = installed(settings.data, settings.database_url)
    back_up(house, tmp_path / "backup")
    house.close()
    data, url = place("postgresql")
    with pytest.raises(RestoreFailed):
        put_back(tmp_path / "backup", settings_in(data, f"{url}_that_is_not_there"))
    assert not (data / "lake").exists()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_was_under_way_goes_on_after_a_restore_each_step_once(
    place: Place, tmp_path: Path, kind: str
) -> None:
    settings = settings_in(*place(kind))
    house, shop, *_ = installed(settings.data, settings.database_url)
    notes = Notes.begin(SmallHouse(house.db, settings), shop)
    with Workers(environment_of(settings)) as workers:
        worker = workers.start()
        notes.plan("under way", kind="long_note", steps=8, step_ms=500)
        wait_until(lambda: len(notes.written()) >= 2)
        workers.kill(worker)
    at_backup = notes.written()
    back_up(house, tmp_path / "backup")
    house.close()
    assert 2 <= len(at_backup) < 8
    again = settings_in(*place(kind))
    put_back(tmp_path / "backup", again)
    restored = open_house(again)
    small = SmallHouse(restored.db, again)
    if kind == "postgresql":
        # The table is of this test alone: of PostgreSQL only the state's own tables are kept.
        with restored.db.write() as tx:
            noting.make_notes(tx)
    after = Notes(small, shop)
    assert after.states() == Counter(running=1)
    with Workers(environment_of(again)) as workers:
        workers.start()
        wait_until(lambda: after.states() == Counter(done=1), after.states)
    written = after.written()
    everything = {f"do under way {number}" for number in range(8)}
    assert set(written.values()) == {1}
    if kind == "sqlite":
        assert set(written) == everything
    else:
        # What was noted before the backup is not noted again.
        assert set(written) == everything - set(at_backup)
    restored.close()
