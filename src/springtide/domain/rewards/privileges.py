"""Privileges: rewards that only some tiers may claim, or that earn them more."""

from datetime import datetime

from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.rewards.claiming import shut_at
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.buy_to_get import BuyToGet
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.queries import rewards_page

REWARDS_MAX = 500


def privileges_of(tx: Connection, *, shop: Shop, tier: str, now: datetime) -> list[Reward]:
    """Return the rewards of this moment that a tier has and others have not, the newest first."""
    return [
        each
        for each in rewards_page(tx, shop=shop, limit=REWARDS_MAX)
        if shut_at(each, now) is None and _favours(each, tier)
    ]


def _favours(reward: Reward, tier: str) -> bool:
    if reward.terms.tiers:
        return tier in reward.terms.tiers
    game = read_game(reward.kind, reward.params)
    return isinstance(game, BuyToGet) and any(each.tier == tier for each in game.by_tier)
