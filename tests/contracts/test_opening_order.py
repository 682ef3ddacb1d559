"""What opens a sale is what says so: an invented action takes its place by its class alone."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from springtide.domain.access.act import Act
from springtide.domain.campaigns.model import PhaseKind
from springtide.flows.timeline import planning
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.holding import CircularNeeds, needs, opening
from springtide.flows.timeline.model import State
from springtide.flows.timeline.waiving import held_back
from springtide.flows.worker import Worker
from springtide.kit.db import Database
from tests.kit.actions.noting import Note
from tests.kit.houses import SmallHouse, settings_at
from tests.kit.running import wait_until
from tests.kit.sales import MID_SALE, Sale, plan_sale
from tests.kit.shops import ACTOR

INVENTED = "tests.kit.invented"


@pytest.fixture
def invented() -> Iterator[None]:
    """A package with an action of its own, for one test."""
    KINDS.include(INVENTED)
    yield
    KINDS.leave_out(INVENTED)


@pytest.fixture
def sale(database: Database, tmp_path: Path) -> Sale:
    with database.write() as tx:
        tx.execute(text("create table ladders (step integer)"))
    house = SmallHouse(database, settings_at(tmp_path / "data", database.url))
    return plan_sale(database, real=house.real_now())


def test_whatever_an_action_names_is_there() -> None:
    named = [
        (kind, name)
        for kind, member in KINDS.items()
        for name in (*member.after, *filter(None, [member.opens]))
    ]
    assert ("open_sale", "burst") in named
    assert [pair for pair in named if pair[1] not in (*KINDS, *PhaseKind)] == []


def test_a_sale_opens_last_of_all_that_opens_it() -> None:
    order = opening(PhaseKind.BURST)
    assert order == ["set_prices", "publish_rules", "publish_rewards", "open_sale"]
    assert [opening(phase) for phase in PhaseKind if phase != PhaseKind.BURST] == [[], [], []]
    assert needs()["open_sale"] == set(order[:-1])


def test_kinds_that_wait_for_each_other_are_refused() -> None:
    hen = type("Hen", (Note,), {"kind": "hen", "after": ("egg",), "opens": "burst"})
    egg = type("Egg", (Note,), {"kind": "egg", "after": ("hen",), "opens": "burst"})
    with pytest.raises(CircularNeeds, match="egg, hen"):
        opening(PhaseKind.BURST, {"hen": hen, "egg": egg})


def test_an_invented_action_is_planned_in_its_place_and_holds_the_sale(
    invented: None, sale: Sale, database: Database, tmp_path: Path
) -> None:
    house = SmallHouse(database, settings_at(tmp_path / "data", database.url))
    with database.write() as tx:
        planning.schedule(Act.of(tx, sale.shop, ACTOR, MID_SALE), campaign=sale.campaign)

    def states() -> dict[str, State]:
        with database.read() as tx:
            found = planning.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)
        return {one.kind: one.state for one in found}

    planned = ["set_prices", "hang_banner", "publish_rules", "publish_rewards", "open_sale"]
    assert list(states()) == [*planned, "withdraw"]
    stopping = threading.Event()
    worker = threading.Thread(target=Worker(house, stopping).run)
    worker.start()
    try:
        wait_until(lambda: states()["publish_rewards"] == State.DONE, states)
        wait_until(lambda: states()["hang_banner"] == State.NEEDS_PERSON, states)
        assert states()["open_sale"] == State.PLANNED
        with database.write() as tx:
            found = held_back(tx, campaign_id=sale.campaign_id)
            assert [[hold.name for hold in holds] for holds in found.values()] == [["hang_banner"]]
            ((banner,),) = found.values()
            tx.execute(text("insert into ladders values (1)"))
            planning.retry(Act.of(tx, sale.shop, ACTOR, MID_SALE), action_id=banner.id)
        wait_until(lambda: states()["open_sale"] == State.DONE, states)
    finally:
        stopping.set()
        worker.join(20)
    assert {states()[kind] for kind in planned} == {State.DONE}
