"""What a browser is told with every answer: cookies, ways back, downloads, ways out."""

import re
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Needs, Role, SignedIn
from springtide.site import Site, create_app, handlers
from tests.kit.house import PASSWORD, Browser, TestHouse, person_in, settings_in, shop_in

OURS = "https://tide.example"


@pytest.fixture
def by_https(sqlite_house: TestHouse, tmp_path: Path) -> Any:
    """The app as people reach it by https."""
    house = TestHouse(settings_in(tmp_path, sqlite_house.db.url, public_url=OURS), sqlite_house.db)
    with TestClient(create_app(house), base_url=OURS) as http:
        yield house, http


def test_with_https_every_cookie_is_for_this_host_alone_and_never_sent_plain(by_https: Any) -> None:
    house, http = by_https
    shop = shop_in(house)
    person = person_in(house, shop, Role.OWNER)
    browser = Browser(http, house)
    answers = [
        browser.get("/log-in"),
        browser.post("/language", {"language": "zh", "back": "/log-in"}),
        browser.post("/log-in", {"email": person.email, "password": PASSWORD}),
        browser.post(f"/shops/{shop.slug}/settings/keys", {"name": ""}),
        browser.get(f"/shops/{shop.slug}"),
        browser.post("/log-out"),
    ]
    set_ = [value for answer in answers for value in answer.headers.get_list("set-cookie")]
    names = set()
    for value in set_:
        cookie = SimpleCookie(value)
        (morsel,) = cookie.values()
        names.add(morsel.key)
        assert morsel.key.startswith("__Host-"), value
        assert morsel["secure"], value
        assert morsel["httponly"], value
        assert (morsel["path"], morsel["domain"]) == ("/", ""), value
        assert morsel["samesite"].lower() == "lax", value
        assert len(value) < 4_096
    assert {"__Host-springtide", "__Host-springtide-browser", "__Host-springtide_language"} <= names
    # What was kept under its name is read under it.
    assert 'lang="zh' in browser.get("/log-in").text


def test_a_message_for_the_next_page_is_shown_once_by_https_too(by_https: Any) -> None:
    house, http = by_https
    shop = shop_in(house)
    browser = Browser(http, house).sign_in(person_in(house, shop, Role.OWNER))
    mine = f"/shops/{shop.slug}/settings/me"
    assert browser.post(f"{mine}/sessions/end-others").status_code == 303
    assert browser.cookies["__Host-springtide_flash"]
    shown = browser.get(mine)
    assert 'class="alert alert-success' in shown.text
    (gone,) = [v for v in shown.headers.get_list("set-cookie") if "springtide_flash" in v]
    assert gone.startswith("__Host-springtide_flash=")
    assert "max-age=0" in gone.lower()


def test_a_log_out_has_the_browser_forget_what_it_kept(client: TestClient[Site]) -> None:
    house: TestHouse = client.app.state["house"]
    browser = Browser(client, house).sign_in(person_in(house, shop_in(house), Role.OWNER))
    assert browser.post("/log-out").headers["clear-site-data"] == '"cache", "storage"'


@pytest.mark.parametrize(
    "back",
    [
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "\\\\elsewhere.example",
        "/\t/elsewhere.example",
        "javascript:alert(1)",
        "elsewhere.example",
        " //elsewhere.example",
    ],
)
def test_a_way_back_leads_to_a_page_of_ours(client: TestClient[Site], back: str) -> None:
    house: TestHouse = client.app.state["house"]
    person = person_in(house, shop_in(house), Role.OWNER)
    browser = Browser(client, house)
    answers = [
        browser.post("/language", {"language": "en", "back": back}),
        browser.post("/log-in", {"email": person.email, "password": PASSWORD, "next": back}),
        browser.get("/log-in", params={"next": back}),
    ]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [
        (303, "/")
    ] * 3


def test_every_page_for_people_has_the_way_out(client: TestClient[Site]) -> None:
    house: TestHouse = client.app.state["house"]
    shop = shop_in(house)
    browser = Browser(client, house).sign_in(person_in(house, shop, Role.OWNER))
    seen = []
    for method, path, handler in handlers(client.app):
        plain = path.replace("{shop:str}", shop.slug)
        if (
            method != "GET"
            or "{" in plain
            or not isinstance(handler.opt["access"], Needs | SignedIn)
        ):
            continue
        if plain.endswith("/stream") or "/live" in plain:
            continue
        answer = browser.get(plain)
        page = answer.headers.get("content-type", "").startswith("text/html")
        if answer.status_code == 200 and page and "<html" in answer.text:
            seen.append(plain)
            assert 'action="/log-out"' in answer.text, plain
    assert len(seen) > 15


def test_a_password_is_masked_may_be_pasted_and_is_known_to_password_managers(
    client: TestClient[Site],
) -> None:
    house: TestHouse = client.app.state["house"]
    browser = Browser(client, house)
    fields = re.findall(r"<input[^>]*name=\"password\"[^>]*>", browser.get("/log-in").text)
    browser.sign_in(person_in(house, shop_in(house), Role.OWNER))
    fields += re.findall(
        r"<input[^>]*name=\"(?:password|present)\"[^>]*>",
        browser.get("/shops/tide/settings/me").text,
    )
    assert len(fields) >= 3
    for field in fields:
        assert 'type="password"' in field
        assert re.search(r'autocomplete="(current|new)-password"', field), field
        assert "maxlength" not in field
        assert "onpaste" not in field


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "TRACK", "PROPFIND", "X"])
@pytest.mark.parametrize("path", ["/", "/log-in", "/v1/rewards", "/static/app.css", "/healthz"])
def test_no_other_method_does_anything(client: TestClient[Site], method: str, path: str) -> None:
    answer = client.request(method, path, follow_redirects=False)
    assert answer.status_code == 405
    assert method not in answer.headers.get("allow", "")


def test_a_folder_is_not_listed(client: TestClient[Site]) -> None:
    for path in ("/static", "/static/", "/static/vendor", "/static/vendor/"):
        assert client.get(path, follow_redirects=False).status_code in (404, 405), path
