"""The opening stops at a refusal: what needs it is held, and goes once it is mended."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text, update

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.model import Role
from springtide.domain.campaigns import tasks
from springtide.domain.campaigns.model import NewTask, PhaseKind, Status, read_relative
from springtide.domain.campaigns.operations import draft_of, edit_campaign
from springtide.domain.campaigns.tasks import HoldsNothing
from springtide.flows.timeline import planning, waiving
from springtide.flows.timeline.model import Action, Plan, State
from springtide.flows.timeline.runner import Run, carry
from springtide.flows.timeline.store import actions as stored_actions
from springtide.flows.worker import Worker
from springtide.kit.db import Database
from tests.kit.houses import SmallHouse, settings_at
from tests.kit.running import environment_of, wait_until
from tests.kit.sales import HEROES, MID_SALE, Sale, plan_sale
from tests.kit.shops import ACTOR
from tests.kit.workers import Workers

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
        planning.schedule(Act.of(tx, sale.shop, ACTOR, eve), campaign=sale.campaign)
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
        found = planning.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)
    return {action.kind: action for action in found}


def states(sale: Sale) -> dict[str, State]:
    return {kind: action.state for kind, action in actions(sale).items()}


def needs_person(sale: Sale, kind: str = "set_prices") -> None:
    wait_until(lambda: states(sale)[kind] == State.NEEDS_PERSON, lambda: states(sale))


def is_open(sale: Sale) -> bool:
    return states(sale)["open_sale"] == State.DONE


def stays_shut(sale: Sale) -> None:
    """Watch for a while that nothing more of the opening is done."""
    before = states(sale)
    time.sleep(1.5)
    assert states(sale) == before
    assert before["open_sale"] == State.PLANNED
    assert sale.holding(now=sale.campaign.selling.starts_at)["live"] is None


def order_of_doing(sale: Sale) -> list[str]:
    done = [one for one in actions(sale).values() if one.state == State.DONE]
    return [one.kind for one in sorted(done, key=lambda one: str(one.ended_at))]


def waiting_for(sale: Sale) -> dict[str, list[str]]:
    """Return what each action is held back by."""
    with sale.db.read() as tx:
        held = waiving.held_back(tx, campaign_id=sale.campaign_id)
    names = {one.id: one.kind for one in actions(sale).values()}
    return {names[key]: sorted(hold.name for hold in holds) for key, holds in held.items()}


def waive(house: SmallHouse, sale: Sale, blocker_id: UUID, reason: str = "Prices are set") -> None:
    with house.db.write() as tx:
        waiving.waive(
            Act(tx, sale.shop, ACTOR, sale.campaign.selling.starts_at, house.real_now()),
            campaign=sale.campaign,
            blocker_id=blocker_id,
            reason=reason,
        )


def act(
    sale: Sale, do: Callable[..., Action], kind: str, now: datetime | None = None, **more: object
) -> Action:
    with sale.db.write() as tx:
        mine = Act.of(tx, sale.shop, ACTOR, now or sale.campaign.selling.starts_at)
        return do(mine, action_id=actions(sale)[kind].id, **more)


def open_the_day(house: SmallHouse, sale: Sale) -> None:
    sale.set_clock(sale.campaign.selling.starts_at, real=house.real_now())


def test_a_refused_price_holds_all_that_needs_it_and_mended_late_all_goes_in_order(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    set_floor(house, 9_000)
    open_the_day(house, sale)
    working()
    needs_person(sale)
    stays_shut(sale)
    now = sale.campaign.selling.starts_at
    assert sale.holding(now=now) == NOTHING
    found = states(sale)
    assert found.pop("set_prices") == State.NEEDS_PERSON
    assert found == dict.fromkeys(found, State.PLANNED)
    assert {"publish_rules", "publish_rewards", "open_sale"} <= set(found)

    set_floor(house, 6_000)
    act(sale, planning.retry, "set_prices")
    wait_until(lambda: is_open(sale), lambda: states(sale))
    assert sale.holding(now=now)["prices"] == HEROES
    assert sale.holding(now=now)["live"] == sale.campaign_id
    assert order_of_doing(sale) == [
        "set_prices", "publish_rules", "publish_rewards", "open_sale",
    ]  # fmt: skip


def test_what_was_not_opened_is_not_live_whatever_the_clock_says(
    house: SmallHouse, sale: Sale
) -> None:
    open_the_day(house, sale)
    assert sale.holding(now=MID_SALE) == NOTHING


def test_an_owner_lets_the_sale_go_on_and_the_audit_log_says_why(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    set_floor(house, 9_000)
    open_the_day(house, sale)
    working()
    needs_person(sale)
    held = {key: ["set_prices"] for key in ("publish_rules", "publish_rewards", "open_sale")}
    wait_until(lambda: waiting_for(sale) == held, lambda: waiting_for(sale))
    blocker = actions(sale)["set_prices"]
    for reason in ("  ", "x" * 301, "nul \0"):
        with pytest.raises(waiving.ReasonMissing):
            waive(house, sale, blocker.id, reason)
    with pytest.raises(HoldsNothing):
        waive(house, sale, actions(sale)["publish_rules"].id)
    waive(house, sale, blocker.id, "The platform has set them")
    wait_until(lambda: is_open(sale), lambda: states(sale))
    assert states(sale)["set_prices"] == State.NEEDS_PERSON
    with house.db.read() as tx:
        (entry,) = audit_page(tx, shop_id=sale.shop_id, actions=("action.waive",), limit=10)
    assert entry.after is not None
    assert entry.after["kind"] == "set_prices"
    assert entry.after["reason"] == "The platform has set them"
    with pytest.raises(HoldsNothing):
        waive(house, sale, blocker.id)


def test_a_cancelled_action_holds_until_it_is_put_back(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    act(sale, planning.cancel, "publish_rules")
    open_the_day(house, sale)
    working()
    wait_until(lambda: states(sale)["set_prices"] == State.DONE, lambda: states(sale))
    stays_shut(sale)
    held = {key: ["publish_rules"] for key in ("publish_rewards", "open_sale")}
    assert waiting_for(sale) == held
    act(sale, waiving.put_back, "publish_rules", campaign=sale.campaign)
    wait_until(lambda: is_open(sale), lambda: states(sale))
    with pytest.raises(waiving.NotOnTimeline):
        act(sale, waiving.put_back, "publish_rules", campaign=sale.campaign)


def test_what_is_undone_before_the_sale_opens_holds_it(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    act(sale, planning.cancel, "publish_rewards")
    open_the_day(house, sale)
    working()
    wait_until(lambda: states(sale)["publish_rules"] == State.DONE, lambda: states(sale))
    act(sale, planning.undo, "set_prices")
    wait_until(lambda: states(sale)["set_prices"] == State.UNDONE, lambda: states(sale))
    act(sale, waiving.put_back, "publish_rewards", campaign=sale.campaign)
    wait_until(lambda: states(sale)["publish_rewards"] == State.DONE, lambda: states(sale))
    stays_shut(sale)
    assert waiting_for(sale) == {"open_sale": ["set_prices"]}


def test_a_run_that_began_before_its_need_was_undone_does_nothing(
    house: SmallHouse, sale: Sale
) -> None:
    """As of two workers one does that found the action free a moment ago."""
    open_the_day(house, sale)
    for kind in ("set_prices", "publish_rules", "publish_rewards"):
        found = actions(sale)[kind]
        carry(house, Run(found.id, found.run).name, threading.Event())
    late = Run(actions(sale)["open_sale"].id, actions(sale)["open_sale"].run)
    act(sale, planning.undo, "publish_rules")
    carry(house, late.name, threading.Event())
    assert states(sale)["open_sale"] == State.PLANNED
    assert actions(sale)["open_sale"].run == late.number + 1
    assert sale.holding(now=MID_SALE)["live"] is None


def test_a_must_task_holds_its_phase_until_it_is_done_or_waived(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    now = sale.campaign.created_at
    made = []
    with house.db.write() as tx:
        for title in ("Call the carrier", "Look at the banner"):
            task = NewTask(title, Role.OPERATIONS, read_relative("D-1 20:00"), gate=PhaseKind.BURST)
            act = Act.of(tx, sale.shop, ACTOR, now)
            made.append(tasks.add_task(act, campaign_id=sale.campaign_id, task=task))
    open_the_day(house, sale)
    working()
    time.sleep(1.5)
    opening = ("set_prices", "publish_rules", "publish_rewards", "open_sale")
    both = ["Call the carrier", "Look at the banner"]
    assert waiting_for(sale) == dict.fromkeys(opening, both)
    assert sale.holding(now=MID_SALE) == NOTHING
    assert sale.campaign.status(MID_SALE) is Status.OPENING
    with house.db.write() as tx:
        act = Act.of(tx, sale.shop, ACTOR, now)
        tasks.finish(act, campaign_id=sale.campaign_id, task_id=made[0], is_done=True)
    assert waiting_for(sale) == dict.fromkeys(opening, both[1:])
    stays_shut(sale)
    waive(house, sale, made[1], "It hangs already")
    wait_until(lambda: is_open(sale), lambda: states(sale))
    assert sale.campaign.status(MID_SALE) is Status.LIVE
    with house.db.read() as tx:
        (entry,) = audit_page(tx, shop_id=sale.shop_id, actions=("task.waived",), limit=10)
    assert entry.after is not None
    assert entry.after["reason"] == "It hangs already"


def test_a_sale_with_held_actions_is_withdrawn_and_comes_back_whole(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    set_floor(house, 9_000)
    open_the_day(house, sale)
    working()
    needs_person(sale)
    now = sale.campaign.selling.starts_at
    with house.db.write() as tx:
        planning.withdraw_now(Act.of(tx, sale.shop, ACTOR, now), campaign_id=sale.campaign_id)
    wait_until(lambda: states(sale)["withdraw"] == State.DONE, lambda: states(sale))
    left = states(sale)
    assert left.pop("withdraw") == State.DONE
    assert left == dict.fromkeys(left, State.CANCELLED)
    assert len(left) == 4
    assert waiting_for(sale) == {}
    with pytest.raises(waiving.NotOnTimeline):
        act(sale, waiving.put_back, "set_prices", campaign=sale.campaign)

    set_floor(house, 6_000)
    with house.db.write() as tx:
        planning.schedule(Act.of(tx, sale.shop, ACTOR, now), campaign=sale.campaign)
    wait_until(lambda: is_open(sale), lambda: states(sale))
    assert sale.holding(now=now)["prices"] == HEROES


def test_what_nothing_holds_goes_on_beside_what_is_held(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    set_floor(house, 9_000)
    open_the_day(house, sale)
    opens_at = sale.campaign.selling.starts_at
    params = {"campaign": sale.campaign.key, "since": "2025-11-01", "until": "2025-11-02"}
    with house.db.write() as tx:
        planning.plan(
            Act.of(tx, sale.shop, ACTOR, opens_at),
            campaign_id=sale.campaign_id,
            plans=[Plan("burst", "try_plan", opens_at, params=params, position=9)],
        )
    working()
    needs_person(sale)
    wait_until(lambda: states(sale)["try_plan"] == State.DONE, lambda: actions(sale))
    stays_shut(sale)


def test_a_sale_that_opens_the_evening_before_opens_then(
    house: SmallHouse, sale: Sale, working: Callable[[], None]
) -> None:
    stored = sale.campaign
    starts = read_relative("D-1 20:00")
    warm_up, burst, *rest = stored.phases
    phases = (replace(warm_up, ends=starts), replace(burst, starts=starts), *rest)
    eve = stored.selling.starts_at - timedelta(hours=5)
    with house.db.write() as tx:
        saved = edit_campaign(
            Act.of(tx, sale.shop, ACTOR, eve),
            campaign_id=stored.id,
            version=stored.version,
            draft=replace(draft_of(stored), phases=phases),
        )
        planning.schedule(Act.of(tx, sale.shop, ACTOR, eve), campaign=saved)
    set_floor(house, 9_000)
    sale.set_clock(stored.selling.starts_at - timedelta(hours=4), real=house.real_now())
    working()
    needs_person(sale)
    stays_shut(sale)
    set_floor(house, 6_000)
    # Mended at ten in the evening, two hours late.
    late = stored.selling.starts_at - timedelta(hours=2)
    sale.set_clock(late, real=house.real_now())
    act(sale, planning.retry, "set_prices", late)
    wait_until(lambda: is_open(sale), lambda: states(sale))
    assert sale.holding(now=late)["prices"] == HEROES
    assert sale.holding(now=late)["live"] == sale.campaign_id


def test_workers_that_are_killed_open_nothing_out_of_turn_and_nothing_twice(
    house: SmallHouse, sale: Sale
) -> None:
    set_floor(house, 9_000)
    open_the_day(house, sale)
    at_once = 1 if house.db.is_sqlite else 2
    with Workers(environment_of(house.settings)) as workers:
        workers.start()
        needs_person(sale)
        workers.kill(workers.alive[0])
        for _ in range(at_once):
            workers.start()
        stays_shut(sale)
        set_floor(house, 6_000)
        act(sale, planning.retry, "set_prices")
        # Whatever is under way when one dies, another goes on with: one dies after each step.
        for kind in ("set_prices", "publish_rules", "publish_rewards"):
            wait_until(lambda kind=kind: states(sale)[kind] == State.DONE, lambda: states(sale))  # type: ignore[misc]
            workers.kill(workers.alive[0])
            workers.start()
        wait_until(lambda: is_open(sale), lambda: states(sale))
    assert order_of_doing(sale) == [
        "set_prices", "publish_rules", "publish_rewards", "open_sale",
    ]  # fmt: skip
    history = sale.history()["prices"]
    assert history == {"tea": ["set"], "cup": ["set"]}
    with house.db.read() as tx:
        entries = audit_page(tx, shop_id=sale.shop_id, actions=("action.done",), limit=100)
        opened = audit_page(tx, shop_id=sale.shop_id, actions=("campaign.opened",), limit=100)
    assert len(entries) == 4
    assert len(opened) == 1


def test_an_update_leaves_open_what_was_opened_before_it(house: SmallHouse, sale: Sale) -> None:
    waiting = plan_sale(house.db, real=house.real_now())
    now = sale.campaign.selling.starts_at
    migration = import_module("springtide.migrations.versions.0030_opening")
    with house.db.write() as tx:
        planning.schedule(Act.of(tx, waiting.shop, ACTOR, now), campaign=waiting.campaign)
        # As the release before left it.
        opened = planning.action(tx, shop_id=sale.shop_id, action_id=actions(sale)["open_sale"].id)
        tx.execute(
            update(stored_actions)
            .where(stored_actions.c.id == opened.id)
            .values(state=State.DONE, done_at=now)
        )
        tx.execute(text(migration._OPENED))
    assert sale.campaign.opened_at == now
    assert sale.campaign.status(MID_SALE) is Status.LIVE
    assert waiting.campaign.status(MID_SALE) is Status.OPENING


def test_an_edit_of_the_plan_moves_what_was_cancelled_and_does_not_bring_it_back(
    house: SmallHouse, sale: Sale
) -> None:
    act(sale, planning.cancel, "publish_rewards")
    stored = sale.campaign
    eve = stored.selling.starts_at - timedelta(hours=5)
    later = stored.day + timedelta(days=2)
    with house.db.write() as tx:
        saved = edit_campaign(
            Act.of(tx, sale.shop, ACTOR, eve),
            campaign_id=stored.id,
            version=stored.version,
            draft=replace(draft_of(stored), day=later),
        )
        planning.schedule(Act.of(tx, sale.shop, ACTOR, eve), campaign=saved)
    moved = stored.selling.starts_at + timedelta(days=2)
    found = actions(sale)
    assert {one.due_at for one in found.values() if one.phase == "burst"} == {moved}
    assert {kind for kind, one in found.items() if one.state == State.CANCELLED} == {
        "publish_rewards"
    }
    act(sale, waiving.put_back, "publish_rewards", now=eve, campaign=sale.campaign)
    assert actions(sale)["publish_rewards"].due_at == moved
