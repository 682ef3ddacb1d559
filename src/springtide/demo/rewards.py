"""The demo's games: what a visitor of the sample storefront finds to play with."""

from datetime import timedelta
from typing import Any

from springtide.demo import story
from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.campaigns.model import Campaign, Hero
from springtide.domain.pricing.book import Terms as RuleTerms
from springtide.domain.pricing.operations import save_rule
from springtide.domain.pricing.rule import Conditions, ProductSet
from springtide.domain.rewards.model import Terms
from springtide.domain.rewards.operations import publish_reward, save_reward
from springtide.domain.rewards.queries import rewards_page
from springtide.flows.timeline.action import Surroundings
from springtide.kit.time import Window

_PRIZES = [
    {"name": "Tea cup", "what": "gift", "stock": 30, "odds_ppm": 50_000},
    {"name": "50 points", "what": "points", "stock": 300, "odds_ppm": 300_000, "amount": 50},
    {"name": "Free order", "what": "free_order", "stock": 1, "odds_ppm": 1_000},
]
GROUP, PRESALE = "Together at night", "First in line"
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
    always = Window(story.BOOK_AT, sale.selling.ends_at + timedelta(days=1))
    for kind, name, wanted, terms in GAMES:
        if name not in there:
            params = wanted | ({"draw": there[wanted["draw"]]} if "draw" in wanted else {})
            there[name] = _publish(house, shop, sale, (kind, name, params, terms), always)
    if GROUP not in there and len(sale.heroes) >= 2:
        _group_buy(house, shop, sale, sale.heroes[0])
    if PRESALE not in there and len(sale.heroes) >= 2:
        _presale(house, shop, sale, sale.heroes[1])


def _group_buy(house: Surroundings, shop: Shop, sale: Campaign, hero: Hero) -> None:
    """On the day: two pay the hero's price, five a tenth less."""
    params = {
        "rule": _held_rule(house, shop, sale, hero, "fixed_price", price_minor=hero.price_minor),
        "product_key": hero.product_key,
        "tiers": [
            {"people": 2, "unit_minor": hero.price_minor},
            {"people": 5, "unit_minor": hero.price_minor * 9 // 10},
        ],
        "hours": 6,
    }
    terms = Terms(quantity=500, per_customer=None)
    _publish(house, shop, sale, ("group_buy", GROUP, params, terms), sale.selling)


def _presale(house: Surroundings, shop: Shop, sale: Campaign, hero: Hero) -> None:
    """Deposits till an hour before the day, a tenth of the price that counts as a fifth."""
    deposit = max(hero.price_minor // 10, 1)
    params = {
        "rule": _held_rule(house, shop, sale, hero, "red_packet"),
        "product_key": hero.product_key,
        "deposit_minor": deposit,
        "worth_minor": 2 * deposit,
        "balance_after_hours": 1,
    }
    before = Window(story.BOOK_AT, sale.selling.starts_at - timedelta(hours=1))
    _publish(house, shop, sale, ("presale", PRESALE, params, Terms(quantity=200)), before)


def _held_rule(
    house: Surroundings, shop: Shop, sale: Campaign, hero: Hero, kind: str, **params: Any
) -> str:
    """Save a price rule of one product, for those who hold it; return its key."""
    conditions = Conditions(products=ProductSet(keys=(hero.product_key,)), is_issued=True)
    with house.db.write() as tx:
        saved = save_rule(
            Act.of(tx, shop, story.ACTOR, story.BOOK_AT),
            campaign_id=sale.id,
            rule_id=None,
            kind=kind,
            params=params,
            terms=RuleTerms(conditions=conditions),
        )
    return saved.key


def _publish(
    house: Surroundings,
    shop: Shop,
    sale: Campaign,
    game: tuple[str, str, dict[str, Any], Terms],
    window: Window,
) -> str:
    kind, name, params, terms = game
    with house.db.write() as tx:
        saved = save_reward(
            Act.of(tx, shop, story.ACTOR, story.BOOK_AT),
            campaign_id=sale.id,
            kind=kind,
            name=name,
            params=params,
            terms=terms,
            opens_at=window.starts_at,
            closes_at=window.ends_at,
        )
    with house.db.write() as tx:
        publish_reward(Act.of(tx, shop, story.ACTOR, story.BOOK_AT), reward_id=saved.id)
    return saved.key
