"""Whatever is put in a form's field or an address: words to the reader, never a fault of ours."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Role
from springtide.site import Site, create_app, handlers
from tests.kit.house import Browser, TestHouse, person_in, shop_in
from tests.kit.storefront import open_sale, stock_shelves

ODD = [
    "", "0001-01-01", "0001-01-01T00:00", "9999-12-31T23:59", "2025-02-30", "1e999", "NaN",
    "9" * 40, "-" + "9" * 40, "1_0", "²", "٣", "²:00-²:30", "D+999999999 10:00", "D-999 00:00",
    "x" * 5_000, "\ud7ff\ufffe", "🙂" * 300, "%", "'\"", "\n", "=1+1", "[" * 2_000, "\u202e",
]  # fmt: skip


class _Fields(HTMLParser):
    """The forms of a page: where each leads, and its fields."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "form" and (told.get("method") or "").lower() == "post":
            self.forms.append((told.get("action") or "", {}))
        elif tag in ("input", "select", "textarea") and self.forms and told.get("name"):
            self.forms[-1][1][str(told["name"])] = told.get("value") or ""


@pytest.fixture
def owner(house: TestHouse) -> Iterator[Browser]:
    shop = shop_in(house)
    now = house.real_now()
    stock_shelves(house.db, shop, now=now)
    sale = open_sale(house.db, shop, day=now.date(), now=now)
    app = create_app(house)
    with TestClient(app, "http://testserver.local", raise_server_exceptions=False) as client:
        app.state["sale"] = sale.key
        yield Browser(client, house).sign_in(person_in(house, shop, Role.OWNER))


def _pages(app: Site) -> list[str]:
    paths = []
    for method, path, _ in handlers(app):
        if method == "GET" and path.startswith("/shops/") and not path.endswith("/stream"):
            path = path.replace("{shop:str}", "tide").replace("{campaign:str}", app.state["sale"])
            if "{" not in path and "log-out" not in path:
                paths.append(path)
    return paths


def test_odd_values_in_forms_are_no_fault(owner: Browser) -> None:
    forms: dict[str, dict[str, str]] = {}
    for path in _pages(owner.client.app):
        read = _Fields()
        read.feed(owner.get(path).text)
        for action, fields in read.forms:
            forms.setdefault(action or path, fields)
    kept = {
        where: fields for where, fields in forms.items()
        if where.startswith("/shops/tide") and not re.search("log-out|remove|delete", where)
    }  # fmt: skip
    assert len(kept) > 8
    tried = 0
    for place, (where, fields) in enumerate(kept.items()):
        names = [name for name in fields if name != "csrf_token"]
        for number, name in enumerate(names):
            # Each field meets some of them, and each of them many fields.
            for odd in ODD[(place + number) % 4 :: 4]:
                answer = owner.post(where, {**fields, name: odd})
                assert answer.status_code < 500, (where, name, odd[:40])
                tried += 1
    assert tried > 200


def test_odd_values_in_addresses_are_no_fault(owner: Browser) -> None:
    names = ("from", "to", "q", "after", "page", "day", "claim", "who", "until", "sort", "sheet")
    tried = 0
    for path in _pages(owner.client.app):
        for number, odd in enumerate(ODD):
            name = names[(tried + number) % len(names)]
            answer = owner.get(path, params={name: odd, "product": odd})
            assert answer.status_code < 500, (path, name, odd[:40])
            tried += 1
    for path in ("/customers/{}", "/metrics/{}", "/ledger/{}", "/rewards/{}", "/campaigns/{}"):
        for odd in ODD[1:]:
            address = f"/shops/tide{path}".format(odd.replace("%", "%25").replace("\n", "%0a"))
            assert owner.get(address).status_code < 500, (path, odd[:40])
    assert tried > 300


def test_odd_heads_are_no_fault(owner: Browser) -> None:
    heads: list[dict[str, Any]] = [
        {"cookie": "springtide_flash=" + "W1t" * 900},
        {"cookie": "a=\xff; springtide_language=%00"},
        {"accept-language": "zh;q=nan,en;q=1e999,*;q=" + "9" * 400}, {"accept": "\xff"},
        {"content-type": "multipart/form-data"}, {"x-request-id": "a" * 500},
        {"content-type": "multipart/form-data; boundary=" + "b" * 300}, {"range": "bytes=0-,5-9"},
        {"if-none-match": ',,"' * 500},
        {"content-type": "application/x-www-form-urlencoded; charset=x"},
        {"authorization": "Bearer \xff"}, {"referer": "\xff"}, {"hx-request": "\xff"},
    ]  # fmt: skip
    for path in ("/log-in", "/shops/tide", "/v1/orders", "/static/app.css", "/healthz", "/x"):
        for head in heads:
            for method in ("GET", "POST", "HEAD"):
                sent = {name: value.encode("latin-1") for name, value in head.items()}
                answer = owner.client.request(method, path, headers=sent, content=b"a=%ff&b")
                assert answer.status_code < 500, (method, path, head)
