"""Refused calls of the API stand in the audit log of the key's shop, and cost answers nothing."""

import time
from datetime import timedelta
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import event

from springtide.api.claims import CLAIMS
from springtide.api.door import Door
from springtide.api.guesses import CUSTOMER_TRIES
from springtide.api.refused import EVERY_SECONDS
from springtide.domain.access import audit_queries, operations
from springtide.domain.access.act import Act
from springtide.domain.access.model import Entry, Role, Scope, Shop
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, key_in, person_in, shop_in
from tests.kit.storefront import stock_shelves

CALLS = 7


@pytest.fixture
def shop(sqlite_house: TestHouse) -> Shop:
    made = shop_in(sqlite_house)
    stock_shelves(sqlite_house.db, made, now=sqlite_house.clock)
    return made


def _door(client: TestClient[Site]) -> Door:
    door: Door = client.app.state["api_door"]
    return door


def _written(client: TestClient[Site], house: TestHouse, shop: Shop, after: float = 0) -> list[Any]:
    """Write what is due so many seconds from now; return what stands in the log, oldest first."""
    _door(client)._refusals.write(at_seconds=time.monotonic() + after)
    with house.db.read() as tx:
        kept = audit_queries.audit_page(
            tx, shop_id=shop.id, actions=("access.api_refused",), limit=99
        )
    return [_told(each) for each in reversed(kept)]


def _told(entry: Entry) -> tuple[str, str, str, int]:
    return entry.actor_kind, entry.subject, entry.after["reason"], entry.after["count"]


def _call(client: TestClient[Site], token: str, path: str = CLAIMS, **body: Any) -> Any:
    headers = {"authorization": f"Bearer {token}", "idempotency-key": "k"}
    return client.post(path, json=body, headers=headers)


def test_calls_without_their_scope_are_one_entry_with_their_number(
    client: TestClient[Site], sqlite_house: TestHouse, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("springtide.api.refused._LOOK_SECONDS", 600.0)
    token = key_in(sqlite_house, shop, Scope.EVENTS_WRITE)
    other = key_in(sqlite_house, shop_in(sqlite_house, "other"), Scope.CLAIMS_WRITE)
    paths = (CLAIMS, "/v1/flash/rwd_x/reserve", "/v1/orders")
    assert [_call(client, token, path).status_code for path in paths] == [403] * 3
    statements: list[str] = []
    note = lambda *said: statements.append(said[2])  # noqa: E731
    event.listen(sqlite_house.db._writer, "before_cursor_execute", note)
    for _ in range(CALLS - 1):
        assert _call(client, token).status_code == 403
    # Nothing is written where the calls are answered.
    assert [each for each in statements if "INSERT" in each.upper()] == []
    event.remove(sqlite_house.db._writer, "before_cursor_execute", note)
    assert _call(client, other).status_code != 403
    told = _written(client, sqlite_house, shop)
    assert sorted(told) == [
        ("key", CLAIMS, "scope_missing", CALLS),
        ("key", "/v1/flash/{reward}/reserve", "scope_missing", 1),
        ("key", "/v1/orders", "scope_missing", 1),
    ]
    # Within the minute there is no other one; then one with those that came meanwhile.
    for _ in range(CALLS):
        _call(client, token)
    assert len(_written(client, sqlite_house, shop, after=EVERY_SECONDS / 2)) == 3
    later = _written(client, sqlite_house, shop, after=EVERY_SECONDS + 1)
    assert later[3:] == [("key", CLAIMS, "scope_missing", CALLS)]
    owner = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    page = owner.get("/shops/tide/settings/audit?about=refusals").text
    assert page.count("<div>Refused: calls of the API") == 4


def test_keys_that_are_over_or_for_browsers_are_told_to_their_shop(
    client: TestClient[Site], sqlite_house: TestHouse, shop: Shop
) -> None:
    browser = key_in(sqlite_house, shop, Scope.CLAIMS_WRITE, is_publishable=True)
    with sqlite_house.db.write() as tx:
        made = [
            operations.create_key(
                Act(
                    tx,
                    shop,
                    ACTOR,
                    sqlite_house.real_now() - timedelta(days=2),
                    sqlite_house.real_now() - timedelta(days=2),
                ),
                name=name,
                scopes=frozenset({Scope.CLAIMS_WRITE}),
                is_publishable=False,
                days=1 if name == "short" else None,
            )
            for name in ("short", "revoked")
        ]
        operations.revoke_key(Act.of(tx, shop, ACTOR), key_id=made[1][0].id)
    assert [_call(client, token).status_code for _, token in made] == [401, 401]
    assert _call(client, "sk_live_of_nobody").status_code == 401
    assert _call(client, browser, "/v1/orders").status_code == 403
    assert {each[1:] for each in _written(client, sqlite_house, shop)} == {
        (CLAIMS, "key_expired", 1),
        ("/v1", "key_revoked", 1),
        ("/v1/orders", "secret_key_needed", 1),
    }


def test_too_many_wrong_codes_are_told_to_the_shop(
    client: TestClient[Site], sqlite_house: TestHouse, shop: Shop
) -> None:
    token = key_in(sqlite_house, shop, Scope.QUOTES_WRITE)
    cart = {"lines": [{"product_key": "tea", "quantity": 1}], "customer_key": "mei"}
    got = [
        _call(client, token, "/v1/quotes", **cart, codes=[f"WRONG{number}"]).status_code
        for number in range(CUSTOMER_TRIES + 3)
    ]
    assert got[-3:] == [429] * 3
    assert _written(client, sqlite_house, shop) == [("key", "/v1/quotes", "too_many_guesses", 3)]


def test_what_was_counted_is_written_by_itself_and_at_the_end(
    client: TestClient[Site], sqlite_house: TestHouse, shop: Shop
) -> None:
    token = key_in(sqlite_house, shop, Scope.EVENTS_WRITE)
    _call(client, token)
    deadline = time.monotonic() + 10
    while not (found := _kept(sqlite_house, shop)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [_told(each)[3] for each in found] == [1]
    for _ in range(CALLS):
        _call(client, token)
    _door(client).close()
    assert [_told(each)[3] for each in _kept(sqlite_house, shop)] == [CALLS, 1]


def _kept(house: TestHouse, shop: Shop) -> list[Entry]:
    with house.db.read() as tx:
        return audit_queries.audit_page(
            tx, shop_id=shop.id, actions=("access.api_refused",), limit=99
        )
