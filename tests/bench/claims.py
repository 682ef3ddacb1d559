"""The opening rush: claims of one hot reward over HTTP, beside a bare handler in the same run."""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from springtide.domain.access.act import Act
from springtide.domain.access.model import Scope, Shop
from springtide.domain.ledger.queries import imbalances
from springtide.domain.rewards.model import Reward, Terms
from springtide.domain.rewards.operations import publish_reward, save_reward
from springtide.domain.rewards.queries import claim_count
from springtide.kit.db import Database, driver_url
from springtide.migrations import migrate
from tests.kit import postgres
from tests.kit.house import ACTOR, SECRET, TestHouse, key_in, settings_in, shop_in
from tests.kit.ports import free_port

CLAIMS, STOCK, CONNECTIONS = 20_000, 5_000, 64
ROUNDS = 3


@dataclass
class Rush:
    """What clients saw: seconds in all, milliseconds a request, answers by status."""

    seconds: float
    latencies: list[float]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return sum(self.statuses.values()) / self.seconds


def run() -> list[dict[str, Any]]:
    """Measure claims a second on SQLite and PostgreSQL, and with two servers on the latter."""
    rows = _measured("SQLite", None, servers=1, goal=0.6)
    with postgres.server(durable=True) as address:
        rows += _measured("PostgreSQL", address, servers=1, goal=0.45)
        rows += _measured("PostgreSQL, two servers", address, servers=2, goal=None)
    return rows


def _measured(
    name: str, address: str | None, *, servers: int, goal: float | None
) -> list[dict[str, Any]]:
    ratios, rates, p50, p99 = [], [], [], []
    for turn in range(ROUNDS):
        with tempfile.TemporaryDirectory(prefix="springtide-bench-") as folder:
            bare = _bare(Path(folder), servers)
            rush, granted = _claimed(Path(folder), address, servers, turn)
        assert granted == STOCK, f"{granted} granted of {STOCK}"
        assert rush.statuses == {201: STOCK, 409: CLAIMS - STOCK}, rush.statuses
        ratios.append(rush.rate / bare.rate)
        rates.append(rush.rate)
        cuts = statistics.quantiles(rush.latencies, n=100)
        p50.append(cuts[49])
        p99.append(cuts[98])
    ratio = statistics.median(ratios)
    row: dict[str, Any] = {
        "name": f"claims over HTTP, {name}",
        "value": statistics.median(rates),
        "unit": "claims/s",
        "baseline": "bare ASGI that decodes and answers",
        "ratio": ratio,
    }
    if goal is not None:
        row |= {"goal": goal, "met": ratio >= goal}
    worst = statistics.median(p99)
    return [
        row,
        {
            "name": f"a claim over HTTP, {name}, p50",
            "value": statistics.median(p50),
            "unit": "ms",
        },
        {
            "name": f"a claim over HTTP, {name}, p99",
            "value": worst,
            "unit": "ms",
            "goal": 100,
            "met": worst < 100,
        },
    ]


def _claimed(folder: Path, address: str | None, servers: int, turn: int) -> tuple[Rush, int]:
    url = f"sqlite:///{folder}/state.db"
    if address is not None:
        name = f"claims_{servers}_{turn}"
        engine = create_engine(driver_url(f"{address}/postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"create database {name}"))
        engine.dispose()
        url = f"{address}/{name}"
    database = Database(url)
    migrate(database)
    house = TestHouse(settings_in(folder, url), database)
    house.clock = datetime.now(UTC)  # noqa: TID251 - the server beside it has the real clock
    shop = shop_in(house)
    token = key_in(house, shop, Scope.CLAIMS_WRITE)
    reward = hot_reward(house, shop)
    environment = {
        "SPRINGTIDE_DATA": str(folder),
        "SPRINGTIDE_DATABASE_URL": url,
        "SPRINGTIDE_SECRET": SECRET,
    }
    with serving(environment, servers) as ports:
        requests = [claim_request(token, reward.key, n) for n in range(CLAIMS)]
        rush = asyncio.run(load(ports, requests))
    with database.read() as tx:
        granted = claim_count(tx, reward_id=reward.id)
        wrong = imbalances(tx, shop_id=shop.id)
    assert not wrong, wrong
    house.close()
    return rush, granted


def hot_reward(house: TestHouse, shop: Shop, stock: int = STOCK) -> Reward:
    """Return a published coupon of which everybody wants one."""
    now = house.real_now()
    with house.db.write() as tx:
        saved = save_reward(
            Act.of(tx, shop, ACTOR, now),
            kind="coupon",
            name="hot",
            params={"rule": "rul_00000000000000000000000000"},
            terms=Terms(quantity=stock),
            opens_at=now - timedelta(minutes=1),
            closes_at=now + timedelta(days=1),
        )
        return publish_reward(Act.of(tx, shop, ACTOR, now), reward_id=saved.id)


@contextmanager
def serving(environment: dict[str, str], servers: int) -> Iterator[list[int]]:
    """Run server processes of one installation; give their ports."""
    ports = [free_port() for _ in range(servers)]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "springtide.cli", "serve"],
            env={**os.environ, **environment, "PORT": str(port)},
            stdout=subprocess.DEVNULL,
        )
        for port in ports
    ]
    try:
        for port in ports:
            _await_port(port)
        yield ports
    finally:
        for process in running:
            process.send_signal(signal.SIGTERM)
        for process in running:
            process.wait(30)


def _bare(folder: Path, servers: int) -> Rush:
    """Load a handler that only decodes and answers, on the same server and with the same bytes."""
    ports = [free_port() for _ in range(servers)]
    running = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", "tests.bench.bare_asgi:application"),
                *("--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)),
                *("--no-ws", "--log-level", "warning"),
            ],
            stdout=subprocess.DEVNULL,
        )
        for port in ports
    ]
    try:
        for port in ports:
            _await_port(port)
        requests = [claim_request("x", "rwd_x", number) for number in range(CLAIMS)]
        return asyncio.run(load(ports, requests))
    finally:
        for process in running:
            process.terminate()
            process.wait(30)


def claim_request(token: str, reward: str, number: int) -> bytes:
    """Return the bytes of one claim, by a customer of its own."""
    body = f'{{"reward":"{reward}","customer_key":"c{number}"}}'.encode()
    head = (
        "POST /v1/claims HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Idempotency-Key: k{number}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(ports: Sequence[int], requests: Sequence[bytes]) -> Rush:
    """Send all requests over the connections, each as soon as one is free."""
    waiting = iter(requests)
    latencies: list[float] = []
    statuses: dict[int, int] = {}

    async def client(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            begin = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            low = head.lower()
            at = low.index(b"content-length:") + 15
            await reader.readexactly(int(low[at : low.index(b"\r\n", at)]))
            latencies.append((time.perf_counter() - begin) * 1_000)
            status = int(head[9:12])
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    begin = time.perf_counter()
    await asyncio.gather(*(client(ports[n % len(ports)]) for n in range(CONNECTIONS)))
    return Rush(time.perf_counter() - begin, latencies, statuses)


def _await_port(port: int) -> None:
    import socket

    for _ in range(300):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"nothing came up on port {port}")
