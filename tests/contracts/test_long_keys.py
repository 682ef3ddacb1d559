"""Keys as long as they may be, and keys with colons: none is taken for another."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Scope
from springtide.site import Site, create_app
from tests.kit.house import TestHouse, key_in, shop_in
from tests.kit.storefront import stock_shelves

#: Alike in all but the last character.
LONG = ["o" * 119 + end for end in "ab"]
RETURNS = ["r" * 119 + end for end in "ab"]


@pytest.fixture
def site(house: TestHouse) -> Iterator[TestClient[Site]]:
    with TestClient(create_app(house), base_url="http://testserver.local") as client:
        shop = shop_in(house)
        stock_shelves(house.db, shop, now=house.real_now())
        client.headers["authorization"] = f"Bearer {key_in(house, shop, *Scope)}"
        yield client


def _post(site: TestClient[Site], path: str, body: Any, key: str) -> Any:
    answer = site.post(path, json=body, headers={"idempotency-key": key})
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def _paid(site: TestClient[Site], key: str, quantity: int = 1) -> None:
    lines = [{"product_key": "tea", "quantity": quantity}]
    _post(site, "/v1/orders", {"key": key, "customer_key": "c", "lines": lines}, f"place-{key}")
    _post(site, f"/v1/orders/{key}/payments", {"payment_key": f"p{key}"}, "pay-" + key)


def test_one_order_is_not_answered_with_the_document_of_another(site: TestClient[Site]) -> None:
    for key in LONG:
        _paid(site, key)
    # The same Idempotency-Key for both, as a job that numbers its calls an order would send.
    for key in LONG:
        answer = site.post(f"/v1/orders/{key}/receipt", headers={"idempotency-key": "1"})
        assert (answer.status_code, answer.json()["order_key"]) == (200, key)
        assert "idempotency-replayed" not in answer.headers
        again = site.post(f"/v1/orders/{key}/receipt", headers={"idempotency-key": "1"})
        assert again.json() == answer.json()
        assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("orders", "returns"), [(LONG, RETURNS), (["A", "A:1"], ["1:2", "2"])], ids=["long", "colons"]
)
def test_every_return_counts(site: TestClient[Site], orders: list[str], returns: list[str]) -> None:
    pairs = [(o, r) for o in orders for r in returns]
    for order in orders:
        _paid(site, order, quantity=len(returns))
    refunds = 0
    for number, (order, back) in enumerate(pairs):
        body = {"key": back, "lines": [{"product_key": "tea", "quantity": 1}]}
        refunds += _post(site, f"/v1/orders/{order}/returns", body, f"r{number}")["refund_minor"]
    summary = site.get("/v1/facts/summary").json()
    assert summary["kinds"]["refund"] == len(pairs)
    assert summary["paid_minor"] - summary["net_minor"] == refunds > 0
