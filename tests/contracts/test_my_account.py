"""One's own account: sessions listed and ended, what happened in the log, streams that end."""

import re
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import anyio
import httpx
import pytest
from argon2 import PasswordHasher
from litestar.testing import TestClient
from sqlalchemy import text

from springtide.domain.access import audit_queries, operations, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import Role, Scope
from springtide.domain.campaigns.model import Goals
from springtide.domain.campaigns.operations import create_campaign
from springtide.site import Site
from springtide.web.frame import sessions
from tests.kit.house import ACTOR, PASSWORD, Browser, TestHouse, key_in, person_in, shop_in

ME = "/shops/tide/settings/me"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def test_sessions_are_listed_and_ended_by_their_person_alone(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    owner, other = (person_in(sqlite_house, shop, role) for role in (Role.OWNER, Role.DESIGN))
    browsers = []
    for _ in range(3):
        browser = Browser(client, sqlite_house)
        form = {"email": owner.email, "password": PASSWORD}
        agent = {"user-agent": "Mozilla/5.0 (Windows NT 10.0) Chrome/140 <b>"}
        assert browser.post("/log-in", form, headers=agent).status_code == 303
        browsers.append(browser)
        sqlite_house.forward(minutes=1)
    mine = browsers[0]
    page = mine.get(ME)
    assert page.text.count("Chrome · Windows") == 3 + 3
    assert "<b>" not in page.text
    ends = re.findall(r"/settings/me/sessions/(ses_\w+)/end", page.text)
    assert len(ends) == len(set(ends)) == 2
    stranger = Browser(client, sqlite_house).sign_in(other)
    assert stranger.post(f"{ME}/sessions/{ends[0]}/end").status_code == 404
    # The last one seen stands first: that is the third.
    assert mine.post(f"{ME}/sessions/{ends[0]}/end").status_code == 303
    assert [each.get(ME).status_code for each in browsers] == [200, 200, 303]
    assert mine.post(f"{ME}/sessions/{ends[0]}/end").status_code == 404
    assert mine.post(f"{ME}/sessions/end-others").status_code == 303
    assert [each.get(ME).status_code for each in browsers] == [200, 303, 303]
    assert stranger.get(ME).status_code == 200
    name = sessions.browser_cookie_name(sqlite_house)
    with sqlite_house.db.read() as tx:
        known = [
            operations.is_known_browser(
                tx, email=owner.email, browser=each.cookies[name], now=sqlite_house.real_now()
            )
            for each in browsers
        ]
    assert known == [True, False, False]


def test_log_ins_stand_with_the_account_and_in_the_log_of_its_shops_alone(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop, other = shop_in(sqlite_house), shop_in(sqlite_house, "other")
    owner = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    elsewhere = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, other, Role.OWNER))
    mei = person_in(sqlite_house, shop, Role.DESIGN, "mei@tide.test")
    browser = Browser(client, sqlite_house)
    browser.post("/log-in", {"email": mei.email, "password": "wrong"})
    browser.post("/log-in", {"email": mei.email, "password": PASSWORD})
    browser.post("/log-out")
    own = browser.sign_in(mei).get(ME).text
    assert all(each in own for each in ("Wrong password, code", "Logged in", "Logged out"))
    log = owner.get("/shops/tide/settings/audit?about=accounts").text
    assert "<div>Wrong password" in log
    assert log.count("testclient") >= 3
    assert (
        "<div>Wrong password"
        not in elsewhere.get("/shops/other/settings/audit?about=accounts").text
    )


def test_a_flood_of_wrong_passwords_leaves_few_entries(house: TestHouse) -> None:
    person = person_in(house, shop_in(house), Role.OWNER)
    with house.db.write() as tx:
        tx.execute(text("update people set password_hash = :h"), {"h": QUICK.hash(PASSWORD)})
    for number in range(45):
        with pytest.raises(operations.WrongLogIn):
            operations.log_in(
                house.db,
                email=person.email,
                password="wrong",
                visit=operations.Visit(f"203.0.113.{number}", "line\nbreak"),
                now=house.real_now(),
            )
    with house.db.read() as tx:
        entries = audit_queries.personal_page(tx, person_id=person.id, limit=100)
    told = [each.after for each in entries if each.action == "person.log_in_failed"]
    counts = sorted(each["wrong_passwords_today"] for each in told)
    assert counts == [1, 2, 3, 4, 5, 10, 20, 40]
    assert {each["browser"] for each in told} == {"line break"}


