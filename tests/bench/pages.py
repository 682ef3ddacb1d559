"""Page times over HTTP: p95 of every page of the demo shop at 1.47 million order lines.

Asked for before the sale day, while the day runs (the pages that people keep open then; the first
look of each at the new day is among them, and is the slow one) and after it.
``SPRINGTIDE_BENCH_DATA`` names a data folder with a built demo shop whose day has not been run: it
is copied, not changed, so nothing has to be built. ``SPRINGTIDE_BENCH_RUNS`` is how often each page
is asked for (default 40).
"""

import os
import re
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from springtide.demo import story
from springtide.domain.access.model import Role
from tests.bench.demo import built_demo
from tests.kit.demo_shop import DemoShop

GOAL_MS = 100.0
_SHOP = "/shops/demo"
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
#: What people keep open while the day runs.
_ON_THE_DAY = ("board", "overview", "campaign", "outreach", "customers", "metric", "review")
_DAY_SPEED = 600


def run() -> list[dict[str, Any]]:
    """Measure the pages in three situations; a line a page, and the slowest of each situation."""
    runs = int(os.environ.get("SPRINGTIDE_BENCH_RUNS", "40"))
    with built_demo() as shop, signed_in(shop) as client:
        paths = _paths(client)
        rows = _lines("before the day", _measure(client, paths, PAGES, runs))
        on_the_day = _measure_the_day(shop, client, paths)
        rows += [
            _line(f"page median on the day: {name}", statistics.median(times))
            for name, times in on_the_day.items()
        ]
        rows += _lines("on the day", on_the_day)
        rows += _lines("after the day", _measure(client, paths, PAGES, runs))
    return rows


def _measure(
    client: httpx.Client, paths: Mapping[str, str], names: Iterable[str], runs: int
) -> dict[str, list[float]]:
    """Return milliseconds of ``runs`` answers of each page, after one that is not counted."""
    times: dict[str, list[float]] = {}
    for name in names:
        _answer_time(client, paths[name])
        times[name] = [_answer_time(client, paths[name]) for _ in range(runs)]
    return times


def _measure_the_day(
    shop: DemoShop, client: httpx.Client, paths: Mapping[str, str]
) -> dict[str, list[float]]:
    """Ask for the pages in turn, twice a second, from the first order to the end of the day."""
    shop.start("replay", "demo", "day", "--speed", str(_DAY_SPEED))
    replay = shop.running["replay"]
    while not shop.rows("select 1 from orders limit 1"):
        if replay.poll() is not None:
            raise RuntimeError(f"the day did not run: {shop.log('replay')}")
        time.sleep(0.2)
    times: dict[str, list[float]] = {name: [] for name in _ON_THE_DAY}
    while replay.poll() is None:
        for name in _ON_THE_DAY:
            times[name].append(_answer_time(client, paths[name]))
            time.sleep(0.5)
    if replay.wait() != 0:
        raise RuntimeError(f"the day ended badly: {shop.log('replay')}")
    return times


def _answer_time(client: httpx.Client, path: str) -> float:
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000
    if answer.status_code != 200:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    return took


def _lines(situation: str, times: Mapping[str, list[float]]) -> list[dict[str, Any]]:
    p95 = {
        name: statistics.quantiles(found, n=20, method="inclusive")[-1]
        for name, found in times.items()
    }
    lines = [_line(f"page p95 {situation}: {name}", value) for name, value in p95.items()]
    return [*lines, _line(f"page p95 {situation}, the slowest", max(p95.values()))]


def _line(name: str, value: float) -> dict[str, Any]:
    return {
        "name": name,
        "value": round(value, 1),
        "unit": "ms",
        "baseline": None,
        "ratio": None,
        "goal": f"under {GOAL_MS:.0f} ms",
        "met": value < GOAL_MS,
    }


@contextmanager
def signed_in(shop: DemoShop) -> Iterator[httpx.Client]:
    """Give a client that the owner has logged in with."""
    with httpx.Client(base_url=shop.base, timeout=60) as client:
        token = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/log-in").text)
        if token is None:
            raise RuntimeError("the log-in page has no form")
        email, _ = story.PEOPLE[Role.OWNER]
        typed = {"email": email, "password": story.PASSWORD, "csrf_token": token.group(1)}
        answer = client.post("/log-in", data=typed)
        if answer.status_code != 303:
            raise RuntimeError(f"logging in answered {answer.status_code}")
        yield client


def _paths(client: httpx.Client) -> dict[str, str]:
    """Return the address of every page; each thing they name is looked up in its list."""
    found: dict[str, str] = {}
    for name, (path, pattern) in _LOOK_UP.items():
        match = re.search(pattern, client.get(_SHOP + path).text)
        if match is None:
            raise RuntimeError(f"{path} lists no {name}")
        found[name] = match.group(1)
    return {
        name: path if name == "shops" else _SHOP + path.format(**found)
        for name, path in PAGES.items()
    }
