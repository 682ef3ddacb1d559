"""An installation at work, backed up and put back elsewhere: what the tests of backups stand on."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path

from springtide.bootstrap import House, open_house
from springtide.domain.access.model import Scope, Shop
from springtide.domain.facts import operations
from springtide.domain.facts.lake import Lake
from springtide.flows.installation.restore import Done, Target, restore
from springtide.kit.db import Database
from springtide.settings import Settings
from tests.kit.fork_server import fork_server
from tests.kit.house import key_in, settings_in, shop_in
from tests.kit.rewards import RULE, published
from tests.kit.running import ask, environment_of
from tests.kit.workers import Workers

CLIENTS = 3


@dataclass
class Load:
    """What customers were told while a server and a worker were at work and facts were sealed."""

    facts: list[str] = field(default_factory=list)
    claims: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    failures: list[BaseException] = field(default_factory=list)
    seals: int = 0


def now() -> datetime:
    """Return the real instant: what runs beside the test has the real clock."""
    return datetime.now(UTC)  # noqa: TID251 - see above


def installed(data: Path, database_url: str) -> tuple[House, Shop, str, str]:
    """Open a house with a shop and a coupon; return also the coupon's and an API key."""
    house = open_house(settings_in(data, database_url))
    shop = shop_in(house)
    token = key_in(house, shop, Scope.EVENTS_WRITE, Scope.CLAIMS_WRITE)
    began = now() - timedelta(minutes=1)
    reward = published(house.db, shop, "coupon", {"rule": RULE}, now=began, quantity=1_000_000)
    return house, shop, token, reward.key


@contextmanager
def load(settings: Settings, token: str, reward: str) -> Iterator[Load]:
    """Let customers send facts and claims to a real server, beside a worker and much sealing."""
    seen, stop = Load(), threading.Event()
    environment = environment_of(settings)
    with Workers(environment) as workers, fork_server(environment) as server:
        workers.start()
        server.start()
        threads = [
            threading.Thread(
                target=_customer, args=(number, server.port, token, reward, seen, stop)
            )
            for number in range(CLIENTS)
        ]
        threads.append(threading.Thread(target=_seal, args=(settings, seen, stop)))
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            stop.set()
            for thread in threads:
                thread.join(60)
    assert seen.failures == []
    assert set(seen.refused) == set()


def _customer(
    number: int, port: int, token: str, reward: str, seen: Load, stop: threading.Event
) -> None:
    turn = 0
    while not stop.is_set():
        turn += 1
        name = f"c{number}-{turn}"
        key = {"Authorization": f"Bearer {token}", "Idempotency-Key": name}
        event = {"kind": "view", "id": name, "visitor_key": name, "reference": name}
        try:
            heard = ask(port, "POST", "/v1/events", {"events": [event]}, headers=key)
            if heard.status in (200, 201):
                seen.facts.append(name)
            else:
                seen.refused.append(heard.status)
            claim = {"reward": reward, "customer_key": name}
            heard = ask(port, "POST", "/v1/claims", claim, headers=key)
            if heard.status == 201:
                seen.claims.append(name)
            else:
                seen.refused.append(heard.status)
        except (OSError, HTTPException) as error:
            seen.failures.append(error)


def _seal(settings: Settings, seen: Load, stop: threading.Event) -> None:
    db, lake = Database(settings.database_url), Lake(settings.lake)
    try:
        while not stop.is_set():
            operations.seal(db, lake)
            operations.compact(db, lake, files_max=3)
            operations.sweep(db, lake, retention_hours=0)
            seen.seals += 1
            time.sleep(0.02)
    except BaseException as error:
        seen.failures.append(error)
    finally:
        db.close()


def put_back(backup: Path, settings: Settings, *, replace: bool = False) -> Done:
    """Restore a backup where settings say."""
    target = Target(settings.data, settings.database_url, None)
    return restore(backup, target, now=now(), replace=replace)
