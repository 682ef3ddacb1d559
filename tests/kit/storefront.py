"""A shop in the middle of its sale: products, prices, a live campaign with a ladder."""

from datetime import date, datetime

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.campaigns import operations as campaigns
from springtide.domain.campaigns.model import Campaign, Goals
from springtide.domain.catalog.model import Product
from springtide.domain.catalog.operations import upsert_products
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.book import BookPrice
from springtide.kit.db import Database
from tests.kit.shops import ACTOR

#: Regular price and floor of each product, in minor units.
PRICES = {"tea": (9_900, 6_000), "cup": (3_000, 2_000), "pot": (19_900, 15_000)}
#: The campaign's own price of tea.
TEA_MINOR = 8_800
#: 满169减10, 满299减20.
LADDER = {
    "steps": [
        {"threshold_minor": 16_900, "discount_minor": 1_000},
        {"threshold_minor": 29_900, "discount_minor": 2_000},
    ]
}


def stock_shelves(database: Database, shop: Shop, *, now: datetime) -> None:
    """Fill catalog and price book."""
    with database.write() as tx:
        upsert_products(
            Act.of(tx, shop, ACTOR, now),
            products=[
                Product(key, key.title(), category="kitchen") for key in (*PRICES, "unpriced")
            ],
        )
        pricing.set_book_prices(
            Act.of(tx, shop, ACTOR, now),
            prices={key: BookPrice(*amounts) for key, amounts in PRICES.items()},
            why="test",
        )


def open_sale(database: Database, shop: Shop, *, day: date, now: datetime) -> Campaign:
    """Put a campaign live on a day, with a ladder and a price of its own for tea."""
    with database.write() as tx:
        campaign = campaigns.create_campaign(
            Act.of(tx, shop, ACTOR, now), name="11.11", day=day, goals=Goals()
        )
        campaigns.mark_opened(Act.of(tx, shop, ACTOR, now), campaign_id=campaign.id)
        pricing.save_rule(
            Act.of(tx, shop, ACTOR, now),
            campaign_id=campaign.id,
            rule_id=None,
            kind="threshold_ladder",
            params=LADDER,
        )
        pricing.activate_rules(Act.of(tx, shop, ACTOR, now), campaign_id=campaign.id)
        pricing.set_campaign_prices(
            Act.of(tx, shop, ACTOR, now), campaign_id=campaign.id, prices={"tea": TEA_MINOR}
        )
    return campaign
