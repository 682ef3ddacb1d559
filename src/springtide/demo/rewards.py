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
_DRAW = "Tea master's draw"
_CUPS = [
    {"name": "Gaiwan", "what": "gift", "stock": 20, "odds_ppm": 100_000},
    {"name": "20 points", "what": "points", "stock": 2_000, "odds_ppm": 500_000, "amount": 20},
]
_DAILY: dict[str, Any] = {"per_customer": None, "use_days": 365}
#: Kind, name, parameters, terms. A draw is named here, and by its key where it is saved.
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
    # A draw that takes tickets, and the four ways to come by them.
    (
        "draw",
        _DRAW,
        {"prizes": _CUPS, "needs_ticket": True},
        Terms(quantity=5_000, per_customer=None, use_days=365),
    ),
    (
        "buy_to_get",
        "A ticket for every order",
        {
            "what": "tickets",
            "amount": 1,
            "budget": 4_000,
            "draw": _DRAW,
            "given": "payment",
            "by_tier": [{"tier": "Champions", "percent_bps": 20_000}],
        },
        Terms(quantity=4_000, per_customer=None),
    ),
    (
        "ticket",
        "A ticket for points",
        {"draw": _DRAW},
        Terms(quantity=2_000, per_customer=None, cost_points=15),
    ),
    (
        "task",
        "Fill your cart",
        {"deed": "cart", "wanted": 3, "what": "tickets", "amount": 1, "draw": _DRAW},
        Terms(quantity=4_000, per_customer=None),
    ),
    (
        "ticket",
        "Three tickets for champions",
        {"draw": _DRAW, "amount": 3},
        Terms(quantity=500, tiers=("Champions",)),
    ),
    # Another theme on weekdays than on the weekend.
    (
        "task",
        "Weekday favourites",
        {"deed": "favourite", "wanted": 2, "what": "points", "amount": 10},
        Terms(quantity=10_000, weekdays=(0, 1, 2, 3, 4), **_DAILY),
    ),
    (
        "task",
        "Weekend stroll",
        {"deed": "view", "wanted": 5, "what": "points", "amount": 15},
        Terms(quantity=10_000, weekdays=(5, 6), **_DAILY),
    ),
)


def prepare(house: Surroundings, shop: Shop, sale: Campaign) -> None:
    """Publish the demo's games for its campaign; those that are there already stay."""
    with house.db.read() as tx:
        there = {each.name: each.key for each in rewards_page(tx, shop=shop, campaign_id=sale.id)}
    for kind, name, wanted, terms in GAMES:
        if name in there:
            continue
        params = wanted | ({"draw": there[wanted["draw"]]} if "draw" in wanted else {})
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
        there[name] = saved.key
