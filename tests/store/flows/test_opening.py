"""The opening stops at a refusal: what needs it is held, and goes once it is mended."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from springtide.flows import timeline
from springtide.flows.model import Action, State
from springtide.flows.worker import Worker
from springtide.kit.db import Database
from tests.kit.houses import SmallHouse, settings_at
from tests.kit.running import wait_until
from tests.kit.sales import HEROES, MID_SALE, Sale, plan_sale
from tests.kit.shops import ACTOR

NOTHING: dict[str, object] = {"prices": {}, "rules": [], "live": None}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> SmallHouse:
    return SmallHouse(database, settings_at(tmp_path / "data", database.url))


@pytest.fixture
def sale(house: SmallHouse) -> Sale:
    """A sale on the timeline, the evening before, whose hero costs 88.00."""
    sale = plan_sale(house.db, real=house.real_now())
    eve = sale.campaign.selling.starts_at - timedelta(hours=4)
    sale.set_clock(eve, real=house.real_now())
    with house.db.write() as tx:
        timeline.schedule(tx, shop=sale.shop, campaign=sale.campaign, actor=ACTOR, now=eve)
    return sale


@pytest.fixture
def working(house: SmallHouse) -> Iterator[Callable[[], None]]:
    """Start a worker on demand; it stops at the end."""
    stopping = threading.Event()
    threads: list[threading.Thread] = []

    def start() -> None:
        threads.append(threading.Thread(target=Worker(house, stopping).run))
        threads[-1].start()

    yield start
    stopping.set()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def set_floor(house: SmallHouse, minor: int) -> None:
    with house.db.write() as tx:
        tx.execute(
            text("update price_book set floor_minor = :minor where product_key = 'tea'"),
            {"minor": minor},
        )


def actions(sale: Sale) -> dict[str, Action]:
    with sale.db.read() as tx:
        found = timeline.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)
    return {action.kind: action for action in found}


def states(sale: Sale) -> dict[str, State]:
    return {kind: action.state for kind, action in actions(sale).items()}


def open_the_day(house: SmallHouse, sale: Sale) -> None:
    sale.set_clock(sale.campaign.selling.starts_at, real=house.real_now())


def test_a_refused_price_holds_all_that_needs_it_and_mended_late_all_goes_in_order(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    set_floor(house, 9_000)
    open_the_day(house, sale)
    working()
    wait_until(lambda: states(sale)["set_prices"] == State.NEEDS_PERSON, lambda: states(sale))
    time.sleep(1.5)
    now = sale.campaign.selling.starts_at
    assert sale.holding(now=now) == NOTHING
    found = states(sale)
    assert found.pop("set_prices") == State.NEEDS_PERSON
    assert found == dict.fromkeys(found, State.PLANNED)
    assert {"publish_rules", "publish_rewards", "open_sale"} <= set(found)

    set_floor(house, 6_000)
    with house.db.write() as tx:
        timeline.retry(
            tx, shop=sale.shop, action_id=actions(sale)["set_prices"].id, actor=ACTOR, now=now
        )
    wait_until(lambda: states(sale)["open_sale"] == State.DONE, lambda: states(sale))
    assert sale.holding(now=now)["prices"] == HEROES
    assert sale.holding(now=now)["live"] == sale.campaign_id
    done = sorted(
        (one for one in actions(sale).values() if one.state == State.DONE and one.ended_at),
        key=lambda one: str(one.ended_at),
    )
    assert [one.kind for one in done] == [
        "set_prices", "publish_rules", "publish_rewards", "open_sale",
    ]  # fmt: skip


def test_what_was_not_opened_is_not_live_whatever_the_clock_says(
    house: SmallHouse, sale: Sale
) -> None:
    open_the_day(house, sale)
    assert sale.holding(now=MID_SALE) == NOTHING
