"""Second factors through the pages: apps, recovery codes, what the shop asks, what is bounded."""

import json
import re
from typing import Any

import pytest
from litestar.testing import TestClient
from pyotp import TOTP
from sqlalchemy import text

from springtide.domain.access import audit_queries, operations, proofs, queries
from springtide.domain.access.model import Actor, Factor, Person, Role
from springtide.domain.access.operations.factors import CODES, WRONG_AN_HOUR
from springtide.site import Site
from springtide.web.frame import sessions
from tests.kit.house import PASSWORD, Browser, TestHouse, person_in, shop_in

FACTORS = "/shops/tide/settings/me/factors"


@pytest.fixture
def owner(sqlite_house: TestHouse) -> Person:
    return person_in(sqlite_house, shop_in(sqlite_house), Role.OWNER)


@pytest.fixture
def browser(client: TestClient[Site], sqlite_house: TestHouse, owner: Person) -> Browser:
    return Browser(client, sqlite_house).sign_in(owner)


def _code(house: TestHouse, secret: str) -> str:
    return TOTP(secret).at(house.real_now())


def _enrol(browser: Browser, house: TestHouse) -> tuple[str, list[str]]:
    """Add an app; return its secret and the recovery codes that were shown."""
    page = browser.get(FACTORS).text
    [shown] = re.findall(r'<code class="secret break">([A-Z2-7 ]+)</code>', page)
    [kept] = re.findall(r'name="kept" value="([^"]+)"', page)
    secret = shown.replace(" ", "")
    assert secret not in kept
    form = {"kept": kept, "name": "phone", "code": _code(house, secret)}
    wrong = browser.post(f"{FACTORS}/app", {**form, "code": "000000"})
    assert (wrong.status_code, shown in wrong.text) == (422, True)
    done = browser.post(f"{FACTORS}/app", form)
    assert done.status_code == 200
    codes = re.findall(r"^(?:.*>)?([a-z2-7]{4}(?:-[a-z2-7]{4}){3})$", done.text, re.MULTILINE)
    return secret, codes


def _first_step(client: TestClient[Site], house: TestHouse, owner: Person) -> Browser:
    guest = Browser(client, house)
    answer = guest.post("/log-in", {"email": owner.email, "password": PASSWORD, "next": "/shops"})
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/log-in/second?next=%2Fshops",
    )
    assert sessions.session_cookie_name(house) not in guest.cookies
    assert guest.get("/log-in/second").status_code == 200
    return guest


