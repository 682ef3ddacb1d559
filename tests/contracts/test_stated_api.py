"""Who may say what over HTTP: every field that a browser's key may send has its one rule."""

from typing import Any, get_args, get_origin, get_type_hints

import msgspec
import pytest
from litestar.testing import TestClient

from springtide.api.stated import SAYERS, Sayer
from springtide.domain.access.act import Act
from springtide.domain.access.model import Key, PointsKeeper, Role, Scope, Shop
from springtide.domain.access.operations import keep_points
from springtide.flows.checkout.customer_tokens import sign_customer
from springtide.site import Site, handlers
from tests.kit.house import ACTOR, Browser, TestHouse, key_in, person_in, shop_in
from tests.kit.storefront import stock_shelves

#: One of each field that only a server may say.
SERVERS: dict[str, Any] = {
    "segments": ["Champions"],
    "holds": [{"rule_id": "rul_00000000000000000000000000"}],
    "points_balance": 500,
    "address": "192.0.2.7",
}
LEAST: dict[str, dict[str, Any]] = {
    "/v1/quotes": {"lines": [{"product_key": "tea", "quantity": 1}]},
    "/v1/claims": {"reward": "rwd_00000000000000000000000000"},
    "/v1/flash/{reward:str}/reserve": {},
    "/v1/today": {},
    "/v1/holdings": {},
    "/v1/shares": {"reward": "rwd_00000000000000000000000000"},
    "/v1/events": {"events": [{"kind": "view", "product_key": "tea"}]},
}


def structs_in(hint: Any) -> list[type[msgspec.Struct]]:
    """Return the bodies that a type is made of."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        inner = get_type_hints(hint).values()
        return [hint, *(each for one in inner for each in structs_in(one))]
    return [each for one in get_args(hint) if get_origin(hint) for each in structs_in(one)]


def bodies(app: Site) -> dict[str, list[type[msgspec.Struct]]]:
    """Return what a browser's key may send, by path."""
    found = {}
    for method, path, handler in handlers(app):
        rule = handler.opt.get("access")
        if method == "POST" and isinstance(rule, Key) and rule.publishable:
            found[path] = structs_in(handler.parsed_fn_signature.parameters["data"].annotation)
    return found


