"""What some rewards ask of who claims: what they did today, and their tier as of yesterday.

Read before a batch is decided, so that no fact is looked for while its accounts are locked.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from springtide.domain.access.model import Shop
from springtide.domain.facts.reader import FactReader
from springtide.domain.rewards.daily_activity import Person, done_today
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.buy_to_get import BuyToGet
from springtide.domain.rewards.games.task import Task
from springtide.domain.rewards.model import Attempt, Reward
from springtide.flows.claims.standing import tiers_by


# No Struct: one that stands in a module and holds nothing is untracked by the collector, so the
# module, and DuckDB with it, would stay when the interpreter goes.
@dataclass(frozen=True, slots=True)
class Asks:
    """What a reward asks: the deeds of a task, the tier; mostly nothing."""

    task: Task | None = None
    tier: bool = False

    @property
    def is_any(self) -> bool:
        """Whether anything has to be looked up."""
        return self.tier or self.task is not None


NOTHING = Asks()


def asks_of(reward: Reward) -> Asks:
    """Return what a reward asks of who claims it."""
    game = read_game(reward.kind, reward.params)
    earns_by_tier = isinstance(game, BuyToGet) and bool(game.by_tier)
    return Asks(game if isinstance(game, Task) else None, bool(reward.terms.tiers) or earns_by_tier)


def looked_up(
    reader_of: Callable[[], FactReader],
    *,
    shop: Shop,
    asks: Mapping[UUID, Asks],
    attempts: Sequence[Attempt],
    now: datetime,
) -> list[Attempt]:
    """Return attempts with what their rewards ask; one question a task, one for all tiers."""
    found = list(attempts)
    tasks: dict[UUID, list[int]] = {}
    for place, attempt in enumerate(attempts):
        if asks.get(attempt.reward_id, NOTHING).task is not None:
            tasks.setdefault(attempt.reward_id, []).append(place)
    for reward_id, places in tasks.items():
        task = asks[reward_id].task
        assert task is not None
        people = [Person(found[n].customer_key, found[n].visitor_key) for n in places]
        done = done_today(reader_of(), shop=shop, task=task, people=people, now=now)
        for place, each in zip(places, done, strict=True):
            found[place] = msgspec.structs.replace(found[place], done=each)
    if any(asks.get(attempt.reward_id, NOTHING).tier for attempt in attempts):
        tier_of = tiers_by(reader_of(), shop=shop, now=now)
        found = [msgspec.structs.replace(a, tier=tier_of(a.customer_key)) for a in found]
    return found
