"""Large gifts by hand: two persons, once, counted together, both names kept."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from litestar.testing import TestClient
from msgspec.structs import replace

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.model import Actor, Role, Shop
from springtide.domain.customers.erasing import CustomerErased, begin_erasure
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.customers.queries import customer
from springtide.domain.rewards.approvals import (
    BOUND_MAX,
    Bounds,
    GiftDecided,
    SamePerson,
    SecondPersonNeeded,
    bounds_of,
    gifts_page,
    set_bounds,
)
from springtide.domain.rewards.model import Terms
from springtide.domain.rewards.operations import save_reward
from springtide.domain.rewards.points import balance_of
from springtide.domain.rewards.queries import reward
from springtide.domain.rewards.states import RewardState
from springtide.flows.claims import gifts
from springtide.flows.people import erasure
from springtide.flows.timeline.planning import jobs_of
from springtide.kit.errors import Invalid, NotFound, Refusal
from springtide.kit.ids import outward
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in
from tests.kit.rewards import RULE

LI, MEI = Actor("person", "li", "Li"), Actor("person", "mei", "Mei")
BOUNDS = Bounds(points=100, money_minor=1_000, budget_points=1_000, budget_money_minor=10_000)


@pytest.fixture
def shop(house: TestHouse) -> Shop:
    made = shop_in(house)
    with house.db.write() as tx:
        set_bounds(Act.of(tx, made, ACTOR), bounds=BOUNDS)
    return made


def _give(
    house: TestHouse, shop: Shop, amount: int, to: str = "c1", actor: Actor = LI
) -> UUID | None:
    with house.db.write() as tx:
        return gifts.give_points(
            Act(tx, shop, actor, house.now(shop), house.real_now()),
            customer_key=to,
            amount=amount,
            reason="sorry",
        )


def _decide(
    house: TestHouse, shop: Shop, gift: UUID, actor: Actor = MEI, *, approve: bool = True
) -> None:
    with house.db.write() as tx:
        gifts.decide(
            Act(tx, shop, actor, house.now(shop), house.real_now()), gift_id=gift, approve=approve
        )


def _points(house: TestHouse, shop: Shop, customer: str = "c1") -> int:
    with house.db.read() as tx:
        found = balance_of(tx, shop_id=shop.id, customer_key=customer)
    return found.available if found else 0


def _draft(house: TestHouse, shop: Shop, total_minor: int) -> UUID:
    now = house.now(shop)
    with house.db.write() as tx:
        return save_reward(
            Act.of(tx, shop, ACTOR, now),
            kind="packet",
            name="packets",
            params={"rule": RULE, "total_minor": total_minor},
            terms=Terms(quantity=10, is_targeted=True),
            opens_at=now,
            closes_at=now + timedelta(days=1),
        ).id


def test_a_large_gift_waits_and_is_given_once_in_both_names(house: TestHouse, shop: Shop) -> None:
    gift = _give(house, shop, 101)
    assert gift is not None
    assert _points(house, shop) == 0
    with pytest.raises(SamePerson):
        _decide(house, shop, gift, LI)
    with pytest.raises(NotFound):
        _decide(house, shop_in(house, "other"), gift)
    _decide(house, shop, gift)
    assert _points(house, shop) == 101
    for again in (True, False):
        with pytest.raises(GiftDecided):
            _decide(house, shop, gift, approve=again)
    assert _points(house, shop) == 101
    with house.db.read() as tx:
        log = {each.action: each for each in audit_page(tx, shop_id=shop.id)}
    assert (log["gift.ask"].actor_name, log["gift.approve"].actor_name) == ("Li", "Mei")
    assert log["gift.approve"].after["asked_by"] == "Li"
    assert log["points.adjust"].actor_name == "Li + Mei"


def test_a_refused_gift_is_never_given(house: TestHouse, shop: Shop) -> None:
    gift = _give(house, shop, 500)
    assert gift is not None
    _decide(house, shop, gift, approve=False)
    with pytest.raises(GiftDecided):
        _decide(house, shop, gift)
    assert _points(house, shop) == 0


def test_many_small_gifts_of_a_day_count_as_one(house: TestHouse, shop: Shop) -> None:
    assert [_give(house, shop, 40, f"c{n}") for n in range(2)] == [None, None]
    assert _give(house, shop, 21, "c9") is not None
    assert _give(house, shop, 20, "c9") is None
    assert _give(house, shop, -30, "c0") is None
    assert _give(house, shop, 100, "c9", MEI) is None
    house.forward(days=1, seconds=1)
    assert _give(house, shop, 100, "c9") is None


def test_two_gifts_at_once_do_not_both_find_room(house: TestHouse, shop: Shop) -> None:
    start = threading.Barrier(2)

    def give(number: int) -> bool:
        start.wait()
        return _give(house, shop, 60, f"c{number}") is None

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(give, range(2))) == [False, True]


def test_two_who_approve_at_once_give_once(house: TestHouse, shop: Shop) -> None:
    gift = _give(house, shop, 300)
    assert gift is not None
    start = threading.Barrier(2)

    def approve(name: str) -> str:
        start.wait()
        try:
            _decide(house, shop, gift, Actor("person", name, name))
        except Refusal as refusal:
            return refusal.code
        return "given"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(approve, ("a", "b"))) == ["gift_decided", "given"]
    assert _points(house, shop) == 300


def test_a_large_budget_is_published_by_two_and_not_by_the_timeline_alone(
    house: TestHouse, shop: Shop
) -> None:
    small, large = _draft(house, shop, 900), _draft(house, shop, 10_010)

    def publish(reward_id: UUID, *, may_ask: bool = True) -> UUID | None:
        with house.db.write() as tx:
            return gifts.publish(
                Act(tx, shop, LI, house.now(shop), house.real_now()),
                reward_id=reward_id,
                may_ask=may_ask,
            )

    assert publish(small) is None
    with pytest.raises(SecondPersonNeeded):
        publish(large, may_ask=False)
    gift = publish(large)
    assert gift is not None
    with house.db.read() as tx:
        assert reward(tx, shop=shop, reward_id=large).state is RewardState.DRAFT
    _decide(house, shop, gift)
    with house.db.read() as tx:
        assert reward(tx, shop=shop, reward_id=large).state is RewardState.PUBLISHED
    assert publish(large, may_ask=False) is None


def test_a_reward_to_a_list_waits_by_its_budget(house: TestHouse, shop: Shop) -> None:
    reward_id = _draft(house, shop, 5_000)
    params = {"reward": outward("rwd", reward_id), "who": "payment", "days": 30, "give": True}

    def issue(give: bool) -> UUID | None:
        with house.db.write() as tx:
            return gifts.issue(
                Act(tx, shop, LI, house.now(shop), house.real_now()), params=params | {"give": give}
            )

    def planned() -> int:
        with house.db.read() as tx:
            return len(jobs_of(tx, shop_id=shop.id, kinds=["issue_reward"], limit=9))

    assert (issue(give=False), planned()) == (None, 1)
    gift = issue(give=True)
    assert gift is not None
    assert planned() == 1
    _decide(house, shop, gift)
    assert planned() == 2


def test_bounds_have_bounds_and_are_written_down(house: TestHouse, shop: Shop) -> None:
    with pytest.raises(Invalid), house.db.write() as tx:
        set_bounds(Act.of(tx, shop, ACTOR), bounds=Bounds(points=-1))
    with house.db.read() as tx:
        assert bounds_of(tx, shop_id=shop.id) == BOUNDS
        assert audit_page(tx, shop_id=shop.id, actions=("gift.bounds",))[0].after["points"] == 100


def test_a_raise_of_the_bounds_needs_a_second_person_if_there_is_one(
    house: TestHouse, shop: Shop
) -> None:
    def change(bounds: Bounds, actor: Actor) -> UUID | None:
        with house.db.write() as tx:
            return gifts.change_bounds(Act.of(tx, shop, actor), bounds=bounds)

    def kept() -> Bounds:
        with house.db.read() as tx:
            return bounds_of(tx, shop_id=shop.id)

    owner = Actor("person", str(person_in(house, shop, Role.OWNER).id), "Li")
    person_in(house, shop, Role.CUSTOMER_SERVICE)
    alone = replace(BOUNDS, points=200)
    assert (change(alone, owner), kept()) == (None, alone)
    person_in(house, shop, Role.OPERATIONS)
    with pytest.raises(Invalid):
        change(replace(alone, points=BOUND_MAX + 1), owner)
    # What is lower holds at once, what is higher waits; a form saved untouched asks nobody.
    wanted = replace(alone, points=9_000, money_minor=5)
    gift = change(wanted, owner)
    assert gift is not None
    assert kept() == replace(alone, money_minor=5)
    assert change(kept(), owner) is None
    assert _give(house, shop, 5_000, actor=owner) is not None
    with pytest.raises(SamePerson):
        _decide(house, shop, gift, actor=owner)
    _decide(house, shop, gift, actor=MEI)
    assert kept() == wanted
    with pytest.raises(GiftDecided):
        _decide(house, shop, gift, actor=MEI)
    refused = change(replace(wanted, budget_points=10**9), owner)
    assert refused is not None
    _decide(house, shop, refused, approve=False, actor=MEI)
    assert kept() == wanted


@pytest.mark.parametrize("is_done", [False, True])
def test_nothing_is_given_to_a_customer_who_was_erased_meanwhile(
    house: TestHouse, shop: Shop, is_done: bool
) -> None:
    with house.db.write() as tx:
        entry = CustomerEntry("c1", "Ann", None, None)
        upsert_customers(Act.of(tx, shop, ACTOR), entries=[entry])
    gift = _give(house, shop, 5_000)
    assert gift is not None
    with house.db.write() as tx:
        found = begin_erasure(Act.of(tx, shop, ACTOR), key="c1", block=False)
    if is_done:
        erasure.erase(house, shop, erasure_id=found.id)
    with pytest.raises(CustomerErased):
        _decide(house, shop, gift)
    with pytest.raises(CustomerErased):
        _give(house, shop, 5, to=found.new_key if is_done else "c1")
    with house.db.read() as tx:
        assert [each.id for each in gifts_page(tx, shop_id=shop.id, waiting=True, limit=9)] == [
            gift
        ]
    _decide(house, shop, gift, approve=False)
    with house.db.read() as tx:
        assert gifts_page(tx, shop_id=shop.id, waiting=True, limit=9) == []


def test_the_pages_ask_a_second_person(client: TestClient[Site], sqlite_house: TestHouse) -> None:
    house = sqlite_house
    shop = shop_in(house)
    people = {role: person_in(house, shop, role) for role in Role}
    service, owner = (
        Browser(client, house).sign_in(people[Role.CUSTOMER_SERVICE]),
        Browser(client, house).sign_in(people[Role.OWNER]),
    )
    with house.db.write() as tx:
        entry = CustomerEntry("c1", "Ann", None, None)
        upsert_customers(Act.of(tx, shop, ACTOR), entries=[entry])
        key = outward("cus", customer(tx, shop_id=shop.id, key="c1").id)
    page = owner.get("/shops/tide/gifts")
    field = re.compile(r'name="((?:budget_)?(?:points|money_minor))"[^>]*value="([^"]*)"')
    saved = dict(field.findall(page.text))
    assert len(saved) == 4
    assert owner.post("/shops/tide/gifts/bounds", saved).status_code == 303
    with house.db.read() as tx:
        assert bounds_of(tx, shop_id=shop.id) == Bounds()
    assert owner.post("/shops/tide/gifts/bounds", {**saved, "points": "x"}).status_code == 422
    asked = {"amount": "60000", "reason": "a large one"}
    assert service.post(f"/shops/tide/customers/{key}/points", asked).status_code == 303
    assert _points(house, shop) == 0
    assert "a large one" in service.get("/shops/tide/gifts").text
    with house.db.read() as tx:
        [waiting] = gifts_page(tx, shop_id=shop.id, waiting=True, limit=9)
    approve = f"/shops/tide/gifts/{outward('gft', waiting.id)}/approve"
    assert service.post(approve).status_code == 403
    assert owner.post(approve).status_code == 303
    assert owner.post(approve).status_code == 409
    assert _points(house, shop) == 60_000
    design = Browser(client, house).sign_in(people[Role.DESIGN])
    assert design.get("/shops/tide/gifts").status_code == 403
    raised = {**saved, "points": "77777", "money_minor": "77777.00"}
    assert owner.post("/shops/tide/gifts/bounds", raised).status_code == 303
    shown = owner.get("/shops/tide/gifts").text
    assert "77,777" in shown
    assert "77,777.00" in shown
    with house.db.read() as tx:
        assert bounds_of(tx, shop_id=shop.id) == Bounds()
        [waiting] = gifts_page(tx, shop_id=shop.id, waiting=True, limit=9)
    approve = f"/shops/tide/gifts/{outward('gft', waiting.id)}/approve"
    assert owner.post(approve).status_code == 403
    operations = Browser(client, house).sign_in(people[Role.OPERATIONS])
    assert operations.post(approve).status_code == 303
    with house.db.read() as tx:
        assert bounds_of(tx, shop_id=shop.id).points == 77_777
