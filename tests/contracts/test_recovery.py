"""A forgotten password: by mail or by command, the same answer for all, once, and bounded."""

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from litestar.testing import TestClient
from sqlalchemy import event, text

from springtide.connectors.channels.mailbox import Mailbox
from springtide.domain.access import audit_queries, operations, queries
from springtide.domain.access.model import Person, Role
from springtide.domain.access.operations.recovery import ASKS_ACCOUNT, ASKS_NETWORK
from springtide.site import Site, create_app
from tests.kit.house import PASSWORD, Browser, TestHouse, person_in, shop_in
from tests.kit.mail import mail_sink

NEW = "another long one"
SAME = "a link is on its way"


@pytest.fixture
def post_box(sqlite_house: TestHouse, tmp_path: Path) -> Iterator[Mailbox]:
    """A mail server that the house is set to."""
    with mail_sink(tmp_path / "mail") as (mailbox, port):
        sqlite_house.settings = replace(
            sqlite_house.settings,
            smtp_url=f"smtp://127.0.0.1:{port}?from=house@tide.example",
            has_mail_server=True,
        )
        yield mailbox


@pytest.fixture
def owner(sqlite_house: TestHouse) -> Person:
    return person_in(sqlite_house, shop_in(sqlite_house), Role.OWNER)


def _letters(house: TestHouse, folder: Path) -> list[Any]:
    """Return what was sent, once the post has done all that waited."""
    house.post.close()
    parsed = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in sorted(folder.rglob("*.eml"))
    ]
    return [(str(each["To"]), str(each["Subject"]), each.get_content()) for each in parsed]


def _token(body: str) -> str:
    [link] = re.findall(r"http\S+/recover/new\S+", body)
    return str(parse_qs(urlsplit(link).query)["token"][0])


def test_a_link_by_mail_sets_a_new_password_once_and_ends_every_session(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, post_box: Mailbox,
    tmp_path: Path,
) -> None:  # fmt: skip
    signed_in = Browser(client, sqlite_house).sign_in(owner)
    guest = Browser(client, sqlite_house)
    assert guest.get("/recover").status_code == 200
    assert SAME in guest.post("/recover", {"email": f" {owner.email.upper()}"}).text
    [(to, subject, body)] = _letters(sqlite_house, tmp_path / "mail")
    assert (to, subject) == (owner.email, "A new password for Springtide")
    token = _token(body)
    with sqlite_house.db.read() as tx:
        assert token not in repr(tx.execute(text("select * from recoveries")).all())
    link = f"/recover/new?token={token}"
    assert [guest.get(link).status_code for _ in range(2)] == [200, 200]
    weak = guest.post("/recover/new", {"token": token, "password": "short", "again": "short"})
    assert weak.status_code == 422
    typed = {"token": token, "password": NEW, "again": NEW}
    done = guest.post("/recover/new", typed)
    assert (done.status_code, done.headers["location"]) == (303, "/log-in")
    assert guest.post("/recover/new", typed).status_code == 404
    assert guest.get(link).status_code == 404
    assert signed_in.get("/shops/tide/settings/me").status_code == 303
    assert guest.post("/log-in", {"email": owner.email, "password": PASSWORD}).status_code == 422
    assert guest.post("/log-in", {"email": owner.email, "password": NEW}).status_code == 303
    assert "Password recovered" in guest.get("/shops/tide/settings/me").text
    letters = _letters(sqlite_house, tmp_path / "mail")
    assert "Your password was recovered" in [subject for _, subject, _ in letters]


def test_an_unknown_address_gets_the_same_answer_and_no_letter(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, post_box: Mailbox,
    tmp_path: Path,
) -> None:  # fmt: skip
    guest = Browser(client, sqlite_house)
    answers = [
        guest.post("/recover", {"email": email}).text.replace(email, "…")
        for email in (owner.email, "nobody@tide.test")
    ]
    assert answers[0] == answers[1]
    assert [to for to, _, _ in _letters(sqlite_house, tmp_path / "mail")] == [owner.email]


def test_before_the_answer_nothing_depends_on_whether_the_address_is_known(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, post_box: Mailbox
) -> None:
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if threading.current_thread().name != "post":
            asked.append(statement)

    event.listen(sqlite_house.db.engine, "before_cursor_execute", note)
    guest, said = Browser(client, sqlite_house), []
    for email in (owner.email, "nobody@tide.test"):
        asked.clear()
        assert guest.post("/recover", {"email": email}).status_code == 200
        said.append(list(asked))
    assert said[0] == said[1]
    assert any("recovery_asks" in each for each in said[0])
    assert not any("from people" in each.lower() for each in said[0])