def test_refusals_are_written_down_and_their_number_is_bounded(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    owner = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    design = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.DESIGN))
    for _ in range(operations.REFUSALS_AN_HOUR + 5):
        assert design.get("/shops/tide/settings/keys").status_code == 403
    assert _refusals(sqlite_house, shop.id) == operations.REFUSALS_AN_HOUR
    assert (
        "/shops/tide/settings/keys" in owner.get("/shops/tide/settings/audit?about=refusals").text
    )
    sqlite_house.forward(hours=1, seconds=1)
    assert design.post("/shops/tide/settings/keys").status_code == 403
    assert _refusals(sqlite_house, shop.id) == operations.REFUSALS_AN_HOUR + 1


def _refusals(house: TestHouse, shop_id: Any) -> int:
    with house.db.read() as tx:
        return len(
            audit_queries.audit_page(tx, shop_id=shop_id, actions=("access.refused",), limit=99)
        )


def _log_out(house: TestHouse, token: str) -> None:
    with house.db.write() as tx:
        operations.log_out(tx, token=token, now=house.real_now())


def _leave(house: TestHouse, _: str) -> None:
    with house.db.write() as tx:
        shop = queries.shop_by_slug(tx, slug="tide")
        person = queries.person_by_email(tx, email="design@tide.test")
        operations.remove_member(Act.of(tx, shop, ACTOR), person=person)


def _new_password(house: TestHouse, token: str) -> None:
    with house.db.read() as tx:
        person = queries.person_by_email(tx, email="design@tide.test")
    operations.change_password(
        house.db,
        person=person,
        token=token,
        present=PASSWORD,
        password="another long one",
        visit=operations.Visit("192.0.2.1"),
        now=house.real_now(),
    )


def _run_out(house: TestHouse, _: str) -> None:
    house.forward(hours=4)


def _ask_factor(house: TestHouse, _: str) -> None:
    with house.db.write() as tx:
        shop = queries.shop_by_slug(tx, slug="tide")
        operations.require_factor(Act.of(tx, shop, ACTOR), is_required=True)


@pytest.mark.parametrize("end", [_log_out, _leave, _new_password, _run_out, _ask_factor])
def test_the_boards_stream_ends_with_its_session(
    client: TestClient[Site], sqlite_house: TestHouse, end: Callable[[TestHouse, str], None]
) -> None:
    shop = shop_in(sqlite_house)
    with sqlite_house.db.write() as tx:
        campaign = create_campaign(
            Act.of(tx, shop, ACTOR, sqlite_house.real_now()),
            name="Sale",
            day=date(2025, 11, 11),
            goals=Goals(),
        )
    browser = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.DESIGN))
    token = browser.cookies[sessions.session_cookie_name(sqlite_house)]
    ended_at: list[float] = []

    def end_soon() -> None:
        time.sleep(1.5)
        end(sqlite_house, token)
        ended_at.append(time.monotonic())

    async def listen() -> str:
        transport = httpx.ASGITransport(app=client.app)
        async with httpx.AsyncClient(
            transport=transport, base_url="http://testserver.local", cookies=browser.cookies
        ) as asked:
            with anyio.fail_after(30):
                path = f"/shops/tide/campaigns/{campaign.key}/board/stream"
                return (await asked.get(path)).text

    ender = threading.Thread(target=end_soon)
    ender.start()
    got = anyio.run(listen)
    ender.join()
    assert "data: " in got
    assert time.monotonic() - ended_at[0] < 8


def test_the_audit_log_is_filtered_by_action_and_days_on_page_and_in_its_file(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    owner = person_in(sqlite_house, shop, Role.OWNER)
    key_in(sqlite_house, shop, Scope.READ)
    # The next day in the shop's zone, though not in UTC.
    sqlite_house.clock = datetime(2025, 11, 1, 16, 30, tzinfo=UTC)
    key_in(sqlite_house, shop, Scope.READ)
    key_in(sqlite_house, shop, Scope.READ)
    browser = Browser(client, sqlite_house).sign_in(owner)

    def found(query: str) -> tuple[int, int]:
        page = browser.get(f"/shops/tide/settings/audit?{query}")
        file = browser.get(f"/shops/tide/exports/audit.csv?{query}")
        assert (page.status_code, file.status_code) == (200, 200)
        assert "shop.create" not in page.text.partition("<tbody>")[2]
        return page.text.count("<td><div>API key made</div>"), file.text.count("API key made")

    assert found("") == (3, 3)
    assert found("about=key.create&since=2025-11-02") == (2, 2)
    assert found("about=keys&until=2025-11-01") == (1, 1)
    assert found("about=orders") == (0, 0)
    assert found("about=no.such") == (0, 0)
    assert found(f"who={owner.id}") == (0, 0)
    assert browser.get("/shops/tide/settings/audit?since=tomorrow").status_code == 422
