"""The database goes away, the disk fills up: nothing is lost, and all goes on without a hand."""

import shutil
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from springtide.domain.access.model import Scope
from springtide.domain.ledger.queries import imbalances
from springtide.domain.rewards.queries import claim_count
from springtide.flows.timeline import worker_slots
from springtide.flows.timeline.model import State
from springtide.kit.db import Database
from springtide.migrations import migrate
from springtide.web.frame import sessions
from tests.kit import postgres
from tests.kit.disks import SmallDisk, small_disk
from tests.kit.fork_server import ForkServer, fork_server
from tests.kit.house import TestHouse, key_in, settings_in, shop_in
from tests.kit.houses import SmallHouse
from tests.kit.postgres import Cluster
from tests.kit.rewards import RULE, published
from tests.kit.running import Heard, Notes, ask, environment_of, wait_until
from tests.kit.workers import Workers

#: Longer than a worker may be silent, so that the others must not take it for dead.
AWAY_SECONDS = 18
#: All must be as before so long after an outage.
HEALED_SECONDS = 30
SECRET = "0" * 64


class Night:
    """A shop whose customers claim, whose worker works, and what it stands on."""

    def __init__(self, database_url: str, data: Path) -> None:
        database = Database(database_url)
        migrate(database)
        self.house = TestHouse(settings_in(data, database_url, secret=SECRET), database)
        self.house.clock = datetime.now(UTC)  # noqa: TID251 - the servers have the real clock
        self.shop = shop_in(self.house)
        self.token = key_in(self.house, self.shop, Scope.CLAIMS_WRITE, Scope.READ)
        early = self.house.clock - timedelta(minutes=1)
        self.reward = published(
            database, self.shop, "coupon", {"rule": RULE}, now=early, quantity=1_000
        )
        self.notes = Notes.begin(SmallHouse(database, self.house.settings), self.shop)

    def claim(self, port: int, customer: str) -> Heard:
        body = {"reward": self.reward.key, "customer_key": customer}
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"key-{customer}"}
        return ask(port, "POST", "/v1/claims", body, headers=headers)

    def read(self, port: int) -> Heard:
        headers = {"Authorization": f"Bearer {self.token}"}
        return ask(port, "GET", "/v1/campaigns", headers=headers)

    def page(self, port: int, language: str) -> Heard:
        cookie = f"{sessions.session_cookie_name(self.house)}=some-session"
        headers = {"Cookie": cookie, "Accept-Language": language}
        return ask(port, "GET", f"/shops/{self.shop.slug}", headers=headers)

    def claims(self) -> int:
        with self.house.db.read() as tx:
            assert imbalances(tx, shop_id=self.shop.id) == []
            return claim_count(tx, reward_id=self.reward.id)


@contextmanager
def running(night: Night, *, workers: int) -> Iterator[tuple[ForkServer, Workers]]:
    environment = environment_of(night.house.settings)
    with fork_server(environment) as server, Workers(environment) as nursery:
        server.start()
        for _ in range(workers):
            nursery.start()
        yield server, nursery
    night.house.close()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with postgres.cluster(durable=True) as made:
        postgres.create(made.address, "night")
        yield made


def refused(heard: Heard, code: str) -> None:
    """Hold an answer of the API to 503, a reason, and when to come again."""
    assert (heard.status, heard.document["code"]) == (503, code), heard
    assert heard.headers["content-type"] == "application/problem+json"
    assert int(heard.headers["retry-after"]) > 0


def refused_page(night: Night, port: int, english: str, chinese: str) -> None:
    for language, text in (("en", english), ("zh-CN", chinese)):
        heard = night.page(port, language)
        assert heard.status == 503
        assert int(heard.headers["retry-after"]) > 0
        assert text in heard.body.decode()


def alive(night: Night) -> int:
    night.house.clock = datetime.now(UTC)  # noqa: TID251 - as the workers have it
    with night.house.db.read() as tx:
        seen = worker_slots.workers_seen(tx, real_now=night.house.clock)
    return sum(each.is_alive for each in seen)


