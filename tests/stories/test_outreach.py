"""From a segment to what it caused, through the pages; and the customer's way out."""

import html
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.connectors.channels.email import Email
from springtide.connectors.channels.mailbox import Mailbox
from springtide.domain.access.act import Act
from springtide.domain.access.model import Role, Shop
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.domain.outreach.delivery import Sender, send_batch
from springtide.domain.outreach.model import MessageState
from springtide.domain.outreach.queries import messages_in_state, outreaches_of
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in
from tests.kit.mail import mail_sink, settings_for

FORM: dict[str, Any] = {
    "name": "Warm-up",
    "campaign": "",
    "language": "zh",
    "subject": "{shop}：周六开抢，{name}",
    "body": "{name} 您好，\n\n满169减10：{link}",
    "link": "https://shop.example/sale",
    "control_percent": "10",
    "orders_min": "1",
}


class Story:
    """A shop of 40 buyers, its owner's browser, and a mail sink."""

    def __init__(self, house: TestHouse, client: TestClient[Site], folder: Path) -> None:
        self.house, self.client, self.folder = house, client, folder
        self.shop: Shop = shop_in(house, is_demo=True)
        self.base = f"/shops/{self.shop.slug}"
        self.person = person_in(house, self.shop, Role.OWNER)
        self.owner = Browser(client, house)
        people = [CustomerEntry(f"k{n}", f"顾客{n}<b>", f"k{n}@buyers.example") for n in range(40)]
        with house.db.write() as tx:
            upsert_customers(Act.of(tx, self.shop, ACTOR), entries=people)
        self.buy(range(40), 10_00)
        # Tiers are those of the last full day.
        self.days_later(1)

    def days_later(self, days: int) -> None:
        """Let days pass; the session ends meanwhile, so the owner signs in again."""
        self.house.forward(days=days)
        self.owner.sign_in(self.person)

    def buy(self, people: Any, amount: int) -> None:
        """Let customers order and pay now."""
        at = self.house.real_now()
        facts = [
            Fact(
                shop=self.shop.slug,
                kind=kind,
                occurred_at=at,
                source="api",
                external_id=f"{kind}:{at.isoformat()}:{n}",
                customer_key=f"k{n}",
                order_key=f"o{n}-{at.isoformat()}",
                quantity=1,
                amount_minor=amount,
            )
            for n in people
            for kind in ("order", "payment")
        ]
        with self.house.db.write() as tx:
            append(tx, facts, now=at)

    def draft(self) -> str:
        """Write a draft and return its address."""
        answer = self.owner.post(f"{self.base}/outreach/new", FORM)
        assert answer.status_code == 303, answer.text
        return str(answer.headers["location"])

    def deliver(self) -> Mailbox:
        """Do what the worker does, with a real sink."""
        with self.house.db.read() as tx:
            (found,) = outreaches_of(tx, shop_id=self.shop.id)
        with mail_sink(self.folder / "mailbox") as (mailbox, port):
            settings = settings_for(self.folder, port)
            channel = Email.open(settings)
            post = Sender(
                self.house.db,
                channel,
                self.house.settings.secret,
                self.house.settings.public_url,
                "test",
            )
            now = self.house.real_now()
            send_batch(post, shop=self.shop, outreach_id=found.id, limit=500, now=now, real_now=now)
            channel.close()
        return mailbox


@pytest.fixture
def story(sqlite_house: TestHouse, client: TestClient[Site], tmp_path: Path) -> Story:
    return Story(sqlite_house, client, tmp_path)


def test_an_outreach_goes_from_draft_to_its_effect(story: Story) -> None:
    address = story.draft()
    page = story.owner.get(address).text
    assert "40" in page
    assert "<b>" not in page.split("phone-text")[1][:400]
    assert story.owner.post(f"{address}/send", {"when": "now"}).status_code == 303
    mailbox = story.deliver()
    assert (mailbox.count(), mailbox.copies()) == (36, 0)
    (letter,) = mailbox.newest(1)
    assert letter.subject.startswith("Tide：周六开抢，顾客")
    assert "退订" in letter.text
    assert "&lt;b&gt;" in letter.html
    story.days_later(2)
    story.buy(range(0, 40, 2), 25_00)
    done = html.unescape(story.owner.get(address).text)
    assert "95% interval" in done
    assert "cannot be told from chance" in done
    assert "36" in done


def test_the_form_keeps_what_was_typed_and_says_what_is_wrong(story: Story) -> None:
    wrong = FORM | {"body": "Hello {surname}", "orders_min": "many", "control_percent": "80"}
    answer = story.owner.post(f"{story.base}/outreach/new", wrong)
    text = html.unescape(answer.text)
    assert answer.status_code == 422
    for expected in ("Hello {surname}", "many", "“{surname}” cannot be used", "whole number"):
        assert expected in text
    answer = story.owner.post(f"{story.base}/outreach/new", FORM | {"control_percent": "80"})
    assert "0 to 50 %" in html.unescape(answer.text)


