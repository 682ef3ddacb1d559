"""Page times over HTTP: every page of the demo shop, p50 and p95, at 1.47 million order lines.

``SPRINGTIDE_BENCH_DATA`` names a data folder with a built demo shop, so that it is not built
again; without it one is built in a folder that goes away. ``SPRINGTIDE_BENCH_RUNS`` is how often
each page is asked for (default 40).
"""

import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

GOAL_MS = 100.0
_SHOP = "/shops/demo"
_START_SECONDS = 240
#: The pages by name; {campaign}, {customer}, {outreach}, {import} are looked up in the lists.
PAGES = {
    "shops": "/shops",
    "overview": "",
    "campaigns": "/campaigns",
    "new campaign": "/campaigns/new",
    "campaign": "/campaigns/{campaign}",
    "prices": "/campaigns/{campaign}/prices",
    "tasks": "/campaigns/{campaign}/tasks",
    "edit campaign": "/campaigns/{campaign}/edit",
    "board": "/campaigns/{campaign}/board",
    "review": "/campaigns/{campaign}/review",
    "customers": "/customers",
    "customers, one tier": "/customers?tier=1",
    "customer": "/customers/{customer}",
    "outreaches": "/outreach",
    "new outreach": "/outreach/new",
    "outreach": "/outreach/{outreach}",
    "mailbox": "/mailbox",
    "metric": "/metrics/paid_money",
    "data": "/data",
    "import": "/data/imports/{import}",
    "people": "/settings/people",
    "keys": "/settings/keys",
    "audit": "/settings/audit",
    "clock": "/settings/clock",
    "my account": "/settings/me",
}
_LOOK_UP = {
    "campaign": ("/campaigns", r"/campaigns/(cmp_\w+)"),
    "customer": ("/customers", r"/shops/demo/customers/([^\"?/]+)\""),
    "outreach": ("/outreach", r"/outreach/(otr_\w+)"),
    "import": ("/data", r"/imports/(imp_\w+)"),
}


def run() -> list[dict[str, Any]]:
    """Measure every page; two lines a page (median, 95th percentile) and the slowest p95."""
    runs = int(os.environ.get("SPRINGTIDE_BENCH_RUNS", "40"))
    with _data() as folder, _server(folder) as base, httpx.Client(base_url=base) as client:
        _log_in(client)
        found = {name: _found(client, *where) for name, where in _LOOK_UP.items()}
        found = {name: key for name, key in found.items() if key}
        rows: list[dict[str, Any]] = []
        for name, pattern in PAGES.items():
            wanted = set(re.findall(r"{(\w+)}", pattern))
            if not wanted <= found.keys():
                continue
            path = pattern if name == "shops" else _SHOP + pattern.format(**found)
            rows += _lines(name, _times(client, path, runs))
    slowest = max(row["value"] for row in rows if row["name"].endswith("p95"))
    return [*rows, _line("pages: slowest p95", slowest, GOAL_MS)]


def _times(client: httpx.Client, path: str, runs: int) -> list[float]:
    """Return milliseconds of ``runs`` answers, after one that is not counted."""
    times = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        answer = client.get(path)
        times.append((time.perf_counter() - began) * 1000)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")
    return times[1:]


def _lines(name: str, times: list[float]) -> list[dict[str, Any]]:
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return [
        _line(f"page {name}: p50", statistics.median(times)),
        _line(f"page {name}: p95", p95, GOAL_MS),
    ]


def _line(name: str, value: float, goal: float | None = None) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "ms",
        "baseline": None,
        "ratio": None,
        "goal": goal,
        "met": None if goal is None else value < goal,
    }


def _log_in(client: httpx.Client) -> None:
    token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/log-in").text)
    if token is None:
        raise RuntimeError("the log-in page has no form")
    typed = {
        "email": "owner@demo.example",
        "password": "springtide-demo",
        "csrf_token": token.group(1),
    }
    answer = client.post("/log-in", data=typed)
    if answer.status_code != 303:
        raise RuntimeError(f"logging in answered {answer.status_code}")


def _found(client: httpx.Client, path: str, pattern: str) -> str | None:
    match = re.search(pattern, client.get(_SHOP + path).text)
    return match.group(1) if match else None


@contextmanager
def _data() -> Iterator[Path]:
    given = os.environ.get("SPRINGTIDE_BENCH_DATA")
    if given:
        yield Path(given)
        return
    with tempfile.TemporaryDirectory(prefix="springtide-bench-") as folder:
        yield Path(folder)


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """Run the demo (built first where it is not yet) on a free port; give its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "SPRINGTIDE_DATA": str(folder), "PORT": str(port)}
    log = folder / "bench-pages.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "springtide.cli", "demo", "run"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            base = f"http://127.0.0.1:{port}"
            _wait(process, base, log)
            yield base
        finally:
            process.terminate()
            process.wait(30)


def _wait(process: subprocess.Popen[bytes], base: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the demo ended: {log.read_text()[-1000:]}")
        try:
            if httpx.get(f"{base}/readyz", timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the demo did not come up: {log.read_text()[-1000:]}")
