"""A shop on the eve of its sale: prices, rules, heroes, customers, and an outreach to send."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_count, audit_page
from springtide.domain.access.model import Shop
from springtide.domain.access.operations import set_clock
from springtide.domain.access.queries import shop_by_id
from springtide.domain.campaigns import operations as campaigns
from springtide.domain.campaigns.model import Campaign, Goals, Hero
from springtide.domain.campaigns.queries import campaign, live_campaign
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.orders.model import OrderState
from springtide.domain.orders.operations import pay_order
from springtide.domain.orders.queries import count_by_state
from springtide.domain.outreach import operations as outreaches
from springtide.domain.outreach.model import Draft, MessageState
from springtide.domain.outreach.queries import progress
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.queries import (
    active_plan,
    campaign_prices_standing,
    price_history,
)
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.place import Placing, place
from springtide.kit.db import Database
from springtide.kit.time import SimulatedClock
from tests.kit.shops import ACTOR, new_shop
from tests.kit.storefront import LADDER, stock_shelves

DAY = date(2025, 11, 11)
#: Ten in the morning of the sale day, shop time.
MID_SALE = datetime(2025, 11, 11, 2, 0, tzinfo=UTC)
HEROES = {"tea": 8_800, "cup": 2_500}


@dataclass
class Sale:
    """A planned sale and its shop, whose clock stands still unless it is moved."""

    db: Database
    shop_id: UUID
    campaign_id: UUID
    outreach_id: UUID

    @property
    def shop(self) -> Shop:
        with self.db.read() as tx:
            return shop_by_id(tx, shop_id=self.shop_id)

    @property
    def campaign(self) -> Campaign:
        with self.db.read() as tx:
            return campaign(tx, shop_id=self.shop_id, campaign_id=self.campaign_id)

    def set_clock(self, shows: datetime, *, real: datetime, speed: float = 0.0) -> None:
        with self.db.write() as tx:
            shop = shop_by_id(tx, shop_id=self.shop_id)
            clock = SimulatedClock(shows=shows, set_at=real, speed=speed)
            set_clock(Act(tx, shop, ACTOR, real, real), clock=clock)

    def order(self, *keys: str, now: datetime, is_paid: bool = True) -> None:
        shop = self.shop
        with self.db.write() as tx:
            for key in keys:
                placed = place(
                    Act.of(tx, shop, ACTOR, now),
                    wanted=Wanted((CartLine("tea", 2),), customer_key="c0001"),
                    placing=Placing(key),
                )
                if is_paid:
                    pay_order(
                        Act.of(tx, shop, ACTOR, now),
                        key=key,
                        amount_minor=placed.total_minor,
                        payment_key=f"pay-{key}",
                    )

    def holding(self, *, now: datetime) -> dict[str, object]:
        """Return what of the sale holds at an instant."""
        with self.db.read() as tx:
            live = live_campaign(tx, shop_id=self.shop_id, now=now)
            return {
                "prices": campaign_prices_standing(
                    tx, shop_id=self.shop_id, campaign_id=self.campaign_id
                ),
                "rules": [
                    rule.id
                    for rule in active_plan(tx, shop_id=self.shop_id, zone="UTC", now=now).rules
                ],
                "live": live and live.id,
            }

    def history(self) -> dict[str, object]:
        """Return how much was ever done, apart from the timeline's own entries."""
        with self.db.read() as tx:
            entries = audit_page(tx, shop_id=self.shop_id, limit=10_000)
            own = [each for each in entries if each.action.startswith("action.")]
            return {
                "prices": {
                    key: [
                        change.why
                        for change in price_history(tx, shop_id=self.shop_id, product_key=key)
                        if change.what == "campaign"
                    ]
                    for key in HEROES
                },
                "audit": audit_count(tx, shop_id=self.shop_id) - len(own),
                "orders": count_by_state(tx, shop_id=self.shop_id),
                "messages": progress(tx, outreach_id=self.outreach_id).counts,
            }

    def count(self, state: OrderState) -> int:
        with self.db.read() as tx:
            return count_by_state(tx, shop_id=self.shop_id)[state]

    def messages(self, state: MessageState) -> int:
        with self.db.read() as tx:
            return progress(tx, outreach_id=self.outreach_id).counts.get(state, 0)


def plan_sale(database: Database, *, real: datetime, customer_count: int = 8) -> Sale:
    """Plan a sale on ``DAY`` in a shop of its own, whose clock stands in the middle of it."""
    early = MID_SALE - timedelta(days=30)
    shop = new_shop(database, now=early)
    stock_shelves(database, shop, now=early)
    with database.write() as tx:
        planned = campaigns.create_campaign(
            Act.of(tx, shop, ACTOR, early), name="11.11", day=DAY, goals=Goals()
        )
        campaigns.set_heroes(
            Act.of(tx, shop, ACTOR, early),
            campaign_id=planned.id,
            heroes=[Hero(key, price) for key, price in HEROES.items()],
        )
        pricing.save_rule(
            Act.of(tx, shop, ACTOR, early),
            campaign_id=planned.id,
            rule_id=None,
            kind="threshold_ladder",
            params=LADDER,
        )
        keys = [f"c{number:04}" for number in range(customer_count)]
        entries = [CustomerEntry(key, key.upper(), f"{key}@buyers.example") for key in keys]
        upsert_customers(Act(tx, shop, ACTOR, early, early), entries=entries)
        draft = Draft(
            name="Warm-up", subject="Soon", body="Hello {name}\n{opt_out_link}",
            campaign_id=planned.id,
        )  # fmt: skip
        outreach = outreaches.create_outreach(Act(tx, shop, ACTOR, early, real), draft=draft)
        outreaches.freeze_audience(
            Act(tx, shop, ACTOR, early, real), outreach_id=outreach.id, customer_keys=keys
        )
    sale = Sale(database, shop.id, planned.id, outreach.id)
    sale.set_clock(MID_SALE, real=real)
    return sale
