"""A whole sale while its worker is killed again and again: every effect happens exactly once.

``SPRINGTIDE_KILLS`` (per database) and ``SPRINGTIDE_KILL_SEED`` make it longer or another one.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from springtide.connectors.channels.mailbox import Mailbox
from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.campaigns.model import Hero, PhaseKind
from springtide.domain.campaigns.operations import set_heroes
from springtide.domain.catalog.model import Product
from springtide.domain.catalog.operations import upsert_products
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.orders.model import OrderState
from springtide.domain.outreach.model import MessageState
from springtide.domain.pricing.book import BookPrice
from springtide.domain.pricing.operations import set_book_prices
from springtide.domain.pricing.queries import price_history
from springtide.flows.timeline import planning
from springtide.flows.timeline.holding import opening
from springtide.flows.timeline.model import OPEN_STATES, Action, State
from springtide.kit.db import Database
from tests.kit.houses import SmallHouse
from tests.kit.mail import mail_sink, settings_for
from tests.kit.sales import Sale, plan_sale
from tests.kit.shops import ACTOR
from tests.kit.workers import Workers

KILLS = int(os.environ.get("SPRINGTIDE_KILLS", "10"))
SEED = int(os.environ.get("SPRINGTIDE_KILL_SEED", "2025"))
CUSTOMERS = 6 * KILLS
HEROES = 120
UNPAID, PAID = 420, 20
#: A worker that nobody kills is through by then.
PATIENCE_SECONDS = 60


class Story:
    """One sale, its workers, and the dice that say when they die."""

    def __init__(self, house: SmallHouse, mailbox: Mailbox, workers: Workers) -> None:
        self.house, self.mailbox, self.workers = house, mailbox, workers
        self.dice = random.Random(SEED)
        self.kills: Counter[str] = Counter()
        self.sale: Sale = plan_sale(house.db, real=house.real_now(), customer_count=CUSTOMERS)
        self.hero_keys = [f"hero-{number:03}" for number in range(HEROES)]
        _add_heroes(self.sale, self.hero_keys, now=self.sale.campaign.created_at)
        campaign = self.sale.campaign
        self.warm_up = campaign.window(PhaseKind.WARM_UP).starts_at
        self.sale.set_clock(self.warm_up - timedelta(hours=1), real=house.real_now())
        with house.db.write() as tx:
            shop = self.sale.shop
            now = shop.now(house.real_now())
            planning.schedule(Act.of(tx, shop, ACTOR, now), campaign=campaign)
            planning.plan_outreach(
                Act.of(tx, shop, ACTOR, now), campaign=campaign, outreach_id=self.sale.outreach_id
            )

    def actions(self) -> dict[str, Action]:
        with self.house.db.read() as tx:
            found = planning.actions_of(
                tx, shop_id=self.sale.shop_id, campaign_id=self.sale.campaign_id
            )
        return {action.kind: action for action in found}

    def turn_to(self, shows: datetime, kinds: tuple[str, ...], *, kills: int) -> None:
        """Jump the shop's clock, and kill the worker so often before it is left alone."""
        self.sale.set_clock(shows, real=self.house.real_now())
        for _ in range(kills):
            if not self.open_among(kinds):
                break
            pid = self.workers.start()
            self._await_death(kinds)
            self.kills["+".join(sorted(self.open_among(kinds).values())) or "idle"] += 1
            assert self.workers.kill(pid) == -9
        pid = self.workers.start()
        wait_until(lambda: not self.open_among(kinds), self.actions)
        assert self.workers.kill(pid) == -9

    def open_among(self, kinds: tuple[str, ...]) -> dict[str, str]:
        return {
            kind: str(action.state)
            for kind, action in self.actions().items()
            if kind in kinds and action.state in OPEN_STATES
        }

    def _await_death(self, kinds: tuple[str, ...]) -> None:
        """Wait any time from the start, or a blink after something moved."""
        if self.dice.random() < 0.25:
            time.sleep(self.dice.uniform(0.1, 1.5))
            return
        before, deadline = self._picture(kinds), time.monotonic() + 5
        while self._picture(kinds) == before and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(self.dice.choice((0.0, 0.02, 0.1)) * self.dice.random())

    def _picture(self, kinds: tuple[str, ...]) -> object:
        return (
            [(one.state, one.run, one.progress) for one in self.actions().values()],
            self.mailbox.count() // 7,
        )


@pytest.fixture
def story(database: Database, tmp_path: Path) -> Iterator[Story]:
    with mail_sink(tmp_path / "mailbox") as (mailbox, port):
        settings = settings_for(tmp_path / "data", port, database_url=database.url)
        house = SmallHouse(database, settings)
        environment = {
            "SPRINGTIDE_DATA": str(settings.data),
            "SPRINGTIDE_DATABASE_URL": settings.database_url,
            "SPRINGTIDE_SECRET": settings.secret,
            "SPRINGTIDE_SMTP_URL": settings.smtp_url,
            "SPRINGTIDE_PUBLIC_URL": settings.public_url,
        }
        with Workers(environment) as workers:
            yield Story(house, mailbox, workers)