class Caller:
    """Calls with a browser's key, or with a server's."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.client, self.house = client, house
        self.shop: Shop = shop_in(house)
        stock_shelves(house.db, self.shop, now=house.clock)
        scopes = (Scope.QUOTES_WRITE, Scope.CLAIMS_WRITE, Scope.EVENTS_WRITE)
        self.server = key_in(house, self.shop, *scopes)
        self.browser = key_in(house, self.shop, *scopes, is_publishable=True)
        self.orders = key_in(house, self.shop, Scope.ORDERS_WRITE)

    def token(self, customer: str) -> str:
        settings = self.house.settings
        return sign_customer(
            settings.secret, shop=self.shop, customer_key=customer, now=self.house.clock
        )[0]

    def post(self, path: str, body: dict[str, Any], token: str) -> Any:
        headers = {"authorization": f"Bearer {token}", "idempotency-key": "k-1"}
        path = path.replace("{reward:str}", "rwd_00000000000000000000000000")
        return self.client.post(path, json=body, headers=headers)


@pytest.fixture
def calls(client: TestClient[Site], sqlite_house: TestHouse) -> Caller:
    return Caller(client, sqlite_house)


def test_every_field_that_a_browser_may_send_has_its_rule(client: TestClient[Site]) -> None:
    found = bodies(client.app)
    assert set(found) == set(LEAST)
    known = {
        name for structs in found.values() for each in structs for name in each.__struct_fields__
    }
    # Parts of what is listed: a line's product and pieces, a holding's rule.
    assert known - {"rule_id", "amount_minor"} == set(SAYERS)
    assert {name for name, sayer in SAYERS.items() if sayer is Sayer.SERVER} == set(SERVERS)


def test_a_browsers_key_cannot_say_what_only_a_server_may(calls: Caller) -> None:
    tried = 0
    for path, structs in bodies(calls.client.app).items():
        for name in SERVERS.keys() & set(structs[0].__struct_fields__):
            body = LEAST[path] | {name: SERVERS[name], "customer_token": calls.token("c1")}
            answer = calls.post(path, body, calls.browser)
            assert (answer.status_code, answer.json()["code"]) == (403, "needs_server_key"), name
            tried += 1
    assert tried == 5


def test_a_browsers_key_names_only_the_customer_that_it_proves(calls: Caller) -> None:
    paths = [
        path
        for path, structs in bodies(calls.client.app).items()
        if {"customer_key", "customer_token"} <= set(structs[0].__struct_fields__)
    ]
    assert len(paths) == 6
    for path in paths:
        named = LEAST[path] | {"customer_key": "c2"}
        bare = calls.post(path, named, calls.browser)
        assert bare.status_code == 403, path
        assert bare.json()["code"] in ("needs_server_key", "customer_token_needed")
        other = calls.post(path, named | {"customer_token": calls.token("c1")}, calls.browser)
        assert (other.status_code, other.json()["code"]) == (403, "needs_server_key"), path
        own = calls.post(path, named | {"customer_token": calls.token("c2")}, calls.browser)
        assert own.json().get("code") in (None, "reward_unknown"), own.text


@pytest.mark.parametrize(
    "stated",
    [
        {"tier": "Champions"},
        {"is_first_order": True},
        {"standing": {"segment": "Champions"}},
        {"member_price_minor": 1},
        {"prices": {"tea": 1}},
        {"total_minor": 1},
        {"deposits": {"tea": 5_000}},
        {"limits_left": 9},
        {"priced_at": "2020-01-01T00:00:00Z"},
        {"lines": [{"product_key": "tea", "quantity": 1, "unit_minor": 1}]},
    ],
)
def test_what_springtide_knows_itself_nobody_states(calls: Caller, stated: dict[str, Any]) -> None:
    cart = LEAST["/v1/quotes"] | stated
    for path, key in (
        ("/v1/quotes", calls.browser),
        ("/v1/quotes", calls.server),
        ("/v1/orders", calls.orders),
    ):
        answer = calls.post(path, cart, key)
        assert answer.status_code in (400, 422), (path, answer.text)
        assert calls.post(path, LEAST["/v1/quotes"], key).status_code in (200, 201)


def test_what_a_browser_was_quoted_is_ordered_only_as_the_server_says_it(calls: Caller) -> None:
    for stated in ({"shipping_minor": 0}, {"channel": "app"}, {"region": "浙江"}):
        asked = LEAST["/v1/quotes"] | {"shipping_minor": 900} | stated
        quote = calls.post("/v1/quotes", asked, calls.browser).json()["quote"]
        said = LEAST["/v1/quotes"] | {"shipping_minor": 1_000, "quote": quote}
        refused = calls.post("/v1/orders", said, calls.orders)
        assert (refused.status_code, refused.json()["code"]) == (409, "quote_other_cart")


def test_what_was_paid_is_the_total_or_refused(calls: Caller) -> None:
    order = calls.post("/v1/orders", LEAST["/v1/quotes"] | {"key": "A"}, calls.orders).json()
    paid = {"payment_key": "p1", "amount_minor": order["total_minor"] - 1}
    assert calls.post("/v1/orders/A/payments", paid, calls.orders).json()["code"] == "wrong_amount"
    assert calls.post("/v1/orders/A/payments", paid, calls.browser).status_code == 403


def test_a_balance_of_points_is_a_servers_word_and_only_where_the_site_keeps_them(
    calls: Caller,
) -> None:
    body = LEAST["/v1/quotes"] | {"customer_key": "c1", "points": 9, "points_balance": 9}
    refused = calls.post("/v1/quotes", body, calls.server)
    assert refused.json()["fields"][0]["code"] == "points_not_yours"
    with calls.house.db.write() as tx:
        keep_points(Act.of(tx, calls.shop, ACTOR), keeper=PointsKeeper.SITE)
    assert calls.post("/v1/quotes", body, calls.server).status_code == 200


def test_the_settings_say_who_keeps_points(calls: Caller) -> None:
    owner = person_in(calls.house, calls.shop, Role.OWNER)
    browser = Browser(calls.client, calls.house).sign_in(owner)
    address = f"/shops/{calls.shop.slug}/settings/points"
    assert 'value="ledger" selected' in browser.get(address).text
    assert browser.post(address, {"kept_by": "strangers"}).status_code == 422
    assert browser.post(address, {"kept_by": "site"}).status_code in (200, 303)
    assert 'value="site" selected' in browser.get(address).text
