"""Builds the demo shop: each step may be done again, so a build that was stopped goes on."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from springtide.demo import campaign, history, rewards, story
from springtide.demo.importing import DemoHouse, import_history
from springtide.demo.simulator import Browsing, browse
from springtide.domain.access import operations as access
from springtide.domain.access.act import Act
from springtide.domain.access.model import Scope, Shop
from springtide.domain.access.queries import shop_by_slug
from springtide.domain.board.queries import day_window
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.facts.model import Fact
from springtide.domain.facts.sealing import seal_new
from springtide.domain.pricing.operations import set_book_prices
from springtide.flows.timeline.action import Surroundings
from springtide.kit.errors import NotFound
from springtide.kit.time import SimulatedClock

#: Told how far a step is: done, total (0 where it cannot be told).
Report = Callable[[int, int], None]
_BROWSING = "demo:browsing"
_POPULAR = 400
_PRICES_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Step:
    """One part of the build, as a progress bar names it."""

    name: str
    do: Callable[[DemoHouse, Report], None]


def is_built(house: Surroundings) -> bool:
    """Tell whether the demo shop stands: its clock is set last."""
    try:
        return demo_shop(house).clock is not None
    except NotFound:
        return False


def demo_shop(house: Surroundings) -> Shop:
    """Return the demo shop; raise NotFound before it is made."""
    with house.db.read() as tx:
        return shop_by_slug(tx, slug=story.SLUG)


def steps() -> tuple[Step, ...]:
    """Return what a build does, in order."""
    return (
        Step("Shop, people and keys", _open_shop),
        Step("A year of real purchases", _import),
        Step("Customers", _name_customers),
        Step("Price book", _take_prices),
        Step("Simulated browsing", _simulate_browsing),
        Step("Campaign", _plan_campaign),
        Step("Clock", _set_clock),
    )


def key_file(data: Path) -> Path:
    """Return where the replay finds the demo shop's secret API key."""
    return data / "demo-api-key"


def secret_key(house: Surroundings) -> str:
    """Return the demo shop's secret API key; make one where this machine has none."""
    path = key_file(house.settings.data)
    if path.exists():
        return path.read_text().strip()
    with house.db.write() as tx:
        _, token = access.create_key(
            Act.of(tx, shop_by_slug(tx, slug=story.SLUG), story.ACTOR),
            name="Demo replay",
            scopes=frozenset(Scope),
            is_publishable=False,
        )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token)
    return token


def _open_shop(house: DemoHouse, report: Report) -> None:
    now = house.real_now()
    with house.db.write() as tx:
        try:
            shop_by_slug(tx, slug=story.SLUG)
        except NotFound:
            shop = access.create_shop(
                tx,
                slug=story.SLUG,
                name=story.NAME,
                currency=story.CURRENCY,
                zone_name=story.ZONE,
                actor=story.ACTOR,
                now=now,
                is_demo=True,
            )
            for number, (role, (email, name)) in enumerate(story.PEOPLE.items(), 1):
                person = access.create_person(
                    tx,
                    email=email,
                    name=name,
                    password=story.PASSWORD,
                    language="en",
                    actor=story.ACTOR,
                    now=now,
                )
                access.add_member(Act(tx, shop, story.ACTOR, now, now), person=person, role=role)
                report(number, len(story.PEOPLE))
    secret_key(house)


def _import(house: DemoHouse, report: Report) -> None:
    import_history(house, demo_shop(house), report)


def _name_customers(house: DemoHouse, report: Report) -> None:
    entries = [
        CustomerEntry(key, f"Household {key}", f"household-{key}@example.test")
        for key in history.households(house.facts)
    ]
    with house.db.write() as tx:
        upsert_customers(
            Act(tx, demo_shop(house), story.ACTOR, story.BOOK_AT, story.BOOK_AT), entries=entries
        )
    report(len(entries), len(entries))


def _take_prices(house: DemoHouse, report: Report) -> None:
    shop = demo_shop(house)
    prices = list(history.regular_prices(house.facts).items())
    for start in range(0, len(prices), _PRICES_AT_ONCE):
        with house.db.write() as tx:
            set_book_prices(
                Act.of(tx, shop, story.ACTOR, story.BOOK_AT),
                prices=dict(prices[start : start + _PRICES_AT_ONCE]),
                why="median price of the last eight weeks with sales",
            )
        report(min(start + _PRICES_AT_ONCE, len(prices)), len(prices))


def _simulate_browsing(house: DemoHouse, report: Report) -> None:
    days = [story.LAST_DAY - timedelta(days=n) for n in reversed(range(story.BROWSED_DAYS))]
    households = history.households(house.facts)
    popular = history.best_sellers(house.facts, last=story.LAST_DAY, days=56, most=_POPULAR)
    made: list[Fact] = []
    for number, day in enumerate(days, 1):
        events = browsing_of_day(house, day, households=households, popular=popular)
        made += [browsing_fact(event) for event in events]
        report(number, len(days) + 1)
    seal_new(house.db, house.lake, made, transaction=_BROWSING)
    report(len(days) + 1, len(days) + 1)


def browsing_of_day(
    house: Surroundings, day: date, *, households: Sequence[str], popular: Sequence[str]
) -> list[Browsing]:
    """Return the simulated browsing of a day of the past, from its real orders."""
    window = day_window(day, story.TZ)
    return browse(
        [order.basket for order in history.orders_of_day(house.facts, day)],
        name=day.isoformat(),
        households=households,
        popular=popular,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
    )


def browsing_fact(event: Browsing) -> Fact:
    """Return a simulated event as a fact that says so."""
    return Fact(
        shop=story.SLUG,
        kind=event.kind,
        occurred_at=event.occurred_at,
        source="simulated",
        external_id=event.key,
        visitor_key=event.visitor_key,
        customer_key=event.customer_key,
        product_key=event.product_key,
        source_path=event.source_path,
        props={"simulated": True},
    )


def _plan_campaign(house: DemoHouse, report: Report) -> None:
    shop = demo_shop(house)
    rewards.prepare(house, shop, campaign.prepare(house, shop))
    report(1, 1)


def _set_clock(house: DemoHouse, report: Report) -> None:
    now = house.real_now()
    clock = SimulatedClock(shows=story.OPENS_AT, set_at=now)
    with house.db.write() as tx:
        shop = shop_by_slug(tx, slug=story.SLUG)
        access.set_clock(Act(tx, shop, story.ACTOR, now, now), clock=clock)
    report(1, 1)
