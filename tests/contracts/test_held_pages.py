"""What a held sale looks like, and who may do what about it."""

import threading
from datetime import timedelta

import pytest
from litestar.testing import TestClient
from sqlalchemy import text

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.model import Role
from springtide.domain.campaigns.model import PhaseKind
from springtide.domain.campaigns.queries import campaign_tasks
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, State
from springtide.flows.timeline.runner import Run, carry
from springtide.kit.ids import outward
from springtide.site import Site
from springtide.web.frame.render import LANGUAGE_COOKIE
from tests.kit.house import ACTOR, Browser, TestHouse, person_in
from tests.kit.sales import Sale, plan_sale


class Night:
    """A sale on its night whose prices were refused, and those who look at it."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.house, self.client = house, client
        self.sale: Sale = plan_sale(house.db, real=house.real_now())
        starts = self.sale.campaign.selling.starts_at
        with house.db.write() as tx:
            tx.execute(text("update price_book set floor_minor = 9000 where product_key = 'tea'"))
            planning.schedule(
                Act.of(tx, self.sale.shop, ACTOR, starts - timedelta(hours=1)),
                campaign=self.sale.campaign,
            )
        self.sale.set_clock(starts + timedelta(minutes=3), real=house.real_now())
        self.carry("set_prices")
        self.base = f"/shops/{self.sale.shop.slug}/campaigns/{self.sale.campaign.key}"

    def action(self, kind: str) -> Action:
        with self.house.db.read() as tx:
            found = planning.actions_of(
                tx, shop_id=self.sale.shop_id, campaign_id=self.sale.campaign_id
            )
        return next(one for one in found if one.kind == kind)

    def key(self, kind: str) -> str:
        return outward("act", self.action(kind).id)

    def carry(self, kind: str) -> None:
        found = self.action(kind)
        carry(self.house, Run(found.id, found.run).name, threading.Event())

    def browser(self, role: Role, language: str = "en") -> Browser:
        browser = Browser(self.client, self.house).sign_in(
            person_in(self.house, self.sale.shop, role, f"{role}-{language}@held.test")
        )
        browser.cookies[LANGUAGE_COOKIE] = language
        return browser


@pytest.fixture
def night(client: TestClient[Site], sqlite_house: TestHouse) -> Night:
    return Night(client, sqlite_house)


def test_the_page_says_what_is_held_by_what_and_offers_the_mend_first(night: Night) -> None:
    page = night.browser(Role.OWNER).get(night.base).text
    assert "“Set campaign prices” holds the timeline up" in page
    assert "tea: 88.00 is below the floor of 90.00." in page
    waiting = "Publish promotion rules, Publish rewards and games, Open the sale"
    assert f"Waiting for it: {waiting}" in page
    assert page.count("Waits for: Set campaign prices") == 3
    assert page.count("On hold") == 3
    assert "Not open yet" in page
    key = night.key("set_prices")
    retry, waive = f"{night.base}/actions/{key}/retry", f"{night.base}/waive/{key}"
    assert 0 < page.index(retry) < page.index(waive)
    board = night.browser(Role.DESIGN).get(f"{night.base}/board").text
    assert "The sale is not open yet. It waits for: Set campaign prices" in board
    chinese = night.browser(Role.OPERATIONS, "zh").get(night.base).text
    assert "“设置活动价”未完成，后续动作已暂停" in chinese
    assert "受影响的动作：上线促销规则、发布权益与玩法、开启活动" in chinese


def test_only_an_owner_goes_on_without_it_and_says_why(night: Night) -> None:
    waive = f"{night.base}/waive/{night.key('set_prices')}"
    operations = night.browser(Role.OPERATIONS)
    page = operations.get(night.base).text
    assert waive not in page
    assert "An owner may also let the sale go on without it." in page
    assert operations.post(waive, {"reason": "I say so"}).status_code == 403
    owner = night.browser(Role.OWNER)
    assert owner.post(waive).status_code == 422
    night.carry("publish_rules")
    assert night.action("publish_rules").state == State.PLANNED
    assert owner.post(waive, {"reason": "Tea <b>stays</b> dear"}).status_code == 303
    assert owner.post(waive, {"reason": "twice"}).status_code == 409
    page = owner.get(night.base).text
    assert "let the sale go on without it: Tea &lt;b&gt;stays&lt;/b&gt; dear" in page
    assert "holds the timeline up" not in page
    for kind in ("publish_rules", "publish_rewards", "open_sale"):
        night.carry(kind)
        assert night.action(kind).state == State.DONE
    assert "Not open yet" not in owner.get(night.base).text
    with night.house.db.read() as tx:
        (entry,) = audit_page(tx, shop_id=night.sale.shop_id, actions=("action.waive",), limit=9)
    assert entry.actor_name == f"{Role.OWNER}-en@held.test"


def test_a_cancelled_action_is_put_back_where_it_is_said_to_hold(night: Night) -> None:
    owner = night.browser(Role.OWNER)
    cancel = f"{night.base}/actions/{night.key('publish_rules')}"
    assert owner.post(f"{cancel}/cancel").status_code == 303
    page = owner.get(night.base).text
    assert "“Publish promotion rules” holds the timeline up" in page
    assert f"{cancel}/plan" in page
    assert owner.post(f"{cancel}/plan").status_code == 303
    assert night.action("publish_rules").state == State.PLANNED
    assert owner.post(f"{cancel}/plan").status_code == 409
    assert owner.post(f"{cancel}/explode").status_code == 404


def test_a_task_is_made_one_that_holds_a_phase_and_let_go_again(night: Night) -> None:
    with night.house.db.read() as tx:
        task = campaign_tasks(tx, shop_id=night.sale.shop_id, campaign_id=night.sale.campaign_id)[0]
    owner = night.browser(Role.OWNER)
    here = f"{night.base}/tasks/{task.key}/gate"
    assert owner.post(here, {"gate": "burst"}).status_code == 303
    assert owner.post(here, {"gate": "after"}).status_code == 422
    assert owner.post(here, {"gate": "never"}).status_code == 422
    assert night.browser(Role.DESIGN).post(here, {"gate": ""}).status_code == 403
    assert "must be done before Burst" in owner.get(f"{night.base}/tasks").text
    page = owner.get(night.base).text
    assert f"The task “{task.title}” has to be done first" in page
    assert f"{night.base}/waive/{task.key}" in page
    assert owner.post(f"{night.base}/tasks/{task.key}/done", {"done": "on"}).status_code == 303
    assert "has to be done first" not in owner.get(night.base).text
    added = {"title": "Call", "role": "design", "due": "D-1 18:00", "gate": "warm_up"}
    assert owner.post(f"{night.base}/tasks", added).status_code == 303
    assert owner.post(f"{night.base}/tasks", {**added, "gate": "day"}).status_code == 422
    with night.house.db.read() as tx:
        found = campaign_tasks(tx, shop_id=night.sale.shop_id, campaign_id=night.sale.campaign_id)
    assert {one.title: one.gate for one in found if one.gate} == {
        task.title: PhaseKind.BURST, "Call": PhaseKind.WARM_UP,
    }  # fmt: skip