def test_links_are_bounded_for_an_account_and_asks_for_a_network(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, post_box: Mailbox,
    tmp_path: Path,
) -> None:  # fmt: skip
    guest = Browser(client, sqlite_house)
    for _ in range(ASKS_ACCOUNT + 2):
        assert SAME in guest.post("/recover", {"email": owner.email}).text
    letters = _letters(sqlite_house, tmp_path / "mail")
    assert len(letters) == ASKS_ACCOUNT
    # Of several links only the newest works; the mailbox's order is not the order of sending.
    states = [guest.get(f"/recover/new?token={_token(body)}").status_code for _, _, body in letters]
    assert sorted(states) == [200] + [404] * (ASKS_ACCOUNT - 1)
    for number in range(ASKS_NETWORK - ASKS_ACCOUNT - 2):
        guest.post("/recover", {"email": f"n{number}@tide.test"})
    assert guest.post("/recover", {"email": "x@tide.test"}).status_code == 429
    sqlite_house.forward(hours=1, seconds=1)
    assert guest.post("/recover", {"email": owner.email}).status_code == 200


def test_a_link_runs_out(sqlite_house: TestHouse, owner: Person) -> None:
    with sqlite_house.db.write() as tx:
        begun = operations.begin_recovery(tx, email=owner.email, now=sqlite_house.real_now())
    assert begun is not None
    sqlite_house.forward(minutes=operations.RECOVERY_MINUTES)
    with sqlite_house.db.read() as tx, pytest.raises(queries.RecoveryGone):
        queries.recovery_of(tx, token=begun[1], now=sqlite_house.real_now())


def test_without_a_mail_server_the_page_says_the_way_out(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    page = Browser(client, sqlite_house).get("/recover").text
    assert "springtide account reset-password" in page
    assert 'name="email"' not in page


def test_a_mail_server_that_is_away_holds_nobody_up(sqlite_house: TestHouse, owner: Person) -> None:
    sqlite_house.settings = replace(sqlite_house.settings, has_mail_server=True)
    with TestClient(create_app(sqlite_house), base_url="http://testserver.local") as client:
        guest = Browser(client, sqlite_house)
        assert SAME in guest.post("/recover", {"email": owner.email}).text


def test_a_new_password_is_told_by_mail(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person, post_box: Mailbox,
    tmp_path: Path,
) -> None:  # fmt: skip
    browser = Browser(client, sqlite_house).sign_in(owner)
    form = {"present": PASSWORD, "password": NEW, "again": NEW}
    assert browser.post("/shops/tide/settings/me/password", form).status_code == 303
    [(to, subject, body)] = _letters(sqlite_house, tmp_path / "mail")
    assert (to, subject) == (owner.email, "Your password has changed")
    assert "testclient" in body
    assert PASSWORD not in body
    assert NEW not in body


def test_a_link_that_comes_too_late_stands_with_its_account_and_not_without_bounds(
    client: TestClient[Site], sqlite_house: TestHouse, owner: Person
) -> None:
    with sqlite_house.db.write() as tx:
        begun = operations.begin_recovery(tx, email=owner.email, now=sqlite_house.real_now())
    assert begun is not None
    sqlite_house.forward(minutes=operations.RECOVERY_MINUTES + 1)
    guest, path = Browser(client, sqlite_house), "/recover/new"
    assert guest.get(f"{path}?token={begun[1]}").status_code == 404
    form = {"token": begun[1], "password": NEW, "again": NEW}
    for _ in range(operations.REFUSALS_AN_HOUR + 2):
        assert guest.post(path, form).status_code == 404
    assert guest.post(path, form | {"token": "of nobody"}).status_code == 404
    with sqlite_house.db.read() as tx:
        kept = audit_queries.personal_page(tx, person_id=owner.id, limit=99)
    told = [each.after for each in kept if each.action == "person.recover_failed"]
    assert len(told) == operations.REFUSALS_AN_HOUR
    assert told[0]["address"] == "testclient"


def test_a_link_that_is_gone_is_no_slip_and_leads_to_another(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    page = Browser(client, sqlite_house).get("/recover/new?token=never-was")
    assert page.status_code == 404
    assert 'href="/recover"' in page.text
    assert "the address has a slip" not in page.text