def test_killed_at_any_moment_a_sale_happens_exactly_once(story: Story) -> None:
    sale, campaign = story.sale, story.sale.campaign
    opened_by = tuple(opening(PhaseKind.BURST))
    story.turn_to(story.warm_up, ("send_outreach",), kills=KILLS // 3)
    story.turn_to(campaign.selling.starts_at, opened_by, kills=KILLS // 3)
    now = campaign.selling.starts_at + timedelta(hours=1)
    sale.set_clock(now, real=story.house.real_now())
    assert sale.holding(now=now)["live"] == campaign.id
    assert sale.holding(now=now)["prices"] == dict.fromkeys(story.hero_keys, 800)
    sale.order(*(f"paid-{number}" for number in range(PAID)), now=now)
    sale.order(*(f"unpaid-{number}" for number in range(UNPAID)), now=now, is_paid=False)
    left = KILLS - sum(story.kills.values())
    story.turn_to(campaign.selling.ends_at, ("withdraw",), kills=max(left, KILLS // 3))
    print(f"killed {story.kills.total()} times, while {dict(story.kills)}")  # noqa: T201
    check_states(story)
    check_mail(story)
    check_prices(story)
    check_orders(story)
    check_audit(story)


def check_states(story: Story) -> None:
    states = {kind: action.state for kind, action in story.actions().items()}
    undone = dict.fromkeys(("send_outreach", *opening(PhaseKind.BURST)), State.UNDONE)
    assert states == {**undone, "withdraw": State.DONE}


def check_mail(story: Story) -> None:
    """Everyone outside the control group got one letter, and nobody was left in doubt."""
    held_out = CUSTOMERS // 10
    assert story.mailbox.count() == CUSTOMERS - held_out
    assert story.mailbox.copies() == 0
    sale = story.sale
    assert sale.messages(MessageState.SENT) == CUSTOMERS - held_out
    assert sale.messages(MessageState.HELD_OUT) == held_out
    assert facts(story, "message") == [(CUSTOMERS - held_out, CUSTOMERS - held_out)]


def check_prices(story: Story) -> None:
    with story.house.db.read() as tx:
        for key in story.hero_keys:
            changes = price_history(tx, shop_id=story.sale.shop_id, product_key=key)
            whys = [change.why for change in changes if change.what == "campaign"]
            assert whys == ["restored", "set"]
    now = story.sale.campaign.selling.ends_at
    assert story.sale.holding(now=now) == {"prices": {}, "rules": [], "live": None}


def check_orders(story: Story) -> None:
    assert story.sale.count(OrderState.PAID) == PAID
    assert story.sale.count(OrderState.CLOSED) == UNPAID
    assert facts(story, "order_closed") == [(UNPAID, UNPAID)]


def check_audit(story: Story) -> None:
    with story.house.db.read() as tx:
        entries = audit_page(tx, shop_id=story.sale.shop_id, limit=10_000)
    counts = Counter(
        (entry.action, (entry.after or {}).get("kind")) for entry in entries
        if entry.action.startswith("action.") and entry.action != "action.plan"
    )  # fmt: skip
    done = {("action.done", kind): 1 for kind in story.actions()}
    undone = {("action.undone", kind): 1 for kind in story.actions() if kind != "withdraw"}
    assert counts == done | undone
    once = Counter(entry.action for entry in entries)
    assert once["prices.campaign_set"] == once["prices.campaign_restored"] == 1
    assert once["outreach.done"] == 1
    closed = [
        key
        for entry in entries
        if entry.action == "order.close_unpaid"
        for key in entry.after["orders"]
    ]
    assert len(closed) == len(set(closed)) == UNPAID


def facts(story: Story, kind: str) -> list[tuple[object, ...]]:
    """Return how many facts of a kind there are, and how many different ones."""
    reader = FactReader(story.house.db, Lake(story.house.settings.lake))
    try:
        return reader.rows(
            "select count(*), count(distinct external_id) from facts where kind = $kind",
            {"kind": kind},
        )
    finally:
        reader.close()


def wait_until(done: Callable[[], bool], describe: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.02)


def _add_heroes(sale: Sale, keys: list[str], *, now: datetime) -> None:
    with sale.db.write() as tx:
        products = [Product(key, key) for key in keys]
        upsert_products(Act.of(tx, sale.shop, ACTOR, now), products=products)
        set_book_prices(
            Act.of(tx, sale.shop, ACTOR, now),
            prices={key: BookPrice(1_000, 700) for key in keys},
            why="test",
        )
        set_heroes(
            Act.of(tx, sale.shop, ACTOR, now),
            campaign_id=sale.campaign_id,
            heroes=[Hero(key, 800) for key in keys],
        )
