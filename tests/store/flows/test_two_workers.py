"""Two workers on one PostgreSQL: no action twice, and one goes on with what the other left."""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from signal import SIGTERM

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.flows.timeline import planning, worker_slots
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.model import Plan, State
from springtide.kit.db import Database
from tests.kit.actions import noting
from tests.kit.houses import SmallHouse, settings_at
from tests.kit.shops import ACTOR, new_shop
from tests.kit.workers import Workers

KINDS.include("tests.kit.actions")
ACTIONS = 40
pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def house(database: Database, tmp_path: Path) -> SmallHouse:
    with database.write() as tx:
        noting.make_notes(tx)
    return SmallHouse(database, settings_at(tmp_path / "data", database.url))


@pytest.fixture
def workers(house: SmallHouse) -> Iterator[Workers]:
    environment = {
        "SPRINGTIDE_DATA": str(house.settings.data),
        "SPRINGTIDE_DATABASE_URL": house.settings.database_url,
        "SPRINGTIDE_TEST_ACTIONS": "tests.kit.actions",
    }
    with Workers(environment) as started:
        yield started


def plan_notes(house: SmallHouse, shop: Shop, count: int, **params: object) -> None:
    now = house.real_now() - timedelta(seconds=1)
    plans = [
        Plan("day", "note", now, target=str(n), params={"what": str(n), **params})
        for n in range(count)
    ]
    with house.db.write() as tx:
        planning.plan(Act.of(tx, shop, ACTOR, now), campaign_id=None, plans=plans)


def done_count(house: SmallHouse, shop: Shop) -> int:
    with house.db.read() as tx:
        jobs = planning.jobs_of(tx, shop_id=shop.id, kinds=["note"], limit=1_000)
    return sum(job.state == State.DONE for job in jobs)


def wait_for(house: SmallHouse, shop: Shop, count: int) -> None:
    deadline = time.monotonic() + 60
    while done_count(house, shop) < count:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def written(house: SmallHouse) -> Counter[str]:
    with house.db.read() as tx:
        return Counter(noting.notes(tx))


def test_two_workers_share_the_work_and_do_nothing_twice(
    house: SmallHouse, workers: Workers
) -> None:
    shop = new_shop(house.db, now=house.real_now())
    first, second = workers.start(), workers.start()
    deadline = time.monotonic() + 30
    while True:
        with house.db.read() as tx:
            seen = worker_slots.workers_seen(tx, real_now=house.real_now())
        if [one.number for one in seen if one.is_alive] == [1, 2]:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    plan_notes(house, shop, ACTIONS, steps=3)
    wait_for(house, shop, ACTIONS)
    assert written(house) == {f"do {n} {step}": 1 for n in range(ACTIONS) for step in range(3)}
    for pid in (first, second):
        assert workers.kill(pid, SIGTERM) == 0
    with house.db.read() as tx:
        assert worker_slots.workers_seen(tx, real_now=house.real_now()) == []


def test_the_other_worker_goes_on_with_what_a_killed_one_left(
    house: SmallHouse, workers: Workers
) -> None:
    shop = new_shop(house.db, now=house.real_now())
    doomed = workers.start()
    plan_notes(house, shop, 4, steps=30, step_ms=50)
    while not written(house):
        time.sleep(0.01)
    workers.start()
    time.sleep(0.3)
    workers.kill(doomed)
    wait_for(house, shop, 4)
    assert written(house) == {f"do {n} {step}": 1 for n in range(4) for step in range(30)}
