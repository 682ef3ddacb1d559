"""Tasks, tickets and privileges over HTTP, and on the customer's file."""

from datetime import timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import Role, Scope
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.customers.queries import customers_by_keys
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.flows.claims.standing import tiers_by
from springtide.kit.ids import outward
from springtide.site import Site
from springtide.web.frame.render import LANGUAGE_COOKIE
from tests.kit.house import ACTOR, Browser, TestHouse, key_in, person_in, shop_in
from tests.kit.rewards import published, ticketed_draw

TASK = {"deed": "cart", "wanted": 2, "what": "tickets", "amount": 1}


class Window:
    """A shop's site: a browser's key, a server's key, and what visitors do."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.client, self.house, self.shop = client, house, shop_in(house)
        self.secret = key_in(house, self.shop, Scope.CLAIMS_WRITE, Scope.EVENTS_WRITE)
        scopes = (Scope.CLAIMS_WRITE, Scope.EVENTS_WRITE)
        self.publishable = key_in(house, self.shop, *scopes, is_publishable=True)
        self.draw = ticketed_draw(house.db, self.shop, now=house.clock)

    def open(self, kind: str, params: dict[str, Any], **terms: Any) -> str:
        more = {"quantity": 9, "per_customer": None, **terms}
        now = self.house.clock
        return published(self.house.db, self.shop, kind, params, now=now, **more).key

    def post(self, path: str, body: dict[str, Any], **more: str) -> Any:
        headers = {"authorization": f"Bearer {more.pop('token', self.secret)}", **more}
        return self.client.post(path, json=body, headers=headers)

    def claim(self, reward: str, key: str, customer: str = "c1") -> tuple[int, dict[str, Any]]:
        body = {"reward": reward, "customer_key": customer, "visitor_key": "v1"}
        answer = self.post("/v1/claims", body, **{"idempotency-key": key})
        return answer.status_code, answer.json()

    def carts(self, *products: str) -> None:
        events = [{"kind": "cart", "visitor_key": "v1", "product_key": each} for each in products]
        answer = self.post("/v1/events", {"events": events}, token=self.publishable)
        assert answer.status_code == 200

    def listed(self) -> dict[str, dict[str, Any]]:
        headers = {"authorization": f"Bearer {self.publishable}"}
        items = self.client.get("/v1/rewards", headers=headers).json()["items"]
        return {each["key"]: each for each in items}


@pytest.fixture
def site(client: TestClient[Site], sqlite_house: TestHouse) -> Window:
    return Window(client, sqlite_house)


def test_a_cart_task_brings_a_ticket_and_the_ticket_an_entry(site: Window) -> None:
    task = site.open("task", {**TASK, "draw": site.draw.key})
    who = {"customer_key": "c1", "visitor_key": "v1"}
    assert site.claim(site.draw.key, "k0")[1]["code"] == "draw_no_ticket"
    (item,) = site.post("/v1/today", who).json()["items"]
    assert item == {"reward": task, "had": False, "worth": 1, "done": 0, "wanted": 2}
    site.carts("tea", "tea")
    (item,) = site.post("/v1/today", who).json()["items"]
    assert item == {"reward": task, "had": False, "worth": 1, "done": 1, "wanted": 2}
    status, refused = site.claim(task, "k1")
    assert (status, refused["code"]) == (409, "task_unfinished")
    assert refused["facts"] == {"done": 1, "wanted": 2}
    assert refused["detail"] == "Not done yet: 1 of 2 today."
    site.carts("cup")
    status, granted = site.claim(task, "k2")
    assert status == 201, granted
    assert granted["granted"] == {
        "what": "tickets", "amount": 1, "name": "a task", "draw": site.draw.key,
    }  # fmt: skip
    assert site.claim(task, "k2") == (201, granted | {"replayed": True})
    (item,) = site.post("/v1/today", who).json()["items"]
    assert item == {"reward": task, "had": True, "worth": 1, "done": 2, "wanted": 2}
    held = site.post("/v1/holdings", {"customer_key": "c1"}).json()
    assert held["tickets"] == [{"draw": site.draw.key, "count": 1}]
    assert held["claims"] == []
    assert site.claim(site.draw.key, "k3")[1]["granted"]["what"] == "gift"
    assert site.post("/v1/holdings", {"customer_key": "c1"}).json()["tickets"] == []


def test_the_list_says_what_is_asked(site: Window) -> None:
    task = site.open("task", {**TASK, "draw": site.draw.key, "products": ["tea", "cup"]})
    shop_of_points = site.open("ticket", {"draw": site.draw.key}, cost_points=5, weekdays=(0, 6))
    privilege = site.open("check_in", {"points": [1]}, tiers=("Champions", "At Risk"))
    found = site.listed()
    assert found[site.draw.key]["needs_ticket"] is True
    assert found[task]["task"] == {"deed": "cart", "wanted": 2}
    assert found[task]["tickets_of"] == site.draw.key
    assert found[task]["products"] == ["tea", "cup"]
    assert found[shop_of_points]["tickets_of"] == site.draw.key
    assert found[shop_of_points]["cost_points"] == 5
    assert found[shop_of_points]["weekdays"] == [0, 6]
    assert found[privilege]["tiers"] == ["Champions", "At Risk"]
    for absent in ("tiers", "weekdays", "task", "tickets_of"):
        assert absent not in found[site.draw.key]


def test_today_is_asked_by_who_may(site: Window) -> None:
    asked = {"customer_key": "c1"}
    refused = site.post("/v1/today", asked, token=site.publishable)
    assert refused.json()["code"] == "customer_token_needed"
    assert site.post("/v1/today", {}).json()["fields"][0]["code"] == "customer_missing"
    assert site.post("/v1/today", asked | {"visitor_key": "v\x00"}).status_code == 422
    assert site.post("/v1/today", asked).json() == {"customer_key": "c1", "items": []}


def test_a_privilege_is_refused_to_others_with_its_code(site: Window) -> None:
    privilege = site.open("check_in", {"points": [1]}, tiers=("Champions",))
    status, refused = site.claim(privilege, "k1")
    assert (status, refused["code"]) == (403, "reward_not_for_tier")
    assert refused["facts"] == {"tiers": ["Champions"]}


@pytest.mark.parametrize(("language", "title"), [("en", "Privileges"), ("zh", "专属特权")])
def test_a_customers_file_shows_their_privileges(site: Window, language: str, title: str) -> None:
    house, shop = site.house, site.shop
    entries = [CustomerEntry(key, name=key) for key in ("lin", "mei")]
    bought = Fact(
        shop.slug, "order", house.clock - timedelta(days=3), "api", "o1", customer_key="lin",
        order_key="o1", quantity=1, amount_minor=900,
    )  # fmt: skip
    with house.db.write() as tx:
        upsert_customers(Act.of(tx, shop, ACTOR), entries=entries)
        append(tx, [bought], now=house.clock)
    with house.db.read() as tx:
        found = customers_by_keys(tx, shop_id=shop.id, keys=["lin", "mei"])
    browser = Browser(site.client, house).sign_in(person_in(house, shop, Role.OWNER))
    browser.cookies[LANGUAGE_COOKIE] = language
    pages = {
        each.key: f"/shops/tide/customers/{outward('cus', each.id)}"
        for each in (found.values() if isinstance(found, dict) else found)
    }
    assert title not in browser.get(pages["lin"]).text
    tier = tiers_by(house.facts, shop=shop, now=house.clock)("lin")
    assert tier
    site.open("check_in", {"points": [1]}, tiers=(tier,))
    assert title in browser.get(pages["lin"]).text
    assert title not in browser.get(pages["mei"]).text
