"""A shop's own site and server, from the first view to the paid order, through the HTTP API."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import Scope, Shop
from springtide.domain.campaigns.queries import campaigns
from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.operations import activate_rules, save_rule
from springtide.domain.pricing.rule import Conditions
from springtide.kit.db import Database
from springtide.site import Site, create_app
from tests.kit.house import ACTOR, TestHouse, key_in, shop_in
from tests.kit.storefront import TEA_MINOR, open_sale, stock_shelves

CART = {"lines": [{"product_key": "pot", "quantity": 1}, {"product_key": "tea", "quantity": 2}]}
TOTAL_MINOR = 19_900 + 2 * TEA_MINOR - 2_000


@dataclass
class Storefront:
    """A shop in its sale, its browser key and its server key."""

    client: TestClient[Site]
    house: TestHouse
    shop: Shop
    browser: str
    server: str

    def get(self, path: str, **query: Any) -> Any:
        """Read as the shop's server."""
        return self.client.get(path, params=query, headers=self._as(self.server))

    def post(self, path: str, body: Any, key: str | None = None, token: str = "") -> Any:
        """Write as the shop's server, or with another key."""
        headers = self._as(token or self.server)
        if key:
            headers["Idempotency-Key"] = key
        return self.client.post(path, json=body, headers=headers)

    @staticmethod
    def _as(token: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def store(house: TestHouse) -> Iterator[Storefront]:
    """A shop in the middle of its sale, on each database."""
    shop = shop_in(house)
    stock_shelves(house.db, shop, now=house.real_now())
    open_sale(house.db, shop, day=house.real_now().date(), now=house.real_now())
    browser = key_in(house, shop, Scope.EVENTS_WRITE, Scope.QUOTES_WRITE, is_publishable=True)
    server = key_in(house, shop, *Scope)
    with TestClient(create_app(house), base_url="http://testserver.local") as client:
        yield Storefront(client, house, shop, browser, server)


def test_from_the_first_view_to_the_paid_order(store: Storefront) -> None:
    visit = {"visitor_key": "v1", "product_key": "tea", "source_path": "platform/search"}
    events = {"events": [{"kind": "view", "id": "e1", **visit}, {"kind": "cart", **visit}]}
    taken = store.post("/v1/events", events, token=store.browser)
    assert taken.status_code == 200, taken.text
    assert taken.json() == {"new": 2, "known": 0, "moved": 0, "anonymous": 0}

    quote = store.post("/v1/quotes", CART, token=store.browser)
    assert quote.status_code == 200, quote.text
    priced = quote.json()["decision"]
    assert priced["total_minor"] == TOTAL_MINOR
    assert "floor" not in quote.text

    body = {**CART, "key": "A\n1", "customer_key": "c1", "visitor_key": "v1"}
    assert store.post("/v1/orders", body, key="k1").status_code == 422
    body["key"] = "A 1"
    placed = store.post("/v1/orders", body, key="k1")
    assert placed.status_code == 201, placed.text
    assert placed.headers["location"] == "/v1/orders/A%201"
    order = placed.json()
    assert (order["state"], order["total_minor"]) == ("placed", TOTAL_MINOR)
    assert order["decision"]["rules"] == priced["rules"]
    assert order["campaign_key"] == quote.json()["campaign_key"] is not None

    store.house.forward(minutes=5)
    again = store.post("/v1/orders", body, key="k1")
    assert (again.status_code, again.json()) == (201, order)
    assert again.headers["idempotency-replayed"] == "true"
    other = store.post("/v1/orders", {**body, "visitor_key": "v2"}, key="k1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    taken_key = store.post("/v1/orders", body, key="k2")
    assert (taken_key.status_code, taken_key.json()["code"]) == (409, "order_key_taken")

    payment = {"payment_key": "pay1", "amount_minor": TOTAL_MINOR}
    for key in ("p1", "p1", "p2"):
        paid = store.post("/v1/orders/A 1/payments", payment, key=key)
        assert paid.status_code == 200, paid.text
        assert paid.json()["state"] == "paid"
    assert store.get(placed.headers["location"]).json() == paid.json()

    summary = store.get("/v1/facts/summary").json()
    assert summary["kinds"] == {"cart": 1, "order": 2, "payment": 2, "view": 1}
    assert summary["gross_minor"] == summary["paid_minor"] == summary["net_minor"] == TOTAL_MINOR
    assert (summary["orders"], summary["customers"]) == (1, 1)
    (customer,) = store.get("/v1/customers").json()["items"]
    assert (customer["key"], customer["standing"]) == ("c1", None)
    store.house.forward(days=1)
    customers = store.get("/v1/customers").json()["items"]
    assert [(each["key"], each["standing"]["money_minor"]) for each in customers] == [
        ("c1", TOTAL_MINOR)
    ]


def test_an_order_is_held_to_its_quote_tried_dry_and_returned(store: Storefront) -> None:
    quoted = store.post("/v1/quotes", CART).json()
    assert quoted["decision"]["is_proven"]
    assert {each["kind"] for each in quoted["outcomes"]} == {"threshold_ladder"}
    assert quoted["valid_until"] > quoted["decision"]["priced_at"]
    claimed = store.post("/v1/quotes", {**CART, "customer_key": "c1"}, token=store.browser)
    assert (claimed.status_code, claimed.json()["code"]) == (403, "needs_server_key")
    foreign = store.post("/v1/quotes", {**CART, "currency": "USD"})
    assert "mixed_currency" in foreign.text
    one = store.post("/v1/quotes", {"lines": [{"product_key": "tea", "quantity": 1}]}).json()
    step = one["outcomes"][0]["next_step"]
    assert (step["missing_minor"], step["saves_minor"]) == (16_900 - TEA_MINOR, 1_000)
    assert [each["product_key"] for each in step["products"]] == ["pot"]
    brief = store.post("/v1/quotes", {**CART, "explain": False}).json()
    assert brief["outcomes"] == []
    assert brief["decision"] == quoted["decision"] | {"priced_at": brief["decision"]["priced_at"]}

    body = {**CART, "key": "Q", "quote": quoted["quote"], "customer_key": "c9"}
    other = store.post("/v1/orders", body, key="q1")
    assert (other.status_code, other.json()["code"]) == (409, "quote_other_cart")
    body["quote"] = store.post("/v1/quotes", {**CART, "customer_key": "c9"}).json()["quote"]
    dry = store.post("/v1/orders", {**body, "dry_run": True}, key="q2")
    assert (dry.status_code, dry.json()["total_minor"]) == (200, TOTAL_MINOR)
    assert store.get("/v1/orders/Q").status_code == 404
    assert store.get("/v1/customers/c9").status_code == 404
    assert store.post("/v1/orders", body, key="q3").status_code == 201
    forged = store.post("/v1/orders", {**body, "key": "R", "quote": "AAAA"}, key="q4")
    assert (forged.status_code, forged.json()["code"]) == (422, "quote_unknown")

    back = {"key": "r1", "lines": [{"product_key": "tea", "quantity": 2}]}
    early = store.post("/v1/orders/Q/returns", back, key="r0")
    assert (early.status_code, early.json()["code"]) == (409, "order_not_paid")
    store.post("/v1/orders/Q/payments", {"payment_key": "p"}, key="p1")
    returned = store.post("/v1/orders/Q/returns", back, key="r1").json()
    shares = {each["product_key"]: each["payable_minor"] for each in quoted["decision"]["lines"]}
    assert (returned["policy"], returned["refund_minor"]) == ("keep", shares["tea"])
    assert store.get("/v1/orders/Q").json()["refunded_minor"] == shares["tea"]
    more = store.post("/v1/orders/Q/returns", {**back, "key": "r2"}, key="r2")
    assert (more.status_code, more.json()["code"]) == (422, "invalid")


def test_a_code_works_when_it_is_typed_and_is_not_told_before(store: Storefront) -> None:
    with store.house.db.write() as tx:
        now, sale = store.house.real_now(), campaigns(tx, shop_id=store.shop.id)[0]
        save_rule(
            Act.of(tx, store.shop, ACTOR, now),
            campaign_id=sale.id,
            rule_id=None,
            kind="coupon",
            params={"discount_minor": 500},
            terms=Terms(conditions=Conditions(code="TIDE11")),
        )
        activate_rules(Act.of(tx, store.shop, ACTOR, now), campaign_id=sale.id)
    before = store.post("/v1/quotes", CART)
    assert "coupon" not in before.text
    typed = store.post("/v1/quotes", {**CART, "codes": ["tide11"]}).json()
    assert typed["decision"]["total_minor"] == TOTAL_MINOR - 500
    many = store.post("/v1/quotes", {**CART, "codes": ["x"] * 21})
    assert many.status_code == 422


def test_a_closed_order_cannot_be_paid_and_a_paid_one_not_closed(store: Storefront) -> None:
    for key in ("closed", "paid"):
        assert store.post("/v1/orders", {**CART, "key": key}, key=key).status_code == 201
    closed = store.post("/v1/orders/closed/close", {"reason": "buyer"}, key="c1")
    assert (closed.status_code, closed.json()["state"]) == (200, "closed")
    store.post("/v1/orders/paid/payments", {"payment_key": "t"}, key="p1")
    refused = [
        store.post("/v1/orders/closed/payments", {"payment_key": "t"}, key="p2"),
        store.post("/v1/orders/paid/close", {}, key="c2"),
        store.post("/v1/orders/paid/payments", {"payment_key": "t2"}, key="p3"),
        store.post("/v1/orders/nope/payments", {"payment_key": "t"}, key="p4"),
    ]
    assert [(each.status_code, each.json()["code"]) for each in refused] == [
        (409, "order_closed"),
        (409, "order_paid"),
        (409, "order_paid"),
        (404, "not_found"),
    ]
    assert refused[0].headers["content-type"] == "application/problem+json"
    assert store.get("/v1/facts/summary").json()["paid_minor"] == TOTAL_MINOR


def test_a_wrong_cart_is_refused_field_by_field(store: Storefront) -> None:
    def problems(body: Any) -> dict[str, str]:
        answer = store.post("/v1/quotes", body, token=store.browser)
        assert answer.status_code == 422, answer.text
        return {field["field"]: field["code"] for field in answer.json()["fields"]}

    ghost = {"lines": [{"product_key": "tea", "quantity": 1}, {"product_key": "x", "quantity": 1}]}
    assert problems(ghost) == {"lines.1.product_key": "unknown_product"}
    unpriced = {"lines": [{"product_key": "unpriced", "quantity": 1}]}
    assert problems(unpriced) == {"lines.0.product_key": "unknown_price"}
    bodies: list[Any] = [
        {"lines": []},
        {"lines": [{"product_key": "tea", "quantity": 0}]},
        {"lines": [{"product_key": "tea", "quantity": 10**30}]},
        {"lines": [{"product_key": "tea", "quantity": 1, "price_minor": 1}]},
        {"lines": [{"product_key": "tea", "quantity": 1}] * 501},
        {},
        [],
    ]
    for bad in bodies:
        assert problems(bad)


def test_an_event_sent_again_counts_once_and_keeps_its_first_time(store: Storefront) -> None:
    event = {"kind": "view", "id": "e1", "visitor_key": "v1"}
    first = store.house.real_now()
    for known in (0, 1):
        taken = store.post("/v1/events", {"events": [event]}, token=store.browser)
        assert taken.json() == {
            "new": 1 - known, "known": known, "moved": 0, "anonymous": 0,
        }  # fmt: skip
        store.house.forward(minutes=1)
    summary = store.get("/v1/facts/summary").json()
    assert summary["kinds"] == {"view": 1}
    assert summary["first_at"] == first.isoformat().replace("+00:00", "Z")


def test_an_event_from_a_wrong_clock_happens_now(store: Storefront) -> None:
    now = store.house.real_now()
    times = [now - timedelta(days=6), now - timedelta(days=8), now + timedelta(hours=1)]
    events = [{"kind": "view", "occurred_at": time.isoformat()} for time in times]
    taken = store.post("/v1/events", {"events": events}, token=store.browser)
    assert taken.json() == {"new": 3, "known": 0, "moved": 2, "anonymous": 0}
    rows = store.house.facts.rows("select occurred_at from facts order by 1")
    assert rows == [(now - timedelta(days=6),), (now,), (now,)]
    naive = {"events": [{"kind": "view", "occurred_at": "2025-11-01T00:00:00"}]}
    assert store.post("/v1/events", naive, token=store.browser).status_code == 422


def test_a_batch_with_a_bad_event_changes_nothing(store: Storefront) -> None:
    good = {"kind": "view", "visitor_key": "v1"}
    bad: list[dict[str, Any]] = [
        {"kind": "order"},
        {"kind": "view", "quantity": -1},
        {"kind": "view", "visitor_key": "nul\0"},
        {"kind": "view", "visitor_key": "x" * 121},
        {"kind": "view", "amount_minor": 100},
        {"kind": "view", "props": {"deep": {"er": 1}}},
        {"kind": "view", "simulated": True},
    ]
    for event in bad:
        answer = store.post("/v1/events", {"events": [good, event]}, token=store.browser)
        assert answer.status_code == 422, event
    many = {"events": [good] * 501}
    assert store.post("/v1/events", many, token=store.browser).status_code == 422
    assert store.get("/v1/facts/summary").json()["kinds"] == {}


def test_only_a_demo_shop_takes_what_is_simulated(store: Storefront) -> None:
    order = store.post("/v1/orders", {**CART, "simulated": True}, key="k")
    assert order.status_code == 422
    assert order.json()["fields"][0]["code"] == "only_in_demo"
    demo = shop_in(store.house, "demo", is_demo=True)
    stock_shelves(store.house.db, demo, now=store.house.real_now())
    token = key_in(store.house, demo, *Scope)
    events = {"events": [{"kind": "view", "simulated": True}]}
    assert store.post("/v1/events", events, token=token).status_code == 200
    placed = store.post("/v1/orders", {**CART, "simulated": True}, key="k", token=token)
    assert placed.json()["simulated"] is True
    rows = store.house.facts.rows("select distinct source, props from facts where shop = 'demo'")
    assert rows == [("simulated", '{"simulated":true}')]


def test_a_browsers_key_can_neither_order_nor_read(store: Storefront) -> None:
    headers = {"Authorization": f"Bearer {store.browser}"}
    for path in ("/v1/orders", "/v1/products", "/v1/customers", "/v1/facts/summary"):
        assert store.client.get(path, headers=headers).status_code == 403
    assert store.post("/v1/orders", CART, key="k", token=store.browser).status_code == 403


def test_a_method_that_does_not_work_says_which_do(store: Storefront) -> None:
    answers = {
        path: store.client.request("DELETE", path, headers=store._as(store.server))
        for path in ("/v1/orders", "/v1/orders/A", "/v1/orders/A/close", "/v1/quotes")
    }
    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(
        answers, 405
    )
    assert {path: answer.headers["allow"] for path, answer in answers.items()} == {
        "/v1/orders": "GET, HEAD, OPTIONS, POST",
        "/v1/orders/A": "GET, HEAD, OPTIONS",
        "/v1/orders/A/close": "OPTIONS, POST",
        "/v1/quotes": "OPTIONS, POST",
    }


def test_lists_are_walked_page_by_page(store: Storefront) -> None:
    for number in range(5):
        store.house.forward(minutes=1)
        store.post("/v1/orders", {**CART, "key": str(number)}, key=f"k{number}")
    store.post("/v1/orders/2/payments", {"payment_key": "t"}, key="p")
    seen, cursor = [], None
    while True:
        page = store.get("/v1/orders", limit=2, **({"cursor": cursor} if cursor else {})).json()
        seen += [order["key"] for order in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    paid = store.get("/v1/orders", state="paid").json()["items"]
    assert [order["key"] for order in paid] == ["2"]
    foreign = store.get("/v1/orders", state="paid", cursor=page["next_cursor"] or "AAAA")
    assert foreign.json()["code"] == "bad_cursor"


def test_products_show_the_prices_that_hold_now(store: Storefront) -> None:
    page = store.get("/v1/products", limit=3, text="T").json()
    prices = {each["key"]: each["price"] for each in page["items"]}
    assert prices["tea"] == {
        "currency": "CNY",
        "regular_minor": 9_900,
        "campaign_minor": TEA_MINOR,
        "unit_minor": TEA_MINOR,
    }
    assert store.get("/v1/products/unpriced").json()["price"] is None
    assert store.get("/v1/products/ghost").status_code == 404
    some = store.get("/v1/products", key=["pot", "cup", "ghost"]).json()["items"]
    assert [each["key"] for each in some] == ["cup", "pot"]


def test_a_shop_writes_its_products_with_prices(store: Storefront) -> None:
    milk = {"key": "milk", "name": "<b>Milk</b>", "attributes": {"litres": 1, "fat": 3.5}}
    price = {"regular_minor": 349, "floor_minor": 250}
    answers = [
        store.post("/v1/products", {"products": [product]}, key=f"w{number}").json()
        for number, product in enumerate([milk, {**milk, "price": price}, {**milk, "price": price}])
    ]
    assert answers == [
        {"new": 1, "changed": 0, "unchanged": 0, "prices_changed": 0},
        {"new": 0, "changed": 0, "unchanged": 1, "prices_changed": 1},
        {"new": 0, "changed": 0, "unchanged": 1, "prices_changed": 0},
    ]
    read = store.get("/v1/products/milk")
    assert read.json()["name"] == "<b>Milk</b>"
    assert read.json()["attributes"] == {"litres": 1, "fat": 3.5}
    assert read.json()["price"]["unit_minor"] == 349
    assert "floor" not in read.text
    wrong: list[Any] = [
        {**milk, "price": {"regular_minor": 0}},
        {**milk, "price": {"regular_minor": 1, "floor_minor": 2}},
        {**milk, "name": "nul\0"},
        {**milk, "key": " "},
    ]
    for number, product in enumerate(wrong):
        answer = store.post("/v1/products", {"products": [product]}, key=f"b{number}")
        assert answer.status_code == 422, product
    assert store.get("/v1/products/milk").json() == read.json()
    assert store.post("/v1/products", {"products": [milk]}, token=store.browser).status_code == 403


def test_a_shop_writes_its_customers_and_a_buyer_comes_on_file(store: Storefront) -> None:
    mei = {"key": "c1", "name": "Li Mei", "email": "li@example.com", "attributes": {"size": "M"}}
    for number, body in enumerate([mei, {"key": "c1", "name": "Li Mei"}]):
        done = store.post("/v1/customers", {"customers": [body]}, key=f"c{number}")
        assert done.json() == {"new": 1 - number, "changed": 0, "unchanged": number}
    assert store.post("/v1/orders", {**CART, "customer_key": "c2"}, key="o").status_code == 201
    customers = {each["key"]: each for each in store.get("/v1/customers").json()["items"]}
    assert customers["c1"]["email"] == "li@example.com"
    assert customers["c1"]["standing"] is None
    assert customers["c2"]["id"].startswith("cus_")
    for number, bad in enumerate([{"email": "no"}, {"name": "x" * 301}, {"phone": "1"}]):
        answer = store.post(
            "/v1/customers", {"customers": [{"key": "c3", **bad}]}, key=f"b{number}"
        )
        assert answer.status_code == 422, bad
        assert answer.json()["fields"], bad
    assert store.get("/v1/customers/c3").status_code == 404


def test_campaigns_are_read_with_their_times(store: Storefront) -> None:
    (campaign,) = store.get("/v1/campaigns").json()["items"]
    assert (campaign["name"], campaign["status"]) == ("11.11", "live")
    assert [phase["kind"] for phase in campaign["phases"]] == ["warm_up", "burst", "day", "after"]
    assert store.get(f"/v1/campaigns/{campaign['id']}").json() == campaign
    assert store.get("/v1/campaigns/cmp_nope").status_code == 404


def test_shops_do_not_see_each_other(store: Storefront, database: Database) -> None:
    store.post("/v1/orders", {**CART, "key": "A", "customer_key": "c"}, key="k")
    other = shop_in(store.house, "other")
    token = key_in(store.house, other, *Scope)
    headers = {"Authorization": f"Bearer {token}"}
    for path in ("/v1/orders/A", "/v1/products/tea", "/v1/customers/c"):
        assert store.client.get(path, headers=headers).status_code == 404
    for path in ("/v1/orders", "/v1/products", "/v1/customers", "/v1/campaigns"):
        assert store.client.get(path, headers=headers).json()["items"] == []
    assert store.client.get("/v1/facts/summary", headers=headers).json()["orders"] == 0
