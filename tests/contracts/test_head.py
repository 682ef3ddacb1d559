"""HEAD wherever GET is: the same head, no body; what an address takes is told with it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Role, Scope
from springtide.site import Site, create_app, handlers
from tests.kit.house import Browser, TestHouse, key_in, person_in, shop_in
from tests.kit.storefront import open_sale, stock_shelves

#: What differs from one answer to the next, GET or HEAD.
OWN = {"x-request-id", "ratelimit-remaining", "ratelimit-reset", "content-disposition"}


@pytest.fixture
def site(sqlite_house: TestHouse) -> Iterator[TestClient[Site]]:
    """A shop in its sale."""
    shop = shop_in(sqlite_house)
    stock_shelves(sqlite_house.db, shop, now=sqlite_house.real_now())
    day = sqlite_house.real_now().date()
    sale = open_sale(sqlite_house.db, shop, day=day, now=sqlite_house.real_now())
    with TestClient(create_app(sqlite_house), base_url="http://testserver.local") as client:
        client.app.state["sale"] = sale.key
        client.app.state["shop"] = shop
        yield client


def _paths(site: TestClient[Site]) -> list[str]:
    """Every address that takes GET, filled with what is there or with what is not."""
    filled = []
    for method, path, _ in handlers(site.app):
        if method == "GET":
            path = path.replace("{shop:str}", "tide").replace("{name:path}", "app.css")
            path = path.replace("{campaign:str}", site.app.state["sale"])
            filled.append(re.sub(r"\{\w+:\w+\}", "7", path))
    return [*filled, "/nowhere", "/v1/nowhere", "/static/no.css", "/static/vendor/../app.css"]


#: Pages with something made anew each time, an app's secret as a picture: their length differs.
MADE_ANEW = ("/shops/tide/settings/me/factors",)


def _head(answer: Any) -> dict[str, str]:
    own = {*OWN, "content-length"} if answer.request.url.path in MADE_ANEW else OWN
    return {k: v for k, v in answer.headers.items() if k not in own and "set-cookie" not in k}


def _is_asked(path: str, browser: Browser, **options: Any) -> bool:
    """Ask both ways; tell whether it was a stream, whose GET would last."""
    headers = options.get("headers", {})
    head = browser.ask("HEAD", path, **options)
    assert head.content == b"", path
    if path.endswith("/stream") and head.status_code == 200:
        assert head.headers["content-type"].startswith("text/event-stream")
        return True
    got = browser.ask("GET", path, **options)
    assert (head.status_code, _head(head)) == (got.status_code, _head(got)), (path, headers)
    return False


def test_pages_api_and_files_answer_head_as_they_answer_get(
    site: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = site.app.state["shop"]
    owner = Browser(site, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    nobody = Browser(site, sqlite_house)
    key = {"authorization": f"Bearer {key_in(sqlite_house, shop, *Scope)}"}
    paths = _paths(site)
    assert len(paths) > 40
    streams = 0
    for path in paths:
        _is_asked(path, nobody)
        streams += _is_asked(path, owner)
        if path.startswith("/v1/"):
            _is_asked(path, nobody, headers=key)
    assert streams == 1
    # A stream that nobody reads is over.
    assert not site.app.state["boards"].streams


def test_addresses_tell_head_where_they_take_get(
    site: TestClient[Site], sqlite_house: TestHouse
) -> None:
    taken: dict[str, set[str]] = {}
    for method, path, _ in handlers(site.app):
        filled = re.sub(r"\{\w+:\w+\}", "7", path.replace("{shop:str}", "tide"))
        taken.setdefault(filled, set()).add(method)
    assert len(taken) > 60
    for path, methods in taken.items():
        wanted = {*methods, "OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        told = site.options(path)
        assert told.status_code == 204, path
        assert set(told.headers["allow"].split(", ")) == wanted, path
        refused = site.request("TRACE", path)
        assert refused.status_code == 405, path
        assert set(refused.headers["allow"].split(", ")) >= wanted, path
        assert refused.content, path
        if "GET" not in methods:
            assert site.head(path).status_code == 405, path
