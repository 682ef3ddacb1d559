"""How soon the board shows a payment: from the API's answer to the event that counts it.

Measured at noon of the sale day over 1.47 million order lines: first quietly, then while another
client sends page views without a pause.
"""

import re
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import time as wall_time
from datetime import timedelta
from typing import Any

import httpx

from springtide.bootstrap import open_house
from springtide.demo import story
from springtide.demo.build import demo_shop as found_shop
from springtide.domain.access.act import Act
from springtide.domain.access.operations import set_clock
from springtide.kit.time import SimulatedClock, at_wall_time
from springtide.settings import read_settings
from tests.bench.demo import built_demo
from tests.bench.pages import signed_in
from tests.kit.demo_shop import DemoShop, until

GOAL_SECONDS = 1.0
PAYMENTS = 40
NOON = at_wall_time(story.SALE_DAY, wall_time(12), story.TZ)
_PRODUCT = "6534178"
#: Views a batch of the busy client, and how long it rests between two.
_VIEWS, _REST_SECONDS = 50, 0.1
_WAIT_SECONDS = 60
# In the stream's JSON the quotes of the page are escaped.
_COUNTED = re.compile(r'data-metric=\\"paid_orders\\" data-amount=\\"(\d+)\\"')


def run() -> list[dict[str, Any]]:
    """Measure; the median and the 95th percentile, quietly and under load."""
    with built_demo() as shop, signed_in(shop) as client:
        _stand_at_noon(shop)
        (sale,) = shop.get("/v1/campaigns")["items"]
        with _watched(client, f"/shops/demo/campaigns/{sale['id']}/board/stream") as seen:
            rows = _lines("quiet", _latencies(shop, seen, "quiet"))
            with _page_views(shop) as sent:
                began = time.perf_counter()
                found = _latencies(shop, seen, "busy")
                rate = sum(sent) / (time.perf_counter() - began)
    return [*rows, *_lines(f"at {rate:,.0f} page views a second", found)]


def _stand_at_noon(shop: DemoShop) -> None:
    """Let the clock run from the middle of the sale day on; the worker opens the sale."""
    house = open_house(read_settings(shop.environment))
    try:
        demo, real = found_shop(house), house.real_now()
        clock = SimulatedClock(NOON, real, 1, NOON + timedelta(hours=6))
        with house.db.write() as tx:
            set_clock(Act(tx, demo, story.ACTOR, real, real), clock=clock)
    finally:
        house.close()
    waits = "select 1 from timeline_actions where kind = 'open_sale' and state <> 'done'"
    until(lambda: not shop.rows(waits), lambda: shop.log("worker"), seconds=120)


class _Seen:
    """When the board's stream first counted so many paid orders."""

    def __init__(self) -> None:
        self.count = -1
        self._changed = threading.Condition()

    def note(self, count: int) -> None:
        with self._changed:
            self.count = count
            self._changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self.count >= count, _WAIT_SECONDS):
                raise RuntimeError(f"the board never counted {count} paid orders")


@contextmanager
def _watched(client: httpx.Client, path: str) -> Iterator[_Seen]:
    seen = _Seen()
    with client.stream("GET", path) as answer:
        answer.raise_for_status()

        def read() -> None:
            try:
                for line in answer.iter_lines():
                    if found := _COUNTED.search(line):
                        seen.note(int(found[1]))
            except httpx.HTTPError:
                return  # closed below

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        seen.wait_for(0)
        yield seen


def _latencies(shop: DemoShop, seen: _Seen, name: str) -> list[float]:
    """Pay one order after another; return the seconds until the board counted each."""
    found = []
    with shop.client() as client:
        for number in range(PAYMENTS):
            key = f"bench-{name}-{number}"
            line = {"product_key": _PRODUCT, "quantity": 1}
            _post(client, "/v1/orders", key, {"key": key, "lines": [line], "visitor_key": key})
            wanted = seen.count + 1
            paid = f"{key}-paid"
            _post(client, f"/v1/orders/{key}/payments", paid, {"payment_key": paid})
            answered = time.perf_counter()
            seen.wait_for(wanted)
            found.append(time.perf_counter() - answered)
            time.sleep(0.05 * (number % 10))  # at every moment between two looks
    return found


@contextmanager
def _page_views(shop: DemoShop) -> Iterator[list[int]]:
    """Send page views from another thread until the end of the block; gives the batches' sizes."""
    ends, sent = threading.Event(), list[int]()

    def send() -> None:
        with shop.client() as client:
            while not ends.is_set():
                batch = len(sent)
                events = [
                    {
                        "kind": "view", "id": f"bench:{batch}:{number}", "simulated": True,
                        "occurred_at": NOON.isoformat(), "product_key": _PRODUCT,
                        "visitor_key": f"bench-{batch}-{number}",
                    }
                    for number in range(_VIEWS)
                ]  # fmt: skip
                _post(client, "/v1/events", f"bench-views-{batch}", {"events": events})
                sent.append(_VIEWS)
                ends.wait(_REST_SECONDS)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        yield sent
    finally:
        ends.set()
        sender.join()


def _post(client: httpx.Client, path: str, key: str, body: dict[str, Any]) -> None:
    answer = client.post(path, json=body, headers={"Idempotency-Key": key})
    if not answer.is_success:
        raise RuntimeError(f"{path} answered {answer.status_code}: {answer.text[:300]}")


def _lines(situation: str, seconds: list[float]) -> list[dict[str, Any]]:
    p95 = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
    figures = {"median": statistics.median(seconds), "p95": p95}
    return [
        {
            "name": f"payment to board, {situation}: {name}",
            "value": round(value, 3),
            "unit": "s",
            "baseline": None,
            "ratio": None,
            "goal": f"under {GOAL_SECONDS:.0f} s",
            "met": value < GOAL_SECONDS,
        }
        for name, value in figures.items()
    ]
