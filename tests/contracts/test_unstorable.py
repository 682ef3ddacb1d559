"""A NUL, which PostgreSQL cannot keep, is refused wherever a text comes in; never a fault."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Role, Scope
from springtide.site import Site, create_app
from tests.kit.house import Browser, TestHouse, key_in, person_in, shop_in
from tests.kit.storefront import stock_shelves

NUL = "a\0b"


@pytest.fixture
def site(house: TestHouse) -> Iterator[TestClient[Site]]:
    """The app, on each database."""
    with TestClient(create_app(house), base_url="http://testserver.local") as client:
        yield client


def test_pages_refuse_it_in_addresses_and_forms(house: TestHouse, site: TestClient[Site]) -> None:
    shop = shop_in(house)
    owner = Browser(site, house).sign_in(person_in(house, shop, Role.OWNER))
    base = f"/shops/{shop.slug}"
    for path in (
        "/customers?q=a%00b",
        "/customers/a%00b",
        "/metrics/a%00b",
        "/settings/audit?who=%00",
    ):
        assert owner.get(base + path).status_code in (400, 404), path
    forms = {
        "/campaigns/new": {"name": NUL, "day": "2026-11-11"},
        "/outreach/new": {"name": NUL, "subject": NUL, "body": NUL},
        "/settings/people": {"email": "x@example.com", "name": NUL, "role": "design"},
        "/settings/keys": {"name": NUL, "scope-read": "on"},
    }
    for path, fields in forms.items():
        answer = owner.post(base + path, fields)
        assert answer.status_code == 422, (path, answer.text[:300])
        assert "text_unstorable" in answer.text or "cannot be kept" in answer.text


def test_the_api_refuses_it_or_makes_it_a_blank(house: TestHouse, site: TestClient[Site]) -> None:
    shop = shop_in(house)
    stock_shelves(house.db, shop, now=house.real_now())
    token = key_in(house, shop, *Scope)
    line = {"product_key": "tea", "quantity": 1}
    order = {
        "lines": [line],
        "key": "o",
        "customer_key": "c",
        "visitor_key": "v",
        "source_path": "s",
    }
    bodies: list[tuple[str, dict[str, Any]]] = [
        *(("/v1/orders", {**order, name: NUL}) for name in order if name != "lines"),
        ("/v1/orders", {**order, "lines": [{**line, "product_key": NUL}]}),
        ("/v1/quotes", {"lines": [{**line, "product_key": NUL}]}),
        *(
            ("/v1/events", {"events": [{"kind": "view", "visitor_key": "v", name: NUL}]})
            for name in ("id", "visitor_key", "customer_key", "product_key", "source_path")
        ),
        *(
            ("/v1/customers", {"customers": [{"key": "c", name: NUL}]})
            for name in ("key", "name", "email")
        ),
        *(
            ("/v1/products", {"products": [{"key": "p", "name": "n", name: NUL}]})
            for name in ("key", "name", "brand", "category", "department")
        ),
    ]
    for number, (path, body) in enumerate(bodies):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"k{number}"}
        answer = site.post(path, json=body, headers=headers)
        # A customer's name with control characters is kept with blanks in their place.
        wanted = 200 if path == "/v1/customers" and body["customers"][0].get("name") == NUL else 422
        assert answer.status_code == wanted, (path, body, answer.text[:300])
