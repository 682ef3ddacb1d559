"""Privileges of customer tiers on both databases: who may claim, and who earns more."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.rewards.grants import points_account
from springtide.domain.rewards.model import Claim, Reward
from springtide.domain.rewards.privileges import privileges_of
from springtide.flows.claims.standing import tiers_by
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from tests.kit.house import TestHouse, shop_in
from tests.kit.rewards import attempt, claimed, codes, published
from tests.kit.till import Till

GIFT: dict[str, Any] = {"points": [5]}


class Club:
    """A shop with one customer who buys a lot, and one who hardly does."""

    def __init__(self, house: TestHouse) -> None:
        self.house, self.shop = house, shop_in(house)
        self.count = 0
        for days, customers in ((9, ["often", "seldom"]), (2, ["often"] * 6)):
            for customer in customers:
                self.buys(customer, house.clock - timedelta(days=days))
        self.tier_of = tiers_by(house.facts, shop=self.shop, now=house.clock)

    def buys(self, customer: str, at: datetime) -> None:
        self.count += 1
        fact = Fact(
            self.shop.slug, "order", at, "api", f"o{self.count}", customer_key=customer,
            product_key="tea", order_key=f"o{self.count}", quantity=1, amount_minor=1_000,
        )  # fmt: skip
        with self.house.db.write() as tx:
            append(tx, [fact], now=self.house.clock)

    def open(self, *tiers: str) -> Reward:
        return published(
            self.house.db, self.shop, "check_in", GIFT, now=self.house.clock, quantity=50,
            per_customer=None, hours=24 * 30, tiers=tiers,
        )  # fmt: skip

    def claim(self, reward: Reward, customer: str) -> str:
        self.count += 1
        tried = attempt(reward.id, customer, f"k{self.count}")
        outcome = asyncio.run(self.house.claims.claim(self.shop, tried))
        return outcome.granted.what if isinstance(outcome, Claim) else outcome.code


@pytest.fixture
def club(house: TestHouse) -> Club:
    return Club(house)


def test_a_privilege_is_for_its_tiers_as_of_yesterday(club: Club) -> None:
    best, other = club.tier_of("often"), club.tier_of("seldom")
    assert best
    assert other
    assert best != other
    reward = club.open(best)
    assert club.claim(reward, "often") == "points"
    assert club.claim(reward, "seldom") == "reward_not_for_tier"
    assert club.claim(reward, "nobody") == "reward_not_for_tier"
    both = club.open(best, other)
    assert [club.claim(both, who) for who in ("often", "seldom", "nobody")] == [
        "points", "points", "reward_not_for_tier",
    ]  # fmt: skip
    # What is bought today counts tomorrow.
    for _ in range(9):
        club.buys("nobody", club.house.clock)
    assert club.claim(both, "nobody") == "reward_not_for_tier"
    club.house.forward(days=1)
    tier = tiers_by(club.house.facts, shop=club.shop, now=club.house.clock)("nobody")
    assert tier
    assert club.claim(club.open(tier), "nobody") == "points"


def test_who_claims_without_a_tier_looked_up_is_refused(database: Database, now: datetime) -> None:
    till = Till(database, now)
    reward = till.reward("check_in", GIFT, quantity=5, tiers=("Champions",))
    tries = [attempt(reward.id, "c1", "k1"), attempt(reward.id, "c2", "k2", tier="Champions"),
             attempt(reward.id, "c3", "k3", tier="Lost")]  # fmt: skip
    outcomes = claimed(database, till.shop, *tries, now=now)
    assert codes(outcomes) == ["reward_not_for_tier", "points", "reward_not_for_tier"]
    with database.read() as tx:
        untouched = [points_account("c1"), points_account("c3")]
        assert accounts_by_keys(tx, shop_id=till.shop.id, keys=untouched) == {}


def test_there_are_only_tiers_that_customers_have(database: Database, now: datetime) -> None:
    till = Till(database, now)
    with pytest.raises(Invalid) as refused:
        till.reward("check_in", GIFT, quantity=5, tiers=("Gods",))
    assert refused.value.fields["tiers"].code == "reward_tier_unknown"
    earning = {"what": "points", "amount": 5, "budget": 50}
    for wrong, field in (
        ([{"tier": "Champions", "percent_bps": 9_999}], "by_tier.0.percent_bps"),
        ([{"tier": "Champions", "percent_bps": 100_001}], "by_tier.0.percent_bps"),
        ([{"tier": "Gods", "percent_bps": 20_000}], "by_tier.0.tier"),
        ([{"tier": "Lost", "percent_bps": 20_000}] * 2, "by_tier.1.tier"),
    ):
        with pytest.raises(Invalid) as refused:
            till.reward("buy_to_get", {**earning, "by_tier": wrong}, quantity=5)
        assert list(refused.value.fields) == [field]


def test_a_tier_earns_more_and_keeps_its_rate_when_it_returns(
    database: Database, now: datetime
) -> None:
    till = Till(database, now)
    till.tiers = {"vip": "Champions", "c2": "Lost"}
    rates = [
        {"tier": "Champions", "percent_bps": 20_000},
        {"tier": "At Risk", "percent_bps": 15_000},
    ]
    till.reward(
        "buy_to_get",
        {"what": "points", "amount": 1, "per_minor": 100, "budget": 100_000, "by_tier": rates},
        quantity=100,
        per_customer=None,
    )
    money = {}
    for key, customer in (("o1", "vip"), ("o2", "c2"), ("o3", "c3")):
        till.place(key, pieces=2, customer=customer)
        money[customer] = sum(line.payable_minor for line in till.pay(key).lines) // 100
    till.look_after()
    promised = {who: till.standing()[points_account(who)][2] for who in money}
    assert promised == {"vip": 2 * money["vip"], "c2": money["c2"], "c3": money["c3"]}
    # By now they are in another tier; what was earned was earned.
    till.tiers = {}
    till.take_back("o1", 1)
    assert till.standing()[points_account("vip")][2] == money["vip"]


def test_a_privilege_may_be_earning(database: Database, now: datetime) -> None:
    till = Till(database, now)
    till.tiers = {"vip": "Champions"}
    till.reward(
        "buy_to_get", {"what": "points", "amount": 7, "budget": 700}, quantity=100,
        per_customer=None, tiers=("Champions",),
    )  # fmt: skip
    for key, customer in (("o1", "vip"), ("o2", "c2")):
        till.place(key, customer=customer)
        till.pay(key)
    till.look_after()
    assert till.standing()[points_account("vip")] == (0, 0, 7)
    assert points_account("c2") not in till.standing()


def test_which_rewards_are_privileges(database: Database, now: datetime) -> None:
    till = Till(database, now)
    earning = {"what": "points", "amount": 5, "budget": 50}
    rates = [{"tier": "Champions", "percent_bps": 20_000}]
    mine = {
        till.reward("check_in", GIFT, quantity=5, tiers=("Champions", "Lost")).key,
        till.reward("buy_to_get", {**earning, "by_tier": rates}, quantity=5).key,
    }
    till.reward("check_in", GIFT, quantity=5)
    till.reward("check_in", GIFT, quantity=5, tiers=("Lost",))
    till.reward("check_in", GIFT, quantity=5, tiers=("Champions",), opens_in=timedelta(hours=1))
    another_day = (now.astimezone(till.shop.tz).weekday() + 1) % 7
    till.reward("check_in", GIFT, quantity=5, tiers=("Champions",), weekdays=(another_day,))
    with database.read() as tx:
        found = privileges_of(tx, shop=till.shop, tier="Champions", now=now)
        none = privileges_of(tx, shop=till.shop, tier="At Risk", now=now)
    assert {each.key for each in found} == mine
    assert none == []
