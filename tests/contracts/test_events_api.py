"""Whose events are: a browser's key names nobody whom it cannot prove."""

from datetime import timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Scope, Shop
from springtide.domain.facts.store import rows_after
from springtide.flows.checkout.customer_tokens import TOKEN_TTL, sign_customer
from springtide.site import Site
from tests.kit.house import TestHouse, key_in, shop_in


class Page:
    """A page that tells what its visitor does, and the shop's server beside it."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.client, self.house = client, house
        self.shop: Shop = shop_in(house)
        scopes = (Scope.EVENTS_WRITE, Scope.CLAIMS_WRITE)
        self.browser = key_in(house, self.shop, *scopes, is_publishable=True)
        self.server = key_in(house, self.shop, *scopes)

    def token(self, customer: str) -> str:
        secret, now = self.house.settings.secret, self.house.clock
        return sign_customer(secret, shop=self.shop, customer_key=customer, now=now)[0]

    def tell(self, *customers: str | None, key: str = "", **batch: Any) -> dict[str, int]:
        """Tell of a view for each customer; return the answer's counts."""
        events = [
            {"kind": "view", "product_key": "tea", "visitor_key": "v1"}
            | ({"customer_key": customer} if customer else {})
            for customer in customers
        ]
        headers = {"authorization": f"Bearer {key or self.browser}"}
        answer = self.client.post("/v1/events", json={"events": events} | batch, headers=headers)
        assert answer.status_code == 200, answer.text
        counts: dict[str, int] = answer.json()
        return counts

    def kept(self) -> list[tuple[str | None, str | None]]:
        """Return whom the kept facts name."""
        with self.house.db.read() as tx:
            rows = rows_after(tx, 0)
        return [(row["customer_key"], row["visitor_key"]) for row in rows]


@pytest.fixture
def page(client: TestClient[Site], sqlite_house: TestHouse) -> Page:
    return Page(client, sqlite_house)


def test_a_customer_whom_a_browser_names_is_not_believed(page: Page) -> None:
    assert page.tell("c1", None)["anonymous"] == 1
    assert page.kept() == [(None, "v1"), (None, "v1")]


def test_a_token_proves_whose_events_are_and_nobody_elses(page: Page) -> None:
    counts = page.tell("c1", None, "c2", customer_token=page.token("c1"))
    assert (counts["new"], counts["anonymous"]) == (3, 1)
    assert page.kept() == [("c1", "v1"), ("c1", "v1"), (None, "v1")]


def test_a_token_that_is_over_or_forged_proves_nothing_and_loses_nothing(page: Page) -> None:
    token = page.token("c1")
    page.house.forward(seconds=(TOKEN_TTL + timedelta(seconds=1)).total_seconds())
    assert page.tell("c1", None, customer_token=token) == {
        "new": 2, "known": 0, "moved": 0, "anonymous": 2,
    }  # fmt: skip
    assert page.tell("c1", customer_token="forged")["anonymous"] == 1
    assert page.kept() == [(None, "v1")] * 3


def test_the_shops_server_is_believed(page: Page) -> None:
    assert page.tell("c1", "c2", key=page.server)["anonymous"] == 0
    assert page.kept() == [("c1", "v1"), ("c2", "v1")]
