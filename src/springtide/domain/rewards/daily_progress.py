"""What a customer did of today's tasks and check-ins, as their page shows it."""

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.facts.reader import FactReader
from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.rewards.claiming import shut_at
from springtide.domain.rewards.daily_activity import Person, done_today
from springtide.domain.rewards.days import Balanced, day_account, day_of, was_here
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.check_in import CheckIn
from springtide.domain.rewards.games.task import Task
from springtide.domain.rewards.model import Game, Reward
from springtide.domain.rewards.queries import rewards_of_kind
from springtide.kit.db import Database

#: Tasks and check-ins that a page asks about at once.
SHOWN_MAX = 20


class DailyProgress(msgspec.Struct, frozen=True):
    """One task or check-in today: had or not; ``done`` of ``wanted``, or the ``day`` of a streak.

    ``worth`` is what today gives: points of a check-in, the amount of a task.
    """

    reward: Reward
    is_had: bool
    worth: int
    done: int = 0
    wanted: int = 0
    day: int = 0


def daily_progress_of(
    db: Database,
    reader_of: Callable[[], FactReader],
    *,
    shop: Shop,
    person: Person,
    now: datetime,
) -> list[DailyProgress]:
    """Return a customer's open tasks and check-ins; facts are asked only where there are tasks."""
    with db.read() as tx:
        games = _open_games(tx, shop, now)
        keys = [
            key for reward, game in games for key in _days(reward, game, person.customer_key, now)
        ]
        accounts = accounts_by_keys(tx, shop_id=shop.id, keys=keys) if keys else {}
    found = []
    for reward, game in games:
        owner, day = person.customer_key, day_of(reward, now)
        is_had = was_here(reward, owner, day, accounts)
        if isinstance(game, Task):
            (done,) = done_today(reader_of(), shop=shop, task=game, people=[person], now=now)
            count = min(done.count, game.wanted)
            found.append(DailyProgress(reward, is_had, game.amount, done=count, wanted=game.wanted))
        elif isinstance(game, CheckIn):
            balanced: dict[str, Balanced] = dict(accounts)
            streak = game.streak(reward, owner, day, balanced)
            found.append(DailyProgress(reward, is_had, game.worth(streak), day=streak + 1))
    return found


def _open_games(tx: Connection, shop: Shop, now: datetime) -> list[tuple[Reward, Game]]:
    rewards = [
        reward
        for kind in (CheckIn.kind, Task.kind)
        for reward in rewards_of_kind(tx, shop=shop, kind=kind, is_open=True)
        if shut_at(reward, now) is None
    ]
    return [(each, read_game(each.kind, each.params)) for each in rewards[:SHOWN_MAX]]


def _days(reward: Reward, game: Game, owner: str, now: datetime) -> list[str]:
    back = len(game.points) + 1 if isinstance(game, CheckIn) else 1
    today = day_of(reward, now)
    return [day_account(reward, owner, today - timedelta(days=n)) for n in range(back)]
