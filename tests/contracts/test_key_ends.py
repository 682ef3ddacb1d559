"""API keys end, are warned of, are renewed while the old one works, and old ones stay valid."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import text

from springtide.domain.access import operations, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import ApiKey, Role, Scope, Shop
from springtide.kit.errors import Invalid, NotFound, Refusal
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, key_in, person_in, shop_in

KEYS = "/shops/tide/settings/keys"


def _make(house: TestHouse, shop: Shop, days: int | None = 30) -> tuple[ApiKey, str]:
    with house.db.write() as tx:
        return operations.create_key(
            Act.of(tx, shop, ACTOR),
            name="site",
            scopes=frozenset({Scope.READ, Scope.CLAIMS_WRITE}),
            is_publishable=False,
            days=days,
        )


def _rotate(house: TestHouse, shop: Shop, key: ApiKey, hours: int = 24) -> tuple[ApiKey, str]:
    with house.db.write() as tx:
        return operations.rotate_key(Act.of(tx, shop, ACTOR), key_id=key.id, hours=hours)


def _asked(client: TestClient[Site], token: str, path: str = "/v1/campaigns") -> Any:
    answer = client.get(path, headers={"authorization": f"Bearer {token}"})
    return (answer.status_code, answer.json().get("code"))


def test_an_ended_key_is_refused_with_a_sentence_of_its_own_on_every_way_in(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    _, token = _make(sqlite_house, shop)
    bearer = {"authorization": f"Bearer {token}", "idempotency-key": "k1"}
    claim = {"reward": "rwd_00000000000000000000000000", "customer_key": "c"}
    assert _asked(client, token) == (200, None)
    assert client.post("/v1/claims", json=claim, headers=bearer).status_code == 404
    sqlite_house.forward(days=30)
    assert _asked(client, token) == (401, "key_expired")
    ended = client.post("/v1/claims", json=claim, headers=bearer)
    assert (ended.status_code, ended.json()["code"]) == (401, "key_expired")
    assert "2025-12-01" in ended.json()["detail"]
    assert client.get("/metrics", headers=bearer).text.count("shop=") == 0


def test_a_key_from_before_there_were_ends_stays_valid(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    token = key_in(sqlite_house, shop, Scope.READ)
    with sqlite_house.db.read() as tx:
        assert tx.execute(text("select expires_at from api_keys")).scalar_one() is None
    sqlite_house.forward(days=5_000)
    assert _asked(client, token) == (200, None)


def test_a_renewed_key_has_a_successor_and_works_on_for_some_hours(house: TestHouse) -> None:
    shop, other = shop_in(house), shop_in(house, "other")
    old, _ = _make(house, shop)
    with pytest.raises(NotFound):
        _rotate(house, other, old)
    for hours in (0, -1, operations.ROTATION_HOURS_MAX + 1):
        with pytest.raises(operations.BadOverlap):
            _rotate(house, shop, old, hours)
    house.forward(days=10)
    new, token = _rotate(house, shop, old, 24)
    with house.db.read() as tx:
        kept = {key.id: key for key in queries.keys_of(tx, shop_id=shop.id)}
        found = queries.caller(tx, token=token)
    assert found is not None
    assert (new.name, new.scopes, new.is_publishable) == (old.name, old.scopes, False)
    assert new.expires_at is not None
    assert (new.expires_at - new.created_at).days == 30
    assert kept[old.id].replaced_by == new.id
    assert not kept[old.id].is_expired(house.real_now())
    house.forward(hours=24)
    assert kept[old.id].is_expired(house.real_now())
    for key in (old, kept[old.id]):
        with pytest.raises(operations.KeyIsOver):
            _rotate(house, shop, key)


def test_renewing_never_makes_a_key_last_longer(house: TestHouse) -> None:
    shop = shop_in(house)
    old, _ = _make(house, shop, 1)
    house.forward(hours=20)
    _rotate(house, shop, old, 100)
    with house.db.read() as tx:
        [kept] = [key for key in queries.keys_of(tx, shop_id=shop.id) if key.id == old.id]
    assert kept.expires_at == old.expires_at


def test_two_who_renew_at_once_make_one_successor(house: TestHouse) -> None:
    shop = shop_in(house)
    old, _ = _make(house, shop, None)
    start = threading.Barrier(2)

    def renew(_: int) -> str:
        start.wait()
        try:
            _rotate(house, shop, old)
        except Refusal as refusal:
            return refusal.code
        return "renewed"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(renew, range(2))) == ["key_is_over", "renewed"]


@pytest.mark.parametrize("days", [0, -1, operations.KEY_DAYS_MAX + 1])
def test_a_life_that_is_no_choice_is_refused(house: TestHouse, days: int) -> None:
    with pytest.raises(Invalid) as refused:
        _make(house, shop_in(house), days)
    assert list(refused.value.fields) == ["days"]


def test_the_pages_show_ends_warn_and_renew(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    owner = person_in(sqlite_house, shop, Role.OWNER)
    browser = Browser(client, sqlite_house).sign_in(owner)
    typed = {"name": "online shop", "kind": "secret", "scope-read": "on"}
    assert browser.post(KEYS, {**typed, "days": "31"}).status_code == 422
    made = browser.post(KEYS, typed)
    [token] = re.findall(r'id="new-token">([^<]+)<', made.text)
    with sqlite_house.db.read() as tx:
        [key] = queries.keys_of(tx, shop_id=shop.id)
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).days == operations.KEY_DAYS
    assert "ends on" not in browser.get("/shops/tide").text
    sqlite_house.forward(days=operations.KEY_DAYS - 10)
    browser.sign_in(owner)
    assert "“online shop” ends on" in browser.get("/shops/tide").text
    design = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.DESIGN))
    assert "ends on" not in design.get("/shops/tide").text
    page = browser.get(KEYS)
    assert "ends soon" in page.text
    [address] = re.findall(r'action="([^"]+/rotate)"', page.text)
    renewed = browser.post(address, {"hours": "24"})
    [new] = re.findall(r'id="new-token">([^<]+)<', renewed.text)
    assert [_asked(client, each)[0] for each in (token, new)] == [200, 200]
    sqlite_house.forward(days=1)
    assert [_asked(client, each)[0] for each in (token, new)] == [401, 200]


def test_making_and_renewing_ask_for_a_fresh_log_in(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    owner = person_in(sqlite_house, shop, Role.OWNER)
    browser = Browser(client, sqlite_house).sign_in(owner)
    sqlite_house.forward(hours=2)
    people = "/shops/tide/settings/people"
    for path in (KEYS, f"{KEYS}/key_x/rotate", f"{KEYS}/key_x/revoke", people, f"{people}/x/role"):
        asked = browser.post(path, {"name": "x"})
        assert asked.headers["location"].startswith("/confirm?next="), path
    assert browser.get(KEYS).status_code == 200
