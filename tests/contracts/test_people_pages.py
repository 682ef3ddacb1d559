"""People of two shops with two owners: invited, joined, changed, taken out, through the pages."""

import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar.testing import TestClient

from springtide.domain.access import audit_queries, operations, queries
from springtide.domain.access.model import Person, Role, Shop
from springtide.kit.ids import outward
from springtide.site import Site, create_app
from springtide.web.frame.render import FLASH_COOKIE
from tests.kit.house import PASSWORD, Browser, TestHouse, person_in, settings_in, shop_in
from tests.kit.mail import mail_sink

PEOPLE = "/shops/{shop}/settings/people"


@pytest.fixture
def shops(sqlite_house: TestHouse) -> tuple[Shop, Shop]:
    return shop_in(sqlite_house), shop_in(sqlite_house, "other")


@pytest.fixture
def owner(client: TestClient[Site], sqlite_house: TestHouse, shops: tuple[Shop, Shop]) -> Browser:
    return Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shops[0], Role.OWNER))


def _invite(owner: Browser, email: str, role: str = "design") -> Any:
    return owner.post(PEOPLE.format(shop="tide"), {"email": email, "role": role})


def _token(page: Any) -> str:
    [address] = re.findall(r'id="invitation-link">([^<]+)<', page.text)
    return str(parse_qs(urlsplit(address).query)["token"][0])


def _role(house: TestHouse, person: Person, slug: str) -> Role:
    with house.db.read() as tx:
        return queries.member(tx, person=person, slug=slug).role


def test_a_new_person_takes_the_link_up_and_logs_in(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Browser
) -> None:
    token = _token(_invite(owner, "mei@example.test"))
    guest = Browser(client, sqlite_house)
    page = guest.get("/invitation", params={"token": token})
    assert page.status_code == 200
    assert "mei@example.test" in page.text
    typed = {"token": token, "name": "Mei", "password": PASSWORD, "again": PASSWORD}
    wrong = guest.post("/invitation", {**typed, "again": "another one"})
    assert (wrong.status_code, "This differs" in wrong.text) == (422, True)
    done = guest.post("/invitation", typed)
    assert (done.status_code, done.headers["location"]) == (303, "/log-in?next=%2Fshops%2Ftide")
    assert guest.post("/invitation", typed).status_code == 404
    with sqlite_house.db.read() as tx:
        person = queries.person_by_email(tx, email="mei@example.test")
    assert (person.name, _role(sqlite_house, person, "tide")) == ("Mei", Role.DESIGN)
    assert guest.sign_in(person).get("/shops/tide").status_code == 200


def test_an_existing_person_joins_when_logged_in_as_that_address(
    client: TestClient[Site], sqlite_house: TestHouse, shops: tuple[Shop, Shop], owner: Browser
) -> None:
    person = person_in(sqlite_house, shops[1], Role.OWNER, "mei@example.test")
    invited = _invite(owner, "mei@example.test")
    token = _token(invited)
    stranger = Browser(client, sqlite_house).sign_in(
        person_in(sqlite_house, shops[1], Role.DESIGN, "x@example.test")
    )
    assert "Log out" in stranger.get("/invitation", params={"token": token}).text
    assert stranger.post("/invitation/join", {"token": token}).status_code == 403
    log = owner.get("/shops/tide/settings/audit?about=team").text
    assert (log.count("<td><div>Invitation refused"), "invitation_other_address" in log) == (
        1,
        True,
    )
    nobody = Browser(client, sqlite_house).post("/invitation/join", {"token": token})
    assert nobody.headers["location"].startswith("/log-in")
    mei = Browser(client, sqlite_house).sign_in(person)
    assert "Join as" in mei.get("/invitation", params={"token": token}).text
    assert mei.post("/invitation/join", {"token": token}).headers["location"] == "/shops/tide"
    assert _role(sqlite_house, person, "other") == Role.OWNER


def test_the_page_of_an_owner_tells_nothing_of_accounts_elsewhere(
    sqlite_house: TestHouse, shops: tuple[Shop, Shop], owner: Browser
) -> None:
    person_in(sqlite_house, shops[1], Role.OWNER, "aa@example.test")
    pages = []
    for email in ("aa@example.test", "bb@example.test"):
        page = _invite(owner, email)
        text = page.text.replace(_token(page), "").replace(email, "")
        pages.append((page.status_code, re.sub(r"inv_\w+|value=\"\w+\"|remove-\d+", "", text)))
        link = re.findall(r"invitations/(inv_\w+)/withdraw", page.text)[0]
        owner.post(f"{PEOPLE.format(shop='tide')}/invitations/{link}/withdraw")
        assert "is withdrawn" in owner.get(PEOPLE.format(shop="tide")).text
        del owner.cookies[FLASH_COOKIE]
    assert pages[0] == pages[1]


