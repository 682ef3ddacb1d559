"""Two servers take batches that overlap, each in its own order: all are answered, none with a 5xx.

On PostgreSQL, where each row is locked as it is written.
"""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Scope
from springtide.kit.db import Database
from springtide.site import Site, create_app
from tests.kit.house import TestHouse, key_in, settings_in, shop_in
from tests.kit.rewards import RULE, published
from tests.kit.storefront import stock_shelves

ROUNDS = 8
ROWS = 400


class Servers:
    """Two servers of one installation."""

    def __init__(self, houses: list[TestHouse], clients: list[TestClient[Site]]) -> None:
        self.houses, self.clients = houses, clients
        self.shop = shop_in(houses[0])
        stock_shelves(houses[0].db, self.shop, now=houses[0].clock)
        self.key = key_in(houses[0], self.shop, *Scope)

    def post(self, server: int, path: str, body: Any, key: str) -> Any:
        headers = {"authorization": f"Bearer {self.key}", "idempotency-key": key}
        return self.clients[server].post(path, json=body, headers=headers)


@pytest.fixture
def servers(postgres_url: str, tmp_path: Path) -> Iterator[Servers]:
    houses = [
        TestHouse(settings_in(tmp_path / "data", postgres_url), Database(postgres_url))
        for _ in range(2)
    ]
    clients = [
        TestClient(create_app(house), base_url="http://testserver.local") for house in houses
    ]
    with clients[0], clients[1]:
        yield Servers(houses, clients)
    for house in houses:
        house.close()


def _products(number: int) -> tuple[str, list[Any], str]:
    rows = [
        {"key": f"p{n:04}", "name": f"round {number}", "price": {"regular_minor": 900 + number}}
        for n in range(ROWS)
    ]
    return "/v1/products", rows, "products"


def _customers(number: int) -> tuple[str, list[Any], str]:
    rows = [{"key": f"c{n:04}", "name": f"round {number}"} for n in range(ROWS)]
    return "/v1/customers", rows, "customers"


def _events(number: int) -> tuple[str, list[Any], str]:
    rows = [{"kind": "view", "id": f"{number}-{n}", "product_key": "tea"} for n in range(ROWS)]
    return "/v1/events", rows, "events"


@pytest.mark.parametrize("batch", [_products, _customers, _events])
def test_batches_in_opposite_order(
    servers: Servers, batch: Callable[[int], tuple[str, list[Any], str]]
) -> None:
    answers: list[Any] = []
    begin = threading.Barrier(2)

    def send(server: int) -> None:
        for number in range(ROUNDS):
            path, rows, field = batch(2 * number + server if batch is not _events else number)
            begin.wait(timeout=60)
            body = {field: rows if server else rows[::-1]}
            answers.append(servers.post(server, path, body, f"{server}-{number}"))

    _both(send)
    assert [each.text for each in answers if each.status_code != 200] == []
    assert len(answers) == 2 * ROUNDS


def test_orders_of_the_same_buyers_and_products(servers: Servers) -> None:
    answers: list[Any] = []
    begin = threading.Barrier(2)

    def send(server: int) -> None:
        begin.wait(timeout=60)
        for number in range(20):
            buyer = number if server else 19 - number
            lines = [{"product_key": key, "quantity": 1} for key in ("pot", "tea")]
            body = {"lines": lines[:: 1 if server else -1], "customer_key": f"c{buyer}"}
            answers.append(servers.post(server, "/v1/orders", body, f"{server}-{number}"))

    _both(send)
    assert [each.text for each in answers if each.status_code != 201] == []
    assert len(answers) == 40


def test_claims_of_the_same_rewards(servers: Servers) -> None:
    house = servers.houses[0]
    rewards = [
        published(
            house.db, servers.shop, "coupon", {"rule": RULE}, now=house.clock, quantity=500,
            per_customer=None,
        ).key
        for _ in range(4)
    ]  # fmt: skip
    answers: list[Any] = []
    begin = threading.Barrier(8)

    def send(place: int) -> None:
        begin.wait(timeout=60)
        for number, reward in enumerate(rewards[:: 1 if place % 2 else -1] * 4):
            body = {"reward": reward, "customer_key": f"c{place}-{number}"}
            answers.append(servers.post(place % 2, "/v1/claims", body, f"{place}-{number}"))

    _both(send, 8)
    assert [each.text for each in answers if each.status_code != 201] == []
    assert len(answers) == 8 * 16


def _both(send: Callable[[int], None], count: int = 2) -> None:
    failed: list[BaseException] = []

    def run(place: int) -> None:
        try:
            send(place)
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=run, args=(place,)) for place in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
