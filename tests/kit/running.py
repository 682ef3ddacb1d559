"""An installation of its own that runs: a database, servers and workers to stop, kill and watch."""

import http.client
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, Plan
from springtide.kit.db import Database
from springtide.settings import Settings
from tests.kit.actions import noting
from tests.kit.houses import SmallHouse
from tests.kit.shops import ACTOR


@dataclass(frozen=True, slots=True)
class Heard:
    """What a server answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The JSON of the answer."""
        return json.loads(self.body)


def ask(
    port: int,
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    seconds: float = 40,
) -> Heard:
    """Ask a server of loopback; raises OSError or HTTPException when there is no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        data = None if body is None else json.dumps(body)
        sent = {"Content-Type": "application/json"} if data else {}
        connection.request(method, path, body=data, headers={**sent, **(headers or {})})
        answer = connection.getresponse()
        names = {name.lower(): value for name, value in answer.getheaders()}
        return Heard(answer.status, names, answer.read())
    finally:
        connection.close()


def environment_of(settings: Settings) -> dict[str, str]:
    """Return what a process of these settings finds in its environment."""
    return {
        "SPRINGTIDE_DATA": str(settings.data),
        "SPRINGTIDE_DATABASE_URL": settings.database_url,
        "SPRINGTIDE_SECRET": settings.secret,
        "SPRINGTIDE_SMTP_URL": settings.smtp_url,
        "SPRINGTIDE_PUBLIC_URL": settings.public_url,
        "SPRINGTIDE_TEST_ACTIONS": "tests.kit.actions",
    }


def wait_until(
    done: Callable[[], bool], describe: Callable[[], object] = lambda: "", *, seconds: float = 60
) -> float:
    """Wait till something holds; return after how many seconds it did."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, describe()
        time.sleep(0.05)
    return time.monotonic() - began


@dataclass
class Notes:
    """Actions that note each effect in a table, to be counted afterwards."""

    house: SmallHouse
    shop: Shop

    @classmethod
    def begin(cls, house: SmallHouse, shop: Shop) -> "Notes":
        """Make the table of notes."""
        with house.db.write() as tx:
            noting.make_notes(tx)
        return cls(house, shop)

    def plan(self, *names: str, kind: str = "note", **params: object) -> list[Action]:
        """Plan one action a name, due now."""
        now = self.house.real_now() - timedelta(seconds=1)
        plans = [
            Plan("day", kind, now, target=name, params={"what": name, **params}) for name in names
        ]
        with self.house.db.write() as tx:
            return planning.plan(Act.of(tx, self.shop, ACTOR, now), campaign_id=None, plans=plans)

    def written(self) -> Counter[str]:
        """Return the notes and how often each was written."""
        with self.house.db.read() as tx:
            return Counter(noting.notes(tx))

    def states(self, db: Database | None = None) -> Counter[str]:
        """Return how many actions stand in each state."""
        with (db or self.house.db).read() as tx:
            jobs = planning.jobs_of(
                tx, shop_id=self.shop.id, kinds=["note", "long_note"], limit=1_000
            )
        return Counter(str(job.state) for job in jobs)
