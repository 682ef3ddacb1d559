"""The log-in page under attack: strangers are bounded, the team gets in; proxies are told apart."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from litestar import get, post
from litestar.response import Redirect
from litestar.testing import TestClient
from sqlalchemy import text

from springtide.domain.access.model import Member, Needs, Permission, Person, Role, SignedIn
from springtide.kit.db import Database
from springtide.settings import BadProxies, read_settings
from springtide.site import Site, create_app
from springtide.web.frame import proxies, sessions
from tests.kit.house import PASSWORD, Browser, TestHouse, person_in, shop_in

EMAIL = "owner@tide.test"


def _log_in(client: TestClient[Site], house: TestHouse, password: str, **options: Any) -> Any:
    form = {"email": EMAIL, "password": password}
    return Browser(client, house).post("/log-in", form, **options)


def test_a_log_in_makes_the_browser_known_and_a_log_out_leaves_it_so(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    person_in(sqlite_house, shop_in(sqlite_house), Role.OWNER, EMAIL)
    browser = Browser(client, sqlite_house)
    for _ in range(5):
        answer = browser.post("/log-in", {"email": EMAIL, "password": "wrong"})
        assert answer.status_code == 422
    # A right one is looked at too, after its wait.
    began = time.monotonic()
    assert browser.post("/log-in", {"email": EMAIL, "password": PASSWORD}).status_code == 303
    assert time.monotonic() - began >= 4
    known = browser.cookies[sessions.browser_cookie_name(sqlite_house)]
    assert browser.post("/log-out").status_code == 303
    assert browser.cookies[sessions.browser_cookie_name(sqlite_house)] == known
    sqlite_house.forward(seconds=1)
    # A stranger at the same address is in its delay; the browser is not.
    for _ in range(5):
        _log_in(client, sqlite_house, "wrong")
    del browser.cookies[sessions.session_cookie_name(sqlite_house)]
    began = time.monotonic()
    assert browser.post("/log-in", {"email": EMAIL, "password": PASSWORD}).status_code == 303
    assert time.monotonic() - began < 4


def test_a_crowd_of_guesses_takes_no_thread_from_the_pages(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    owner = person_in(sqlite_house, shop_in(sqlite_house), Role.OWNER, EMAIL)
    browser = Browser(client, sqlite_house).sign_in(owner)
    # One process's threads for pages are forty; so many log-ins wait for their hashes at once.
    crowd, page = threading.Barrier(49), "/shops/tide/settings/me"

    def guess(number: int) -> int:
        other = TestClient(client.app, base_url="http://testserver.local")
        crowd.wait()
        form = {"email": f"n{number}@tide.test", "password": "wrong"}
        return int(Browser(other, sqlite_house).post("/log-in", form).status_code)

    with ThreadPoolExecutor(48) as pool:
        guesses = [pool.submit(guess, number) for number in range(48)]
        crowd.wait()
        assert browser.get(page).status_code == 200
        was_quick = not all(each.done() for each in guesses)
        assert {each.result() for each in guesses} == {422}
    assert was_quick


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "counted", "warned"),
    [
        ("", "127.0.0.1", {"x-forwarded-for": "203.0.113.5"}, "127.0.0.1", "127.0.0.1"),
        ("10.0.0.1, 127.0.0.1", "127.0.0.1", {"x-forwarded-for": "203.0.113.5"}, "203.0.113.5", ""),
        (
            "127.0.0.0/8",
            "127.0.0.1",
            {"x-forwarded-for": "6.6.6.6, 203.0.113.5"},
            "203.0.113.5",
            "",
        ),
        ("127.0.0.1", "10.0.0.7", {"forwarded": "for=203.0.113.5"}, "10.0.0.7", "10.0.0.7"),
        ("", "8.8.4.4", {"x-forwarded-for": "203.0.113.5"}, "8.8.4.4", ""),
        ("", "127.0.0.1", {}, "127.0.0.1", ""),
    ],
)
def test_the_visitors_address_is_what_a_trusted_proxy_says(
    sqlite_house: TestHouse,
    tmp_path: Path,
    trusted: str,
    peer: str,
    forwarded: dict[str, str],
    counted: str,
    warned: str,
) -> None:
    environment = {"SPRINGTIDE_DATA": str(tmp_path), "SPRINGTIDE_TRUSTED_PROXIES": trusted}
    settings = replace(
        sqlite_house.settings, trusted_proxies=read_settings(environment).trusted_proxies
    )
    house = TestHouse(settings, Database(settings.database_url))
    app = proxies.behind_proxies(create_app(house), house)

    async def wrong_try() -> int:
        transport = httpx.ASGITransport(app=app, client=(peer, 4000))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver.local"
        ) as asked:
            asked.cookies.set(sessions.visit_name(house), "v")
            form = {
                "email": EMAIL,
                "password": "wrong",
                sessions.CSRF_FIELD: sessions.csrf_of(house, "v"),
            }
            return (await asked.post("/log-in", data=form, headers=forwarded)).status_code

    assert anyio.run(wrong_try) == 422
    with house.db.read() as tx:
        assert tx.execute(text("select network from log_in_attempts")).scalars().all() == [counted]
    assert house.unknown_proxy == warned
    house.close()


def test_the_owner_is_told_of_a_proxy_that_is_not_trusted_and_others_are_not(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    for role, is_told in ((Role.OWNER, True), (Role.DESIGN, False)):
        browser = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, role))
        sqlite_house.unknown_proxy = ""
        assert "10.1.2.3" not in browser.get("/shops/tide/settings/me").text
        sqlite_house.unknown_proxy = "10.1.2.3"
        assert ("10.1.2.3" in browser.get("/shops/tide/settings/me").text) == is_told


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.1/8", "10.0.0.1 10.0.0.2", "*"])
def test_a_list_of_proxies_with_something_else_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadProxies):
        read_settings({"SPRINGTIDE_DATA": str(tmp_path), "SPRINGTIDE_TRUSTED_PROXIES": text})


@post(
    "/shops/{shop:str}/test-fresh",
    opt={"access": Needs(Permission.READ, fresh=True)},
    sync_to_thread=False,
)
def need_fresh(member: Member) -> Redirect:
    """Do what a found screen must not do."""
    return Redirect("/done", status_code=303)


@get("/test-fresh", opt={"access": SignedIn(fresh=True)}, sync_to_thread=False)
def need_fresh_page(person: Person) -> Redirect:
    """Show what a found screen must not show."""
    return Redirect("/done", status_code=303)


def test_what_asks_for_a_fresh_log_in_gets_a_confirmation_first(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    client.app.register(need_fresh)
    client.app.register(need_fresh_page)
    path, page = "/shops/tide/test-fresh", "/shops/tide/settings/me"
    owner = person_in(sqlite_house, shop_in(sqlite_house), Role.OWNER, EMAIL)
    browser = Browser(client, sqlite_house).sign_in(owner)
    assert browser.post(path).headers["location"] == "/done"
    sqlite_house.forward(minutes=15)
    came_from = {"referer": f"http://testserver.local{page}?x=1"}
    answer = browser.post(path, headers=came_from)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/confirm?next={page}")
    assert browser.get("/test-fresh?a=b").headers["location"] == "/confirm?next=/test-fresh%3Fa%3Db"
    htmx = browser.post(path, headers={**came_from, "hx-request": "true"})
    assert (htmx.status_code, htmx.headers["hx-redirect"]) == (401, f"/confirm?next={page}")
    elsewhere = browser.post(path, headers={"referer": "https://evil.example//evil.example/x"})
    assert elsewhere.headers["location"] == "/confirm?next=/"
    assert browser.get(f"/confirm?next={page}").status_code == 200
    wrong = browser.post("/confirm", {"password": "wrong", "next": page})
    assert (wrong.status_code, browser.post(path).headers["location"][:8]) == (422, "/confirm")
    right = browser.post("/confirm", {"password": PASSWORD, "next": page})
    assert (right.status_code, right.headers["location"]) == (303, page)
    assert browser.post(path).headers["location"] == "/done"
    assert browser.get("/test-fresh").headers["location"] == "/done"
    sqlite_house.forward(minutes=14)
    assert browser.post(path).headers["location"] == "/done"
    sqlite_house.forward(minutes=1)
    assert browser.post(path).headers["location"].startswith("/confirm")