def test_the_count_and_the_preview_follow_the_typing(story: Story) -> None:
    page = story.owner.get(f"{story.base}/outreach/reach?orders_min=2").text
    assert '<div class="reach-number">0</div>' in page
    page = story.owner.get(f"{story.base}/outreach/reach?orders_min=1&tiers=Lost&tiers=Others").text
    assert "reach-number" in page
    fragment = story.owner.post(f"{story.base}/outreach/preview", FORM).text
    assert "周六开抢" in fragment
    assert "<html" not in fragment


def test_the_way_out_needs_no_log_in_and_one_click_is_enough(story: Story) -> None:
    address = story.draft()
    story.owner.post(f"{address}/send", {"when": "now"})
    letters = story.deliver().newest(2)
    stranger = Browser(story.client, story.house)
    for letter, form in zip(letters, ({}, {"List-Unsubscribe": "One-Click"}), strict=True):
        link = letter.unsubscribe.removeprefix(story.house.settings.public_url)
        assert "Stop the messages" in stranger.get(link).text
        assert stranger.ask("POST", link, data=form).status_code == 200
        again = stranger.ask("POST", link, data=form)
        assert "will not write to you again" in again.text
        for letter_or_digit in set("ABCDwxyz0189") - {link[-1]}:
            forged = link[:-1] + letter_or_digit
            assert stranger.ask("POST", forged, data=form).status_code == 404
    rows = story.house.facts.rows("select count(*) from facts where kind = 'opt_out'")
    assert rows == [(2,)]
    reach = story.owner.get(f"{story.base}/outreach/reach?orders_min=1").text
    assert '<div class="reach-number">38</div>' in reach


def test_customer_service_stops_and_allows_messages_and_others_may_not(story: Story) -> None:
    page = story.owner.get(f"{story.base}/customers?q=k7%40").text
    match = re.search(rf'href="({story.base}/customers/cus_\w+)"', page)
    assert match
    service = Browser(story.client, story.house).sign_in(
        person_in(story.house, story.shop, Role.CUSTOMER_SERVICE)
    )
    assert service.post(f"{match[1]}/opt-out").status_code == 303
    assert "opted out" in service.get(match[1]).text
    assert service.post(f"{match[1]}/opt-in").status_code == 303
    assert service.post(f"{story.base}/outreach/new", FORM).status_code == 403
    warehouse = Browser(story.client, story.house).sign_in(
        person_in(story.house, story.shop, Role.WAREHOUSE)
    )
    assert warehouse.get(match[1]).status_code == 403


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_renders_in_both_languages(story: Story, language: str) -> None:
    address = story.draft()
    headers = {"accept-language": language}
    story.owner.post("/language", {"language": language, "back": "/"})
    for path in ("/customers", "/customers?sort=key", "/outreach", "/outreach/new", "/mailbox"):
        page = story.owner.get(story.base + path, headers=headers)
        assert page.status_code == 200, path
        assert ("客户" in page.text) == (language == "zh"), path
    story.owner.post(f"{address}/send", {})
    story.deliver()
    story.days_later(1)
    for path in (address, f"{address}/edit"):
        assert story.owner.get(path, headers=headers).status_code == 200


def test_calling_off_and_settling_are_open_to_the_owner(story: Story) -> None:
    address = story.draft()
    story.owner.post(f"{address}/send", {})
    assert story.owner.post(f"{address}/cancel").status_code == 303
    assert story.deliver().count() == 0
    with story.house.db.read() as tx:
        (found,) = outreaches_of(tx, shop_id=story.shop.id)
        cancelled = messages_in_state(
            tx, outreach_id=found.id, state=MessageState.CANCELLED, limit=99
        )
    assert len(cancelled) == 36
    story.house.clock += timedelta(minutes=1)
    answer = story.owner.post(f"{address}/settle", {"message": "msg_x", "was_sent": "yes"})
    assert answer.status_code == 404


def test_tiers_print_as_one_json_object(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from springtide.cli.__main__ import build

    settings = story.house.settings
    monkeypatch.setenv("SPRINGTIDE_DATA", str(settings.data))
    monkeypatch.setenv("SPRINGTIDE_DATABASE_URL", settings.database_url)
    command = ["tiers", "--shop", story.shop.slug, "--as-of", "2025-11-03", "--json"]
    result = CliRunner().invoke(build(), command)
    assert result.exit_code == 0, result.output
    got = json.loads(result.stdout)
    assert got["as_of"] == "2025-11-03"
    assert got["money"] == "paid"
    assert got["cuts"]["money"] == [10.0] * 4
    assert got["cuts"]["money_minor"] == [1000.0] * 4
    assert sum(got["segments"].values()) == len(got["customers"]) == 40
    assert got["customers"][0] | {"customer": ""} == {
        "customer": "",
        "recency_days": 2,
        "frequency": 1,
        "money_minor": 1000,
        "r": 5,
        "f": 1,
        "m": 1,
        "score": 511,
        "segment": "New Customers",
    }
    assert CliRunner().invoke(build(), ["tiers", "--shop", "nobody"]).exit_code == 1
