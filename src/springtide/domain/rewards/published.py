"""The published list of a draw that is over, from what was claimed of it."""

from datetime import datetime

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.rewards.claiming import shut_at
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.draw import Draw
from springtide.domain.rewards.model import Closed, Reward, UnknownReward
from springtide.domain.rewards.proof import DrawList, Entry, Odds, promise_of
from springtide.domain.rewards.queries import all_grants, reward
from springtide.kit import ids
from springtide.kit.errors import N_, Refusal


class NotOver(Refusal):
    """The list of a draw that still runs."""

    code = "draw_not_over"
    status = 409
    text = N_("The list is published when the draw is over.")


class Announced(msgspec.Struct, frozen=True):
    """What anybody may know of a draw before it is over."""

    reward: Reward
    prizes: tuple[Odds, ...]
    promise: str
    is_over: bool


def announced(tx: Connection, *, shop: Shop, key: str, now: datetime) -> Announced:
    """Return the public part of a published draw; raises UnknownReward for what is none."""
    found = reward(tx, shop=shop, reward_id=ids.inward("rwd", key))
    game = read_game(found.kind, found.params)
    if not isinstance(game, Draw) or found.state == "draft":
        raise UnknownReward(key=key[:40])
    is_over = isinstance(shut_at(found, now), Closed)
    return Announced(found, game.odds(), promise_of(found.seed, found.key, game.odds()), is_over)


def draw_list(tx: Connection, *, draw: Announced) -> DrawList:
    """Return the list of a draw that is over, who it was masked; raises NotOver."""
    if not draw.is_over:
        raise NotOver
    grants = sorted(all_grants(tx, reward_id=draw.reward.id), key=lambda pair: pair[1].number or 0)
    entries = tuple(
        Entry(
            granted.number or 0,
            masked(customer),
            None if granted.what == "nothing" else granted.name,
        )
        for customer, granted in grants
    )
    return DrawList(
        draw=draw.reward.key,
        promise=draw.promise,
        seed=draw.reward.seed,
        prizes=draw.prizes,
        entries=entries,
    )


def masked(name: str) -> str:
    """Return a name that only who bears it knows again: never most of it, nor its length.

    >>> masked("王小明"), masked("c0007"), masked("c7"), masked("7")
    ('王**', 'c**7', 'c**', '**')
    """
    first = name[0] if len(name) > 1 else ""
    return f"{first}**{name[-1] if name.isascii() and len(name) > 3 else ''}"