def test_the_owner_of_one_shop_reaches_nobody_of_another(
    client: TestClient[Site], sqlite_house: TestHouse, shops: tuple[Shop, Shop], owner: Browser
) -> None:
    hers = person_in(sqlite_house, shops[1], Role.OWNER, "mei@example.test")
    mei = Browser(client, sqlite_house).sign_in(hers)
    assert mei.post(PEOPLE.format(shop="other"), {"email": "c@d.test", "role": "design"}).text
    with sqlite_house.db.read() as tx:
        [theirs] = queries.invitations_of(tx, shop_id=shops[1].id)
    key, invitation = outward("per", hers.id), outward("inv", theirs.id)
    for path in (
        f"{key}/role",
        f"{key}/remove",
        f"invitations/{invitation}/again",
        f"invitations/{invitation}/withdraw",
    ):
        asked = owner.post(f"{PEOPLE.format(shop='tide')}/{path}", {"role": "design"})
        assert asked.status_code == 404, path
    assert mei.get(PEOPLE.format(shop="other")).status_code == 200
    assert theirs.email in mei.get(PEOPLE.format(shop="other")).text


def test_who_is_taken_out_of_one_shop_keeps_the_other_and_the_log_in(
    client: TestClient[Site], sqlite_house: TestHouse, shops: tuple[Shop, Shop], owner: Browser
) -> None:
    person = person_in(sqlite_house, shops[1], Role.OWNER, "mei@example.test")
    mei = Browser(client, sqlite_house).sign_in(person)
    mei.post("/invitation/join", {"token": _token(_invite(owner, person.email))})
    assert mei.get("/shops/tide").status_code == 200
    gone = owner.post(f"{PEOPLE.format(shop='tide')}/{outward('per', person.id)}/remove")
    assert gone.status_code == 303
    assert mei.get("/shops/tide").status_code == 404
    assert mei.get("/shops/other").status_code == 200


def test_an_owner_steps_down_or_leaves_only_when_another_stays(
    client: TestClient[Site], sqlite_house: TestHouse, shops: tuple[Shop, Shop]
) -> None:
    first = person_in(sqlite_house, shops[0], Role.OWNER, "a@tide.test")
    browser = Browser(client, sqlite_house).sign_in(first)
    mine = f"{PEOPLE.format(shop='tide')}/{outward('per', first.id)}"
    assert browser.post(f"{mine}/role", {"role": "design"}).status_code == 409
    assert browser.post(f"{mine}/remove").status_code == 409
    assert browser.post(f"{mine}/role", {"role": "king"}).status_code == 422
    person_in(sqlite_house, shops[0], Role.OWNER, "b@tide.test")
    assert browser.post(f"{mine}/role", {"role": "design"}).headers["location"] == "/shops/tide"
    assert browser.get(PEOPLE.format(shop="tide")).status_code == 403
    assert _role(sqlite_house, first, "tide") == Role.DESIGN


def test_the_link_goes_by_mail_where_a_server_is_named(
    sqlite_house: TestHouse, shops: tuple[Shop, Shop], tmp_path: Path
) -> None:
    with mail_sink(tmp_path / "mail") as (mailbox, port):
        url = sqlite_house.db.url
        changes = {"smtp_url": f"smtp://127.0.0.1:{port}", "has_mail_server": True}
        house = TestHouse(settings_in(tmp_path, url, **changes), sqlite_house.db)
        with TestClient(create_app(house), base_url="http://testserver.local") as client:
            owner = Browser(client, house).sign_in(person_in(house, shops[0], Role.OWNER))
            page = _invite(owner, "mei@example.test")
            assert "is on its way" in page.text
            assert "token=" not in page.text
            again = re.findall(r"invitations/(inv_\w+)/again", page.text)[0]
            assert owner.post(f"{PEOPLE.format(shop='tide')}/invitations/{again}/again").text
        letters = mailbox.newest()
    assert [each.to for each in letters] == ["mei@example.test"] * 2


def test_a_mail_server_that_is_away_is_said_and_the_link_stays_secret(
    sqlite_house: TestHouse, shops: tuple[Shop, Shop], tmp_path: Path
) -> None:
    changes = {"smtp_url": "smtp://127.0.0.1:1", "has_mail_server": True}
    house = TestHouse(settings_in(tmp_path, sqlite_house.db.url, **changes), sqlite_house.db)
    with TestClient(create_app(house), base_url="http://testserver.local") as client:
        owner = Browser(client, house).sign_in(person_in(house, shops[0], Role.OWNER))
        page = _invite(owner, "mei@example.test")
    assert "did not go" in page.text
    assert "token=" not in page.text


def test_an_invitation_that_is_over_stands_in_the_log_of_its_shop_within_bounds(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    boss = person_in(sqlite_house, shop, Role.OWNER)
    owner = Browser(client, sqlite_house).sign_in(boss)
    token = _token(_invite(owner, "mei@example.test"))
    sqlite_house.forward(days=operations.INVITATION_DAYS, minutes=1)
    guest = Browser(client, sqlite_house)
    assert guest.get(f"/invitation?token={token}").status_code == 404
    form = {
        "token": token,
        "name": "Mei",
        "password": "a long one of mei",
        "again": "a long one of mei",
    }
    for _ in range(operations.REFUSALS_AN_HOUR + 2):
        assert guest.post("/invitation", form).status_code == 404
    assert guest.post("/invitation", form | {"token": "of nobody"}).status_code == 404
    with sqlite_house.db.read() as tx:
        kept = audit_queries.audit_page(
            tx, shop_id=shop.id, actions=("invitation.refused",), limit=99
        )
    assert len(kept) == operations.REFUSALS_AN_HOUR
    assert {each.after["reason"] for each in kept} == {"invitation_gone"}
