"""Every phase action: done twice it is done once; done and undone, nothing is left of it."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from springtide.domain.access.act import Act
from springtide.domain.campaigns.model import PhaseKind
from springtide.domain.customers.erasing import begin_erasure
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.domain.ledger.queries import imbalances
from springtide.domain.orders.model import OrderState
from springtide.domain.outreach.model import MessageState
from springtide.domain.rewards.model import Terms as RewardTerms
from springtide.domain.rewards.operations import save_reward
from springtide.domain.rewards.points import balance_of
from springtide.flows.claims.standing import tiers_by
from springtide.flows.files import pending
from springtide.flows.timeline import planning
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.holding import opening
from springtide.flows.timeline.model import Action, Plan, State
from springtide.flows.timeline.runner import Run, carry
from springtide.kit.db import Database
from springtide.kit.i18n import chinese
from tests.kit.houses import SmallHouse
from tests.kit.mail import mail_sink, settings_for
from tests.kit.rewards import attempt, claimed, codes, published
from tests.kit.sales import HEROES, MID_SALE, Sale, plan_sale
from tests.kit.shops import ACTOR

OURS = [kind for kind, member in KINDS.items() if member.__module__.startswith("springtide.flows.")]

#: Parameters of an action in the sale of ``tests/kit/sales.py``: a new kind with parameters that
#: have no defaults adds its own here.
EXAMPLES: dict[str, Callable[["Stage"], dict[str, Any]]] = {
    "send_outreach": lambda stage: {"outreach_id": str(stage.sale.outreach_id)},
    "try_plan": lambda stage: {
        "campaign": stage.sale.campaign.key,
        "since": "2025-11-01",
        "until": "2025-11-11",
    },
    "issue_reward": lambda stage: {"reward": stage.reward(), "who": "cart", "give": True},
    "erase_customer": lambda stage: {"erasure": stage.erasure()},
    "import_file": lambda stage: {
        "files": [{"upload": pending.key_of(stage.orders_file()), "name": "orders.csv"}]
    },
}


class Stage:
    """A sale, and hands that carry its actions out without a worker."""

    def __init__(self, house: SmallHouse) -> None:
        self.house = house
        self.sale: Sale = plan_sale(house.db, real=house.real_now())

    def plan(self, kind: str, params: dict[str, Any] | None = None) -> Action:
        if params is None:
            params = EXAMPLES[kind](self) if kind in EXAMPLES else {}
        with self.house.db.write() as tx:
            (planned,) = planning.plan(
                Act.of(tx, self.sale.shop, ACTOR, MID_SALE),
                campaign_id=self.sale.campaign_id,
                plans=[Plan("day", kind, MID_SALE, params=params)],
            )
        return planned

    def erasure(self) -> str:
        """Return the erasure that a customer of the sale asked for."""
        with self.house.db.write() as tx:
            return begin_erasure(
                Act(tx, self.sale.shop, ACTOR, MID_SALE, MID_SALE), key="c0001", block=False
            ).key

    def reward(self) -> str:
        """Return a reward for those who filled a cart: one did, and another one did not."""
        shop = self.sale.shop
        with self.house.db.write() as tx:
            facts = [
                Fact(shop.slug, kind, MID_SALE - timedelta(days=days), "api", f"{kind}:{customer}",
                     customer_key=customer)
                for kind, customer, days in
                (("cart", "lin", 3), ("view", "mei", 3), ("cart", "old", 40))
            ]  # fmt: skip
            append(tx, facts, now=MID_SALE)
        return published(
            self.house.db, shop, "check_in", {"points": [5]}, now=MID_SALE, quantity=9,
            per_customer=None, is_targeted=True,
        ).key  # fmt: skip

    def orders_file(self) -> Path:
        path = pending.new_place(self.house.settings.uploads, self.sale.shop_id, "orders.csv")
        path.write_text("order_id,customer_id,order_date,amount\n1,c1,2025-10-01,19.90\n")
        return path

    def carry(self, action: Action) -> Action:
        found = self.look(action)
        carry(self.house, Run(found.id, found.run).name, threading.Event())
        return self.look(action)

    def look(self, action: Action) -> Action:
        with self.house.db.read() as tx:
            return planning.action(tx, shop_id=self.sale.shop_id, action_id=action.id)

    def undo(self, action: Action) -> Action:
        with self.house.db.write() as tx:
            planning.undo(Act.of(tx, self.sale.shop, ACTOR, MID_SALE), action_id=action.id)
        return self.carry(action)

    def as_if_killed_before_the_end(self, action: Action, state: State) -> None:
        """Leave the action as a worker does that dies between its effects and the last note."""
        with self.house.db.write() as tx:
            tx.execute(
                text("update timeline_actions set state = :state, receipt = :none where id = :id"),
                {
                    "state": state,
                    "id": action.id.hex if self.house.db.is_sqlite else action.id,
                    "none": None if state == State.RUNNING else _receipt(tx, action),
                },
            )


def _receipt(tx: Any, action: Action) -> Any:
    rows = tx.execute(text("select id, receipt from timeline_actions"))
    return {str(row.id).replace("-", ""): row.receipt for row in rows}[action.id.hex]


@pytest.fixture
def stage(database: Database, tmp_path: Path) -> Iterator[Stage]:
    with mail_sink(tmp_path / "mailbox") as (_, port):
        settings = settings_for(tmp_path / "data", port, database_url=database.url)
        yield Stage(SmallHouse(database, settings))


@pytest.mark.parametrize("kind", OURS)
def test_done_twice_is_done_once(stage: Stage, kind: str) -> None:
    action = stage.carry(stage.plan(kind))
    assert action.state == State.DONE, action.error
    once = (stage.sale.holding(now=MID_SALE), stage.sale.history())
    stage.as_if_killed_before_the_end(action, State.RUNNING)
    again = stage.carry(action)
    assert again.state == State.DONE
    assert again.receipt == action.receipt
    assert (stage.sale.holding(now=MID_SALE), stage.sale.history()) == once


@pytest.mark.parametrize("kind", OURS)
def test_done_and_undone_leaves_nothing_and_undone_twice_is_undone_once(
    stage: Stage, kind: str
) -> None:
    before = stage.sale.holding(now=MID_SALE)
    action = stage.undo(stage.carry(stage.plan(kind)))
    assert action.state == State.UNDONE, action.error
    assert stage.sale.holding(now=MID_SALE) == before
    once = stage.sale.history()
    stage.as_if_killed_before_the_end(action, State.UNDOING)
    assert stage.carry(action).state == State.UNDONE
    assert stage.sale.holding(now=MID_SALE) == before
    assert stage.sale.history() == once


@pytest.mark.parametrize("kind", OURS)
def test_an_action_says_what_it_is_in_both_languages(kind: str) -> None:
    member = KINDS[kind]
    assert member.label in chinese()
    assert member.__module__.rpartition(".")[2] == kind


@pytest.mark.parametrize("kind", ["set_prices", "publish_rules", "open_sale"])
def test_an_opening_action_changes_what_holds(stage: Stage, kind: str) -> None:
    before = stage.sale.holding(now=MID_SALE)
    stage.carry(stage.plan(kind))
    assert stage.sale.holding(now=MID_SALE) != before


def test_a_reward_is_given_once_to_those_who_are_chosen(stage: Stage) -> None:
    action = stage.plan("issue_reward")
    done = stage.carry(action)
    assert done.receipt == {"invited": 1, "given": {"granted": 1}}
    with stage.house.db.read() as tx:
        for customer, points in (("lin", 5), ("mei", None), ("old", None)):
            found = balance_of(tx, shop_id=stage.sale.shop_id, customer_key=customer)
            assert (found.available if found else None) == points


def test_a_privilege_is_given_to_those_of_its_tier(stage: Stage) -> None:
    shop, house = stage.sale.shop, stage.house
    facts = [
        Fact(shop.slug, "order", MID_SALE - timedelta(days=days), "api", f"order:{who}{days}",
             customer_key=who, order_key=f"{who}{days}", amount_minor=1_000)
        for who, days in (("lin", 2), ("lin", 3), ("lin", 4), ("mei", 90))
    ]  # fmt: skip
    carts = [
        Fact(shop.slug, "cart", MID_SALE - timedelta(days=1), "api", f"c:{who}", customer_key=who)
        for who in ("lin", "mei")
    ]
    with house.db.write() as tx:
        append(tx, [*facts, *carts], now=MID_SALE)
    tier = tiers_by(house.facts, shop=shop, now=MID_SALE)("lin")
    assert tier
    key = published(
        house.db, shop, "check_in", {"points": [5]}, now=MID_SALE, quantity=9, per_customer=None,
        is_targeted=True, tiers=(tier,),
    ).key  # fmt: skip
    action = stage.plan("issue_reward", {"reward": key, "who": "cart", "give": True})
    done = stage.carry(action)
    assert done.receipt == {
        "invited": 2, "given": {"granted": 1, "reward_not_for_tier": 1},
    }  # fmt: skip


def test_rewards_open_with_the_sale_and_stop_with_it(stage: Stage) -> None:
    sale, database = stage.sale, stage.house.db
    made = []
    for hours in (48, 72):
        with database.write() as tx:
            made.append(
                save_reward(
                    Act.of(tx, sale.shop, ACTOR, MID_SALE),
                    campaign_id=sale.campaign_id,
                    kind="check_in",
                    name="daily",
                    params={"points": [5]},
                    terms=RewardTerms(quantity=9, per_customer=None),
                    opens_at=MID_SALE,
                    closes_at=MID_SALE + timedelta(hours=hours),
                )
            )
    action = stage.carry(stage.plan("publish_rewards"))
    assert set(action.receipt["rewards"]) == {str(each.id) for each in made}
    done = claimed(database, sale.shop, attempt(made[0].id, "c1"), now=MID_SALE)
    assert codes(done) == ["points"]
    stage.undo(action)
    late = claimed(database, sale.shop, attempt(made[0].id, "c2"), now=MID_SALE)
    assert codes(late) == ["reward_closed"]
    with database.read() as tx:
        assert imbalances(tx, shop_id=sale.shop_id) == []


def test_a_withdrawal_undoes_all_that_holds_the_last_thing_first(stage: Stage) -> None:
    sale = stage.sale
    before = sale.holding(now=MID_SALE)
    actions = [stage.plan(kind) for kind in ("send_outreach", *opening(PhaseKind.BURST))]
    waiting = stage.plan("send_outreach")
    for action in actions:
        assert stage.carry(action).state == State.DONE
    assert sale.holding(now=MID_SALE)["prices"] == HEROES
    sale.order("paid", now=MID_SALE)
    sale.order("unpaid", now=MID_SALE, is_paid=False)
    with stage.house.db.write() as tx:
        withdrawal = planning.withdraw_now(
            Act.of(tx, sale.shop, ACTOR, MID_SALE), campaign_id=sale.campaign_id
        )
    withdrawal = stage.carry(withdrawal)
    assert withdrawal.state == State.DONE, withdrawal.error
    assert sale.holding(now=MID_SALE) == before
    assert withdrawal.receipt["undone"] == [str(action.id) for action in reversed(actions)]
    assert {stage.look(action).state for action in actions} == {State.UNDONE}
    assert waiting.id == actions[0].id
    assert (sale.count(OrderState.PAID), sale.count(OrderState.CLOSED)) == (1, 1)
    assert sale.messages(MessageState.SENT) == 7
    history = sale.history()["prices"]
    assert history == {"tea": ["restored", "set"], "cup": ["restored", "set"]}


def test_a_withdrawn_sale_comes_back_by_being_scheduled_again(stage: Stage) -> None:
    sale, house = stage.sale, stage.house
    for _ in range(2):
        with house.db.write() as tx:
            planned = planning.schedule(
                Act.of(tx, sale.shop, ACTOR, MID_SALE), campaign=sale.campaign
            )
        for action in planned[:-1]:
            assert stage.carry(action).state == State.DONE
        assert sale.holding(now=MID_SALE)["prices"] == HEROES
        assert sale.holding(now=MID_SALE)["live"] == sale.campaign_id
        assert stage.carry(planned[-1]).state == State.DONE
        assert sale.holding(now=MID_SALE)["prices"] == {}
        assert sale.holding(now=MID_SALE)["live"] is None


def test_an_import_in_the_background_counts_its_rows(stage: Stage) -> None:
    action = stage.carry(stage.plan("import_file"))
    assert action.receipt["rows"]["new"] == 1, action.receipt
    reader = stage.house.facts
    assert reader.rows("select count(*) from facts where kind = 'order'") == [(1,)]
    reader.close()


def test_a_price_below_its_floor_waits_for_a_person_who_reads_which(stage: Stage) -> None:
    with stage.house.db.write() as tx:
        tx.execute(text("update price_book set floor_minor = 9000 where product_key = 'tea'"))
    action = stage.carry(stage.plan("set_prices"))
    assert action.state == State.NEEDS_PERSON
    assert action.error is not None
    assert action.error.code == "below_floor"
    assert action.error.facts["product_key"] == "tea"
