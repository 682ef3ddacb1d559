"""The demo shop with its real processes, which a story may kill, and what its day must come to."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import httpx

from springtide.demo.script import is_unpaid
from springtide.flows.files.imports import PACKAGE, locate
from tests.kit.ports import free_port

ROOT = Path(__file__).parents[2]

#: The servers of `springtide demo run`, each a process of its own here, so that one can be killed.
PARTS = {"mail": ("demo", "mailbox"), "web": ("serve",), "worker": ("worker",)}
_REAL_DAY = """
select basket_id::varchar, product_id::varchar,
       sum(case when quantity > 97 then 1 else quantity end)::bigint
from read_parquet($file)
where quantity > 0
  and strftime(timezone('America/New_York', timezone('UTC', transaction_timestamp)), '%Y-%m-%d')
      = '2017-12-23'
group by all
"""


@dataclass(frozen=True)
class Figures:
    """What a sale day comes to; money in minor units."""

    orders: frozenset[str]
    paid: frozenset[str]
    ordered_minor: int
    paid_minor: int
    units: int


class DemoShop:
    """A built demo shop in a folder of its own, and its processes."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port, self.mail_port = free_port(), free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        """What every process of the shop is started with."""
        kept = {key: text for key, text in os.environ.items() if not key.startswith("SPRINGTIDE")}
        return {
            **kept,
            "PYTHONPATH": str(ROOT / "src"),
            "SPRINGTIDE_DATA": str(self.data),
            "SPRINGTIDE_SMTP_URL": f"smtp://127.0.0.1:{self.mail_port}",
            "PORT": str(self.port),
        }

    def command(self, *words: str) -> Any:
        """Run a command to its end; return the object that it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "springtide.cli", *words, "--json"],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, name: str, *words: str) -> None:
        """Start a process."""
        with (self.data / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", "springtide.cli", *(words or PARTS[name])],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str) -> None:
        """Kill a process as a power cut would."""
        process = self.running.pop(name)
        assert process.poll() is None, f"{name} had ended by itself: {self.log(name)}"
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL

    def open(self) -> None:
        """Start the servers, and wait until they are ready."""
        for name in PARTS:
            self.start(name)
        self.wait_ready()

    def close(self) -> None:
        """Stop every process that still runs."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()

    def wait_ready(self) -> None:
        """Wait until the web server answers and a worker is at its post."""
        until(self._is_ready, lambda: self.log("web"), seconds=60)
        until(
            lambda: bool(self.rows("select 1 from workers")),
            lambda: self.log("worker"),
            seconds=60,
        )

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.base}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def log(self, name: str) -> str:
        """Return the end of a process's log."""
        return (self.data / f"{name}.log").read_text(errors="replace")[-2000:]

    def client(self) -> httpx.Client:
        """Return a client of the public API with the demo's key."""
        token = (self.data / "demo-api-key").read_text().strip()
        return httpx.Client(
            base_url=self.base, headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def get(self, path: str) -> Any:
        """Read from the public API."""
        with self.client() as client:
            answer = client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the state database itself, past all of our own code."""
        with sqlite3.connect(f"file:{self.data}/state.db?mode=ro", uri=True, timeout=30) as found:
            return found.execute(sql).fetchall()


@contextmanager
def demo_shop(data: Path) -> Iterator[DemoShop]:
    """Build the demo shop, and run its servers."""
    shop = DemoShop(data)
    assert shop.command("demo", "build")["shop"] == "demo"
    try:
        shop.open()
        yield shop
    finally:
        shop.close()


def until(is_so: Callable[[], bool], describe: Callable[[], object], *, seconds: float) -> None:
    """Wait for a condition outside the browser."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.1)


def real_orders() -> dict[str, dict[str, int]]:
    """Return the pieces of each product in the orders of the real day, from the package itself."""
    (file,) = (path for path in locate([PACKAGE]) if path.stem == "transactions")
    found: dict[str, dict[str, int]] = {}
    with duckdb.connect() as connection:
        for basket, product, pieces in connection.execute(
            _REAL_DAY, {"file": str(file)}
        ).fetchall():
            found.setdefault(basket, {})[product] = pieces
    return found


def expected(
    regular: Mapping[str, int], heroes: Mapping[str, int], ladder: list[tuple[int, int]]
) -> Figures:
    """Price the real day's orders by hand: nothing here comes from the shop's own code.

    A product costs its hero price, else its regular one; the best step that is reached is off.
    """
    totals: dict[str, int] = {}
    units: dict[str, int] = {}
    for basket, lines in real_orders().items():
        sold = {product: pieces for product, pieces in lines.items() if product in regular}
        if not sold:
            continue
        amount = sum(heroes.get(key, regular[key]) * pieces for key, pieces in sold.items())
        totals[basket] = amount - max((off for at, off in ladder if amount >= at), default=0)
        units[basket] = sum(sold.values())
    paid = {basket for basket in totals if not is_unpaid(basket)}
    return Figures(
        orders=frozenset(f"demo-{basket}" for basket in totals),
        paid=frozenset(f"demo-{basket}" for basket in paid),
        ordered_minor=sum(totals.values()),
        paid_minor=sum(totals[basket] for basket in paid),
        units=sum(units[basket] for basket in paid),
    )
