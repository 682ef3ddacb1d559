"""Keys with signs that mean something in addresses lead to their thing on every route."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from litestar.testing import TestClient

from springtide.domain.access import queries
from springtide.domain.access.model import Key, Role, Scope
from springtide.kit import paths
from springtide.site import Site, create_app, handlers
from tests.kit.house import Browser, TestHouse, key_in, person_in, shop_in
from tests.kit.storefront import stock_shelves

ODD = [
    "a/b", "/a", "a/", "//", "a?b=c", "a#b", "50%", "a b", " a", "a&b=c;d", "a+b", "a\\b",
    "茶/茶", "..a", "a/../b", "returns/close", "\"'<b>", "a:b@c",
]  # fmt: skip
_NAME = re.compile(r"\{(\w+):str\}")


@pytest.fixture
def site(sqlite_house: TestHouse) -> Iterator[TestClient[Site]]:
    with TestClient(create_app(sqlite_house), base_url="http://testserver.local") as client:
        shop = shop_in(sqlite_house)
        stock_shelves(sqlite_house.db, shop, now=sqlite_house.real_now())
        client.headers["authorization"] = f"Bearer {key_in(sqlite_house, shop, *Scope)}"
        yield client


def _post(site: TestClient[Site], path: str, body: Any) -> Any:
    answer = site.post(path, json=body, headers={"idempotency-key": f"k{abs(hash(path))}"})
    assert answer.status_code in (200, 201, 202), answer.text
    return answer.json()


def _routes(site: TestClient[Site]) -> list[tuple[str, str, str, bool]]:
    """Return every route with a key in its address: method, path, the parameter, whose it is."""
    return [
        (method, path, name, isinstance(handler.opt["access"], Key))
        for method, path, handler in handlers(site.app)
        for name in _NAME.findall(path)
        if name != "shop"
    ]


def _address(path: str, name: str, key: str) -> str:
    path = path.replace("{shop:str}", "tide").replace(f"{{{name}:str}}", quote(key, safe=""))
    return re.sub(r"\{\w+:int\}", "1", _NAME.sub("x", path))


@pytest.mark.parametrize("key", ODD)
def test_every_route_with_a_key_is_found_whatever_the_key(site: TestClient[Site], key: str) -> None:
    routes = _routes(site)
    assert {path for _, path, _, is_api in routes if is_api} >= {
        "/v1/products/{key:str}", "/v1/customers/{key:str}", "/v1/customers/{key:str}/erase",
        "/v1/orders/{key:str}", "/v1/orders/{key:str}/payments", "/v1/orders/{key:str}/close",
        "/v1/orders/{key:str}/returns", "/v1/orders/{key:str}/receipt",
    }  # fmt: skip
    for method, path, name, is_api in routes:
        headers = {"idempotency-key": "k1"} if is_api else {}
        if not is_api:
            site.headers.pop("authorization", None)
        answer = site.request(method, _address(path, name, key), headers=headers)
        where = (method, path, name, answer.text[:300])
        if is_api:
            assert answer.headers["content-type"] == "application/problem+json", where
            assert answer.json()["code"] not in ("no_such_path", "wrong_method"), where
        else:
            # Strangers are led to the log-in, forms without a token refused: a route is known.
            assert answer.status_code != 405, where
            assert "There is nothing at" not in answer.text, where


@pytest.mark.parametrize("key", ODD)
def test_what_has_such_a_key_is_read_written_and_erased(site: TestClient[Site], key: str) -> None:
    at = quote(key, safe="")
    _post(site, "/v1/customers", {"customers": [{"key": key, "name": "Li"}]})
    assert site.get(f"/v1/customers/{at}").json()["key"] == key
    _post(site, "/v1/products", {"products": [{"key": key, "name": "Pot"}]})
    assert site.get(f"/v1/products/{at}").json()["key"] == key
    lines = [{"product_key": "tea", "quantity": 1}]
    placed = site.post(
        "/v1/orders",
        json={"key": key, "customer_key": key, "lines": lines},
        headers={"idempotency-key": "place"},
    )
    assert placed.status_code == 201, placed.text
    assert placed.headers["location"] == f"/v1/orders/{at}"
    assert site.get(placed.headers["location"]).json()["key"] == key
    _post(site, f"/v1/orders/{at}/payments", {"payment_key": key})
    assert site.get(f"/v1/orders/{at}").json()["state"] == "paid"
    _post(site, f"/v1/customers/{at}/erase", {})
    assert site.get(f"/v1/orders/{at}").status_code == 200


def test_a_slash_of_a_key_is_none_of_the_address(site: TestClient[Site]) -> None:
    for path in ("/v1%2Fproducts/tea", "/v1/products%2Ftea", "/v1/products/te%2f", "/%2F"):
        answer = site.get(path)
        assert answer.status_code == 404
    assert site.get("/v1/products/tea").status_code == 200
    # What stands for it inside is no other spelling of it.
    _post(site, "/v1/customers", {"customers": [{"key": "a/b"}]})
    for other in ("a%EF%B7%90b", "a%EF%B7%90b%2F", "a%2F%EF%B7%90b"):
        assert site.get(f"/v1/customers/{other}").status_code == 404
    assert site.get("/v1/customers/a%00%2Fb").status_code == 400


def test_an_address_is_unquoted_once() -> None:
    for raw, path, param in (
        (b"/v1/products/a%252Fb", "/v1/products/a%2Fb", "a%2Fb"),
        (b"/v1/products/a%2fb%252F", "/v1/products/a/b%2F", "a/b%2F"),
        (b"/v1/products/a%2Fb?x=%2F", "/v1/products/a/b", "a/b"),
    ):
        scope: Any = {"raw_path": raw, "path": path, "state": {}}
        paths.keep_slashes_of_keys(scope)
        scope["path_params"] = {"key": scope["path"].split("/")[3], "number": 5}
        assert len(scope["path"].split("/")) == 4
        paths.give_back_slashes(scope)
        assert scope["path_params"] == {"key": param, "number": 5}
        assert paths.shown(scope["path"]) == path


def test_pages_lead_to_what_has_such_a_key(site: TestClient[Site], sqlite_house: TestHouse) -> None:
    _post(site, "/v1/customers", {"customers": [{"key": key} for key in ODD]})
    with sqlite_house.db.read() as tx:
        shop = queries.all_shops(tx)[0]
    owner = person_in(sqlite_house, shop, Role.OWNER)
    browser = Browser(site, sqlite_house).sign_in(owner)
    listed = browser.get("/shops/tide/customers")
    found = sorted(set(re.findall(r'href="(/shops/tide/customers/cus_\w+)"', listed.text)))
    assert len(found) >= len(ODD)
    shown = "".join(browser.get(path).text for path in found)
    assert all(browser.get(path).status_code == 200 for path in found)
    assert "a/b" in shown
