"""Rewards to claim in tests: made, published, and claimed in batches."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.facts.reader import FactReader
from springtide.domain.rewards.claiming import Outcome, claim_batch
from springtide.domain.rewards.model import Attempt, Claim, Reward, Terms
from springtide.domain.rewards.operations import publish_reward, save_reward
from springtide.flows.claims.desk import ClaimDesk
from springtide.kit.db import Database
from tests.kit.shops import ACTOR

#: The real instant at desks of tests: places are signed by it, and no test waits at them.
_PLACED_AT = datetime(2025, 11, 11, 12, 0, tzinfo=UTC)
RULE = "rul_00000000000000000000000000"
CUP = {"name": "cup", "what": "gift", "stock": 900, "odds_ppm": 1_000_000}


def published(
    database: Database,
    shop: Shop,
    kind: str,
    params: dict[str, Any],
    *,
    now: datetime,
    hours: float = 24,
    opens_in: timedelta = timedelta(0),
    **terms: Any,
) -> Reward:
    """Return a reward that is open from now on."""
    opens_at = now + opens_in
    with database.write() as tx:
        saved = save_reward(
            Act.of(tx, shop, ACTOR, now),
            kind=kind,
            name=f"a {kind}",
            params=params,
            terms=Terms(**terms),
            opens_at=opens_at,
            closes_at=opens_at + timedelta(hours=hours),
        )
        return publish_reward(Act.of(tx, shop, ACTOR, now), reward_id=saved.id)


def ticketed_draw(database: Database, shop: Shop, *, now: datetime, **terms: Any) -> Reward:
    """Return an open draw that needs a ticket, and in which everybody wins a cup."""
    params = {"prizes": [CUP], "needs_ticket": True}
    more = {"quantity": 900, "per_customer": None, "hours": 24 * 30, **terms}
    return published(database, shop, "draw", params, now=now, **more)


def attempt(reward_id: UUID, customer: str, key: str | None = None, **more: Any) -> Attempt:
    """Return a customer's try, with a key of its own."""
    asked = f"{reward_id.hex} {customer} {more}"
    asked = format(abs(hash(asked)), "x")[:32]
    return Attempt(key or f"k:{customer}", reward_id, customer, asked, **more)


def claimed(database: Database, shop: Shop, *attempts: Attempt, now: datetime) -> list[Outcome]:
    """Decide attempts in one batch."""
    with database.write() as tx:
        return claim_batch(tx, shop=shop, attempts=attempts, now=now)


def codes(outcomes: list[Outcome]) -> list[str]:
    """Return what became of attempts: the kind of what was granted, or the refusal's code."""
    return [
        outcome.granted.what if isinstance(outcome, Claim) else outcome.code for outcome in outcomes
    ]


def desk_of(
    database: Database,
    now_of: Callable[[Shop], datetime],
    reader_of: Callable[[], FactReader] | None = None,
) -> ClaimDesk:
    """Return a desk whose clock is the caller's."""
    return ClaimDesk(
        database,
        now_of,
        secret="a secret of tests, as long as one must be",
        real_now=lambda: _PLACED_AT,
        reader_of=reader_of,
    )