def test_an_app_is_asked_for_after_the_password_and_each_code_works_once(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    secret, codes = _enrol(browser, sqlite_house)
    assert len(set(codes)) == CODES
    with sqlite_house.db.read() as tx:
        rows = repr(tx.execute(text("select * from factors")).all())
        kept = repr(tx.execute(text("select * from recovery_codes")).all())
    assert secret not in rows
    assert codes[0].replace("-", "") not in kept
    guest = _first_step(client, sqlite_house, owner)
    # The code that proved the app is over: it was used.
    again = guest.post("/log-in/second", {"code": _code(sqlite_house, secret)})
    assert again.status_code == 422
    sqlite_house.forward(seconds=60)
    code = _code(sqlite_house, secret)
    done = guest.post("/log-in/second", {"code": f"{code[:3]} {code[3:]}", "next": "/shops"})
    assert (done.status_code, done.headers["location"]) == (303, "/shops")
    assert guest.get("/shops/tide/settings/me").status_code == 200
    other = _first_step(client, sqlite_house, owner)
    assert other.post("/log-in/second", {"code": code}).status_code == 422


def test_an_app_sent_twice_is_one_and_its_code_works_once(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    page = browser.get(FACTORS).text
    [shown] = re.findall(r'<code class="secret break">([A-Z2-7 ]+)</code>', page)
    [kept] = re.findall(r'name="kept" value="([^"]+)"', page)
    secret = shown.replace(" ", "")
    form = {"kept": kept, "name": "phone", "code": _code(sqlite_house, secret)}
    # The page that a wrong code shows again holds the same app, closed anew.
    wrong = browser.post(f"{FACTORS}/app", {**form, "code": "000000"})
    [anew] = re.findall(r'name="kept" value="([^"]+)"', wrong.text)
    assert anew != kept
    got = [browser.post(f"{FACTORS}/app", {**form, "kept": each}) for each in (kept, kept, anew)]
    assert [each.status_code for each in got] == [200, 409, 409]
    with sqlite_house.db.read() as tx:
        assert len(proofs.factors_of(tx, person_id=owner.id)) == 1
    sqlite_house.forward(seconds=60)
    code, guests = _code(sqlite_house, secret), []
    for _ in range(2):
        guests.append(_first_step(client, sqlite_house, owner))
    assert [g.post("/log-in/second", {"code": code}).status_code for g in guests] == [303, 422]


def test_a_recovery_code_works_once_and_new_ones_end_the_old(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    _, codes = _enrol(browser, sqlite_house)
    guest = _first_step(client, sqlite_house, owner)
    assert guest.post("/log-in/second", {"code": codes[0].upper()}).status_code == 303
    other = _first_step(client, sqlite_house, owner)
    assert other.post("/log-in/second", {"code": codes[0]}).status_code == 422
    assert f"{CODES - 1} recovery codes are left" in browser.get(FACTORS).text
    assert browser.post(f"{FACTORS}/codes").status_code == 200
    assert other.post("/log-in/second", {"code": codes[1]}).status_code == 422


def test_wrong_codes_are_bounded_for_the_account_wherever_they_come_from(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    secret, _ = _enrol(browser, sqlite_house)
    got = []
    for _ in range(WRONG_AN_HOUR + 3):
        guest = _first_step(client, sqlite_house, owner)
        got.append(guest.post("/log-in/second", {"code": "123456"}).status_code)
    assert got == [422] * WRONG_AN_HOUR + [429] * 3
    sqlite_house.forward(seconds=60)
    assert guest.post("/log-in/second", {"code": _code(sqlite_house, secret)}).status_code == 429
    assert "ten wrong codes" in browser.get("/shops/tide/settings/me").text
    sqlite_house.forward(hours=1)
    guest = _first_step(client, sqlite_house, owner)
    assert guest.post("/log-in/second", {"code": _code(sqlite_house, secret)}).status_code == 303


def test_half_a_log_in_ends_with_its_time_and_with_the_password(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    secret, _ = _enrol(browser, sqlite_house)
    guest = _first_step(client, sqlite_house, owner)
    sqlite_house.forward(minutes=10, seconds=30)
    late = guest.post("/log-in/second", {"code": _code(sqlite_house, secret)})
    assert (late.status_code, late.headers["location"]) == (303, "/log-in")
    guest = _first_step(client, sqlite_house, owner)
    command = Actor("command", "test", "test")
    operations.reset_password(
        sqlite_house.db,
        email=owner.email,
        password="another long one",
        actor=command,
        now=sqlite_house.real_now(),
    )
    answer = guest.post("/log-in/second", {"code": _code(sqlite_house, secret)})
    assert answer.status_code == 422
    assert sessions.session_cookie_name(sqlite_house) not in guest.cookies
    stranger = Browser(client, sqlite_house)
    assert stranger.post("/log-in/second", {"code": "1"}).headers["location"] == "/log-in"


def test_factors_are_changed_only_after_a_fresh_log_in_and_by_their_person(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    secret, _ = _enrol(browser, sqlite_house)
    [path] = re.findall(rf"{FACTORS}/fac_\w+/remove", browser.get(FACTORS).text)
    with sqlite_house.db.read() as tx:
        shop = queries.shop_by_slug(tx, slug="tide")
    other = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.DESIGN))
    assert other.post(path).status_code == 404
    sqlite_house.forward(minutes=16)
    assert browser.post(path).headers["location"].startswith("/confirm")
    assert browser.get(FACTORS).headers["location"].startswith("/confirm")
    browser.post("/confirm", {"password": PASSWORD, "code": _code(sqlite_house, secret)})
    assert browser.post(path).status_code == 303
    assert browser.sign_in(owner)


def test_a_confirmation_asks_for_the_second_factor_too(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    assert 'name="code"' not in browser.get("/confirm").text
    secret, codes = _enrol(browser, sqlite_house)
    sqlite_house.forward(minutes=16)
    assert 'name="code"' in browser.get("/confirm").text
    for code in ("", "000000"):
        refused = browser.post("/confirm", {"password": PASSWORD, "code": code})
        assert (refused.status_code, 'name="code"' in refused.text) == (422, True)
    wrong = browser.post("/confirm", {"password": "wrong", "code": _code(sqlite_house, secret)})
    assert wrong.status_code == 422
    assert browser.get(FACTORS).headers["location"].startswith("/confirm")
    form = {"password": PASSWORD, "code": _code(sqlite_house, secret), "next": FACTORS}
    assert browser.post("/confirm", form).headers["location"] == FACTORS
    assert browser.get(FACTORS).status_code == 200
    sqlite_house.forward(minutes=16)
    assert browser.post("/confirm", {"password": PASSWORD, "code": codes[0]}).status_code == 303
    assert f"{CODES - 1} recovery codes are left" in browser.get(FACTORS).text
    log = browser.get("/shops/tide/settings/audit?about=accounts").text
    assert log.count("<div>Confirmation refused") == 2
    assert log.count("<div>Confirmed that it is them") == 2


def test_wrong_codes_of_confirmations_are_bounded_with_those_of_log_ins(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    secret, _ = _enrol(browser, sqlite_house)
    sqlite_house.forward(minutes=16)
    form = {"password": PASSWORD, "code": "000000"}
    got = [browser.post("/confirm", form).status_code for _ in range(WRONG_AN_HOUR + 2)]
    assert got == [422] * WRONG_AN_HOUR + [429] * 2
    form["code"] = _code(sqlite_house, secret)
    assert browser.post("/confirm", form).status_code == 429
    guest = _first_step(client, sqlite_house, owner)
    assert guest.post("/log-in/second", {"code": form["code"]}).status_code == 429


def test_a_new_password_is_no_way_around_the_second_factor(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    secret, _ = _enrol(browser, sqlite_house)
    sqlite_house.forward(minutes=16)
    me, new = "/shops/tide/settings/me", "another long one"
    form = {"present": PASSWORD, "password": new, "again": new}
    assert browser.post(f"{me}/password", form).headers["location"].startswith("/confirm")
    browser.post("/confirm", {"password": PASSWORD, "code": _code(sqlite_house, secret)})
    assert browser.post(f"{me}/password", form).headers["location"] == me
    assert browser.get(FACTORS).status_code == 200


@pytest.mark.parametrize("answer", ["", json.dumps({"rawId": "AAAA"})])
def test_a_wrong_passkey_confirms_nothing_and_stands_in_the_log(
    client: TestClient[Site],
    sqlite_house: TestHouse,
    owner: Person,
    browser: Browser,
    answer: str,
) -> None:
    sqlite_house.forward(minutes=16)
    for _ in range(operations.REFUSALS_AN_HOUR + 2):
        form = {"answer": answer, "state": "x", "next": FACTORS}
        assert browser.post("/confirm/passkey", form).status_code == 422
    assert browser.get(FACTORS).headers["location"].startswith("/confirm")
    with sqlite_house.db.read() as tx:
        kept = audit_queries.personal_page(tx, person_id=owner.id, limit=99)
    told = [each.after for each in kept if each.action == operations.CONFIRM_FAILED.code]
    assert len(told) == operations.REFUSALS_AN_HOUR
    assert {each["by"] for each in told} == {"passkey"}


def test_a_shop_may_ask_everybody_for_a_second_factor(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    with sqlite_house.db.read() as tx:
        shop = queries.shop_by_slug(tx, slug="tide")
    design = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.DESIGN))
    assert design.post("/shops/tide/settings/security", {"required": "on"}).status_code == 403
    assert browser.post("/shops/tide/settings/security", {"required": "on"}).status_code == 303
    for each in (design, browser):
        for path in ("/shops/tide", "/shops/tide/settings/me"):
            assert each.get(path).headers["location"] == FACTORS
    _enrol(browser, sqlite_house)
    assert browser.get("/shops/tide").status_code == 200
    assert design.get("/shops/tide").status_code == 303
    page = browser.get("/shops/tide/settings/security").text
    assert (page.count("not set up"), page.count("bg-green-lt")) == (1, 1)
    assert browser.post("/shops/tide/settings/security").status_code == 303
    assert design.get("/shops/tide").status_code == 200


def test_a_lost_factor_is_taken_off_by_command_and_the_sessions_end(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, browser: Browser
) -> None:
    _enrol(browser, sqlite_house)
    with sqlite_house.db.write() as tx:
        operations.remove_all_factors(
            tx,
            person=owner,
            actor=Actor("command", "account", "springtide account"),
            now=sqlite_house.real_now(),
        )
    assert browser.get("/shops/tide").status_code == 303
    guest = Browser(client, sqlite_house)
    answer = guest.post("/log-in", {"email": owner.email, "password": PASSWORD})
    assert answer.headers["location"] == "/"
    assert "Second factor taken off" in guest.get("/shops/tide/settings/me").text


@pytest.mark.parametrize("answer", ["", "{}", "[]", "no json", json.dumps({"rawId": "AAAA"})])
def test_an_answer_that_is_no_passkeys_is_refused(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, answer: Any
) -> None:
    guest = Browser(client, sqlite_house)
    refused = guest.post("/log-in/passkey", {"answer": answer, "state": "x"})
    assert refused.status_code == 422
    assert sessions.session_cookie_name(sqlite_house) not in guest.cookies


def test_an_answer_to_a_challenge_is_taken_once(house: TestHouse) -> None:
    person = person_in(house, shop_in(house), Role.OWNER)
    with house.db.write() as tx:
        operations.add_passkey(
            tx,
            person=person,
            name="key",
            credential_id=b"id",
            public_key=b"key",
            sign_count=0,
            now=house.real_now(),
        )
        factor, holder = proofs.passkey(tx, credential_id=b"id")
        assert holder == person
    _answer(house, factor, b"a", 1)
    _answer(house, factor, b"b", 2)
    with pytest.raises(operations.PasskeyUsed):
        _answer(house, factor, b"a", 3)


def _answer(house: TestHouse, factor: Factor, challenge: bytes, sign_count: int) -> None:
    with house.db.write() as tx:
        operations.use_passkey(
            tx,
            factor_id=factor.id,
            sign_count=sign_count,
            challenge=challenge,
            now=house.real_now(),
        )