def test_server_and_workers_outlive_a_postgresql_that_is_away(
    cluster: Cluster, tmp_path: Path
) -> None:
    night = Night(f"{cluster.address}/night", tmp_path / "data")
    with running(night, workers=2) as (server, nursery):
        wait_until(lambda: alive(night) == 2)
        assert night.claim(server.port, "before").status == 201
        night.notes.plan("a", "b", "c", steps=8, step_ms=150)
        wait_until(lambda: len(night.notes.written()) > 3)
        cluster.stop()
        refused(night.claim(server.port, "during"), "database_away")
        refused(night.read(server.port), "database_away")
        refused_page(night, server.port, "The database does not answer", "数据库没有响应")
        time.sleep(AWAY_SECONDS)
        refused(night.claim(server.port, "during"), "database_away")
        cluster.start()
        assert night.read(server.port).status == 200  # the very first one
        assert night.claim(server.port, "during").status == 201
        wait_until(
            lambda: night.notes.states() == {State.DONE: 3},
            night.notes.states,
            seconds=HEALED_SECONDS,
        )
        wait_until(lambda: alive(night) == 2, seconds=HEALED_SECONDS)
        assert len(nursery.running()) == 2
        assert night.claims() == 2
    assert night.notes.written() == {f"do {n} {step}": 1 for n in "abc" for step in range(8)}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "disk", megabytes=24) as made:
        yield made


def test_what_a_full_disk_kept_from_being_written_heals_when_there_is_room(disk: SmallDisk) -> None:
    data = disk.folder / "data"
    night = Night(f"sqlite:///{data}/state.db", data)
    with running(night, workers=1) as (server, nursery):
        wait_until(lambda: alive(night) == 1)
        assert night.claim(server.port, "before").status == 201
        night.notes.plan("a", "b", steps=40, step_ms=50)
        wait_until(lambda: len(night.notes.written()) > 3)
        disk.fill()
        told = 0
        for number in range(40):
            heard = night.claim(server.port, f"during-{number}")
            told += heard.status == 201
            if heard.status != 201:
                refused(heard, "disk_full")
                break
        else:
            pytest.fail("a full disk took 40 claims")
        assert night.read(server.port).status == 200
        time.sleep(3)
        assert len(nursery.running()) == 1
        disk.empty()
        assert night.claim(server.port, "after").status == 201
        wait_until(
            lambda: night.notes.states() == {State.DONE: 2},
            night.notes.states,
            seconds=HEALED_SECONDS,
        )
        assert night.claims() == 2 + told
    assert night.notes.written() == {f"do {n} {step}": 1 for n in "ab" for step in range(40)}


def test_a_database_that_something_else_holds_is_503_and_not_a_fault(tmp_path: Path) -> None:
    data = tmp_path / "data"
    night = Night(f"sqlite:///{data}/state.db", data)
    with running(night, workers=0) as (server, _):
        holder = sqlite3.connect(data / "state.db", isolation_level=None)
        holder.execute("begin immediate")
        began = time.monotonic()
        refused(night.claim(server.port, "during"), "database_busy")
        assert time.monotonic() - began < 20
        assert night.read(server.port).status == 200
        holder.execute("rollback")
        holder.close()
        assert night.claim(server.port, "during").status == 201
        assert night.claims() == 1


def test_a_worker_that_stood_still_does_not_do_what_another_did_meanwhile(
    cluster: Cluster, tmp_path: Path
) -> None:
    night = Night(f"{cluster.address}/night", tmp_path / "data")
    with running(night, workers=1) as (_, nursery):
        wait_until(lambda: alive(night) == 1)
        night.notes.plan("a", "b", steps=20, step_ms=100)
        wait_until(lambda: len(night.notes.written()) > 3)
        frozen = nursery.alive[0]
        nursery.send(frozen, signal.SIGSTOP)
        nursery.start()
        wait_until(lambda: night.notes.states() == {State.DONE: 2}, night.notes.states)
        nursery.send(frozen, signal.SIGCONT)
        night.notes.plan("c", "d", steps=3)
        wait_until(lambda: night.notes.states() == {State.DONE: 4}, night.notes.states)
        wait_until(lambda: alive(night) == 2, seconds=HEALED_SECONDS)
    wanted = {f"do {n} {step}": 1 for n in "ab" for step in range(20)}
    assert night.notes.written() == wanted | {
        f"do {n} {step}": 1 for n in "cd" for step in range(3)
    }


def test_the_room_on_a_disk_is_that_of_the_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", megabytes=1) as disk:
        disk.fill()
        assert shutil.disk_usage(disk.folder).free == 0
        with pytest.raises(OSError, match="No space left"):
            (disk.folder / "more").write_bytes(b"1")
        disk.empty()
        (disk.folder / "more").write_bytes(b"1")
