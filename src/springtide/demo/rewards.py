"""The demo's games: what a visitor of the sample storefront finds to play with."""

from datetime import timedelta
from typing import Any

from springtide.demo import story
from springtide.domain.access.model import Shop
from springtide.domain.campaigns.model import Campaign
from springtide.domain.rewards.model import Terms
from springtide.domain.rewards.operations import publish_reward, save_reward
from springtide.domain.rewards.queries import rewards_page
from springtide.flows.protocol import Surroundings

_PRIZES = [
    {"name": "Tea cup", "what": "gift", "stock": 30, "odds_ppm": 50_000},
    {"name": "50 points", "what": "points", "stock": 300, "odds_ppm": 300_000, "amount": 50},
    {"name": "Free order", "what": "free_order", "stock": 1, "odds_ppm": 1_000},
]
#: Kind, name, parameters, terms.
GAMES: tuple[tuple[str, str, dict[str, Any], Terms], ...] = (
    (
        "check_in",
        "Daily check-in",
        {"points": [5, 5, 10, 10, 20]},
        Terms(quantity=100_000, per_customer=None, use_days=365),
    ),
    ("draw", "New Year draw", {"prizes": _PRIZES}, Terms(quantity=5_000, use_days=365)),
    (
        "share",
        "Bring a friend",
        {"what": "points", "sharer_amount": 30, "friend_amount": 10, "budget": 40_000},
        Terms(quantity=1_000, use_days=365),
    ),
)


def prepare(house: Surroundings, shop: Shop, sale: Campaign) -> None:
    """Publish the demo's games for its campaign; those that are there already stay."""
    with house.db.write() as tx:
        there = {each.name for each in rewards_page(tx, shop=shop, campaign_id=sale.id)}
    for kind, name, params, terms in GAMES:
        if name in there:
            continue
        with house.db.write() as tx:
            saved = save_reward(
                tx,
                shop=shop,
                campaign_id=sale.id,
                kind=kind,
                name=name,
                params=params,
                terms=terms,
                opens_at=story.BOOK_AT,
                closes_at=sale.selling.ends_at + timedelta(days=1),
                actor=story.ACTOR,
                now=story.BOOK_AT,
            )
        with house.db.write() as tx:
            publish_reward(tx, shop=shop, reward_id=saved.id, actor=story.ACTOR, now=story.BOOK_AT)
