"""A shop in its sale whose rules spend what customers hold: claim, place, pay, close, return."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.ledger.queries import accounts_page, imbalances
from springtide.domain.orders.model import Order
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.rule import Conditions, Limits
from springtide.domain.rewards.model import Claim, Reward
from springtide.domain.rewards.queries import claims_of_reward
from springtide.domain.rewards.states import ClaimState
from springtide.flows.checkout import place as checkout
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.earned import receive
from springtide.flows.checkout.place import Placing
from springtide.flows.checkout.returns import return_lines
from springtide.flows.upkeep import look_after_rewards
from springtide.kit.db import Database
from tests.kit.rewards import attempt, claimed, codes, published
from tests.kit.shops import ACTOR, new_shop
from tests.kit.storefront import open_sale, stock_shelves

ISSUED = Conditions(is_issued=True)
NO_LIMITS = Limits()


class Till:
    """A shop in its sale whose rules spend what customers hold."""

    anybody = Conditions()

    def __init__(self, database: Database, now: datetime, shop: Shop | None = None) -> None:
        self.db, self.now = database, now
        #: Customers' tiers; who is not named has none.
        self.tiers: dict[str, str] = {}
        self.shop = shop or new_shop(database, now=now)
        stock_shelves(database, self.shop, now=now)
        self.campaign = open_sale(database, self.shop, day=now.date(), now=now)

    def rule(
        self,
        kind: str,
        params: Mapping[str, Any],
        conditions: Conditions,
        limits: Limits = NO_LIMITS,
    ) -> str:
        """Save a rule and switch it on; return its key."""
        with self.db.write() as tx:
            saved = pricing.save_rule(
                Act.of(tx, self.shop, ACTOR, self.now),
                campaign_id=self.campaign.id,
                rule_id=None,
                kind=kind,
                params=params,
                terms=Terms(conditions=conditions, limits=limits),
            )
            pricing.activate_rules(
                Act.of(tx, self.shop, ACTOR, self.now), campaign_id=self.campaign.id
            )
        return saved.key

    def reward(self, kind: str, params: dict[str, Any], **terms: Any) -> Reward:
        return published(self.db, self.shop, kind, params, now=self.now, **terms)

    def claim(self, reward: Reward, customer: str = "c1", **more: Any) -> str:
        tried = attempt(reward.id, customer, f"{reward.key}{customer}{more}", **more)
        return codes(claimed(self.db, self.shop, tried, now=self.now))[0]

    def place(
        self,
        key: str,
        pieces: int = 1,
        customer: str = "c1",
        points: int = 0,
        more: tuple[str, ...] = (),
    ) -> Order:
        lines = (CartLine("pot", pieces), *(CartLine(each, 1) for each in more))
        wanted = Wanted(lines, customer_key=customer, points=points)
        with self.db.write() as tx:
            return checkout.place(
                Act.of(tx, self.shop, ACTOR, self.now), wanted=wanted, placing=Placing(key=key)
            )

    def pay(self, key: str) -> Order:
        with self.db.write() as tx:
            return checkout.pay(
                Act.of(tx, self.shop, ACTOR, self.now), key=key, payment_key=f"p-{key}"
            )

    def close(self, key: str) -> Order:
        with self.db.write() as tx:
            return checkout.close(
                Act.of(tx, self.shop, ACTOR, self.now), key=key, reason="changed mind"
            )

    def take_back(self, key: str, pieces: int, name: str = "r1") -> None:
        with self.db.write() as tx:
            return_lines(
                Act.of(tx, self.shop, ACTOR, self.now),
                order_key=key,
                return_key=name,
                lines={"pot": pieces},
            )

    def receive(self, key: str) -> Order:
        with self.db.write() as tx:
            return receive(Act.of(tx, self.shop, ACTOR, self.now), key=key)

    def look_after(self) -> int:
        return look_after_rewards(
            self.db, shop=self.shop, now=self.now, tiers=lambda: self.tiers.get
        )

    def standing(self) -> dict[str, tuple[int, int, int]]:
        """Every account of the ledger, which has to add up."""
        with self.db.read() as tx:
            assert imbalances(tx, shop_id=self.shop.id) == []
            found = accounts_page(tx, shop_id=self.shop.id, limit=1_000)
        return {a.key: (a.balance, a.held, a.awaiting) for a in found}

    def state(self, reward: Reward) -> list[ClaimState]:
        with self.db.read() as tx:
            found: list[Claim] = claims_of_reward(tx, reward_id=reward.id)
        return [claim.state for claim in found]

    def discount(self, order: Order) -> int:
        return sum(rule["amount_minor"] for rule in order.decision["rules"])
