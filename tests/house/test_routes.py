"""Every route says who may call it, and means it."""

import re
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.testing import TestClient

from springtide.domain.access.model import (
    PERMISSIONS,
    AccessRule,
    Key,
    Needs,
    Permission,
    Public,
    Role,
    Scope,
    SignedIn,
)
from springtide.kit.db import Database
from springtide.site import RouteWithoutRule, Site, check_rules, create_app, handlers
from tests.kit.house import Browser, TestHouse, key_in, person_in, settings_in, shop_in


def _filled(path: str, shop: str) -> str:
    """Fill a path's parameters: the shop's slug, and something of the right type elsewhere."""
    path = path.replace("{shop:str}", shop)
    return re.sub(r"\{\w+:(\w+)\}", lambda m: "7" if m[1] in ("int", "float") else "x7", path)


def _rules(app: Site, kind: type) -> list[tuple[str, str, Any]]:
    return [
        (method, path, handler.opt["access"])
        for method, path, handler in handlers(app)
        if isinstance(handler.opt["access"], kind)
    ]


def test_every_route_states_its_rule(client: TestClient[Site]) -> None:
    found = handlers(client.app)
    assert len(found) > 4
    assert all(isinstance(handler.opt.get("access"), AccessRule) for _, _, handler in found)


def test_a_public_route_says_why(client: TestClient[Site]) -> None:
    rules = _rules(client.app, Public)
    assert rules
    assert all(len(rule.why.split()) >= 3 for _, _, rule in rules)


@pytest.mark.parametrize(
    ("path", "rule"), [("/x", None), ("/x", Needs), ("/v1/x", SignedIn), ("/x", Key)]
)
def test_a_route_without_a_rule_that_holds_stops_the_start(path: str, rule: Any) -> None:
    rules: dict[Any, AccessRule] = {
        Needs: Needs(Permission.READ),
        SignedIn: SignedIn(),
        Key: Key(Scope.READ),
    }

    @get(path, opt={"access": rules.get(rule)})
    async def handler() -> None: ...

    with pytest.raises(RouteWithoutRule):
        check_rules(Litestar([handler], openapi_config=None))


def test_no_page_opens_to_a_stranger(client: TestClient[Site], sqlite_house: TestHouse) -> None:
    shop_in(sqlite_house)
    browser = Browser(client, sqlite_house)
    found = _rules(client.app, Needs) + _rules(client.app, SignedIn)
    assert len(found) > 10
    for method, path, _ in found:
        for send in (browser.ask, _with_csrf(browser)):
            answer = send(method, _filled(path, "tide"))
            assert answer.status_code == 303, (method, path)
            assert answer.headers["location"].startswith("/log-in"), (method, path)


def test_no_page_opens_to_the_member_of_another_shop(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop_in(sqlite_house)
    other = shop_in(sqlite_house, "other")
    browser = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, other, Role.OWNER))
    found = _rules(client.app, Needs)
    assert len(found) > 10
    for method, path, _ in found:
        answer = _with_csrf(browser)(method, _filled(path, "tide"))
        assert answer.status_code == 404, (method, path)


@pytest.mark.parametrize("role", list(Role))
def test_no_page_opens_to_a_role_without_its_permission(
    client: TestClient[Site], sqlite_house: TestHouse, role: Role
) -> None:
    shop = shop_in(sqlite_house)
    browser = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, role))
    found = _rules(client.app, Needs)
    assert len(found) > 10
    for method, path, rule in found:
        if rule.permission not in PERMISSIONS[role]:
            answer = _with_csrf(browser)(method, _filled(path, "tide"))
            assert answer.status_code == 403, (method, path)


def test_no_form_is_taken_without_its_token(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    browser = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    pages = [rule for kind in (Needs, SignedIn, Public) for rule in _rules(client.app, kind)]
    assert len(pages) > 100
    for method, path, _ in pages:
        # The opt-out link is signed and carries no session's power: mail programs post to it.
        if path.startswith("/u/"):
            assert browser.ask(method, _filled(path, "tide")).status_code in (404, 405)
        elif method not in ("GET", "HEAD", "ANY") and not path.startswith("/v1"):
            for headers in ({}, {"x-csrf-token": "0" * 64}):
                answer = browser.ask(method, _filled(path, "tide"), headers=headers)
                assert answer.status_code == 403, (method, path)
            stolen = {"x-csrf-token": browser.csrf(), "sec-fetch-site": "cross-site"}
            assert browser.ask(method, _filled(path, "tide"), headers=stolen).status_code == 403


def test_no_api_route_answers_without_a_key(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    session = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    found = _rules(client.app, Key)
    assert len(found) > 10
    for method, path, _ in found:
        for headers in (
            {},
            {"authorization": "Bearer sk_live_wrong"},
            {"authorization": "Basic x"},
        ):
            answer = session.ask(method, _filled(path, "tide"), headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.json()["code"] == "no_key"
            assert answer.headers["www-authenticate"].startswith("Bearer")


def test_no_api_route_answers_a_key_without_its_scope(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    found = _rules(client.app, Key)
    assert len(found) > 10
    for method, path, rule in found:
        token = key_in(sqlite_house, shop, *(set(Scope) - {rule.scope}))
        answer = client.request(
            method, _filled(path, "tide"), headers={"authorization": f"Bearer {token}"}
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), path


def test_no_server_route_answers_a_publishable_key(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    token = key_in(sqlite_house, shop, Scope.EVENTS_WRITE, Scope.QUOTES_WRITE, is_publishable=True)
    found = _rules(client.app, Key)
    assert len(found) > 10
    for method, path, rule in found:
        if not rule.publishable:
            answer = client.request(
                method, _filled(path, "tide"), headers={"authorization": f"Bearer {token}"}
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "secret_key_needed"), path


def _with_csrf(browser: Browser) -> Any:
    def send(method: str, path: str) -> Any:
        return browser.ask(method, path, headers={"x-csrf-token": browser.csrf()})

    return send


def test_the_site_starts_on_either_database(database: Database, tmp_path: Any) -> None:
    house = TestHouse(settings_in(tmp_path, database.url), database)
    with TestClient(create_app(house)) as client:
        assert client.get("/readyz").text.splitlines()[0] == "ok"
