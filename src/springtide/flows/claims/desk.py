"""The desk where customers claim: a batcher over the rewards, and a gate before it.

Claims of rewards that ask for more (a daily task, a tier) pass a batcher of their own first, which
looks it up in the facts: other claims never wait for that.

What is sold out, not open yet or over is answered at the gate, without the database, for a moment;
then one request looks again. Whoever was granted something under their key passes the gate: the
same key has the same answer.
"""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError, OperationalError

from springtide.domain.access.model import Shop
from springtide.domain.facts.reader import FactReader
from springtide.domain.rewards.claiming import claim_batch
from springtide.domain.rewards.model import Attempt, Claim, Closed, NotOpen, SoldOut
from springtide.domain.rewards.queries import claim_keys, rewards_by_ids
from springtide.domain.rewards.states import RewardState
from springtide.flows.claims.eligibility import Asks, asks_of, looked_up
from springtide.flows.claims.waiting_room import WaitingRoom
from springtide.kit.batcher import Batcher
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from springtide.kit.outage import outage_of

#: How long the gate answers by itself before one request looks again.
GATE_SECONDS = 1.0
#: Rewards with more grants than this are always asked of the database.
GATE_KEYS_MAX = 200_000
#: How many wait for their batch at most.
WAITING_MAX = 4_096
TRIES = 5
#: Rewards of which it is remembered what they ask.
ASKS_KEPT = 10_000

#: What an attempt comes to; what is no refusal is a fault.
Outcome = Claim | Exception


class Ask(msgspec.Struct, frozen=True):
    """One attempt in one shop."""

    shop: Shop
    attempt: Attempt


class Gate(msgspec.Struct):
    """An answer for everybody but those who have theirs, till a monotonic time."""

    refused: Refusal
    until: float
    keys: frozenset[str]
    opens_at: datetime | None = None


class ClaimDesk:
    """Takes claims one by one and decides them in batches; one desk a process."""

    def __init__(
        self,
        db: Database,
        now_of: Callable[[Shop], datetime],
        *,
        reader_of: Callable[[], FactReader] | None = None,
        secret: str,
        real_now: Callable[[], datetime],
        clock: Callable[[], float] = time.monotonic,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._db, self._now_of, self._clock = db, now_of, clock
        self._reader_of = reader_of
        self._gates: dict[UUID, Gate] = {}
        #: What rewards ask. What is published is frozen, so it stays true.
        self._asks: dict[UUID, Asks] = {}
        self._room = WaitingRoom(secret, size=waiting_max, clock=clock, real_now=real_now)
        self._batcher = Batcher[Ask, Outcome](self._decide, name="claims", waiting_max=waiting_max)
        self._lookups = Batcher[Ask, Ask | Exception](self._look_up, name="claims look-up")

    async def claim(self, shop: Shop, attempt: Attempt, *, place: str = "") -> Claim | Refusal:
        """Return what an attempt gets, after the commit, or why it gets nothing.

        When many wait it gets a ``place``, to come back with when its turn has come.

        A refusal is returned, not raised: the gate has one for many, and each raise would hang
        another traceback on it.
        """
        full = self._room.refusal(shop.id, attempt, waiting=self._batcher.waiting, place=place)
        if full is not None:
            return full
        ask = Ask(shop, attempt)
        asks = self._asks.get(attempt.reward_id)
        if asks is None or asks.is_any:
            found = await self._lookups.ask(ask)
            if isinstance(found, Exception):
                raise found
            ask = found
        outcome = await self._batcher.ask(ask)
        if isinstance(outcome, (Claim, Refusal)):
            return outcome
        raise outcome

    def gated(self, shop: Shop, reward_id: UUID, key: str) -> Refusal | None:
        """Return the answer of the gate to a key, without the database; None: ask the desk."""
        gate = self._gates.get(reward_id)
        if gate is None or self._clock() >= gate.until or key in gate.keys:
            return None
        is_early = gate.opens_at is None or self._now_of(shop) < gate.opens_at
        return gate.refused if is_early else None

    def close(self) -> None:
        """Answer who waits, and take nobody else."""
        self._lookups.close()
        self._batcher.close()

    def _look_up(self, asks: Sequence[Ask]) -> Sequence[Ask | Exception]:
        """Look up what rewards ask, shop by shop: what fails in one is no reason for others."""
        found: dict[int, Ask | Exception] = {}
        for shop in {ask.shop.id: ask.shop for ask in asks}.values():
            places = [place for place, ask in enumerate(asks) if ask.shop.id == shop.id]
            try:
                attempts = self._looked_up(shop, [asks[place].attempt for place in places])
            except Exception as error:
                found |= dict.fromkeys(places, error)
            else:
                made = [Ask(shop, attempt) for attempt in attempts]
                found |= dict(zip(places, made, strict=True))
        return [found[place] for place in range(len(asks))]

    def _looked_up(self, shop: Shop, attempts: list[Attempt]) -> list[Attempt]:
        wanted = {attempt.reward_id for attempt in attempts}
        known = {id_: self._asks[id_] for id_ in wanted if id_ in self._asks}
        if len(known) < len(wanted):
            with self._db.read() as tx:
                rewards = rewards_by_ids(tx, shop=shop, ids=wanted - known.keys())
            fresh = {
                id_: asks_of(reward)
                for id_, reward in rewards.items()
                if reward.state is not RewardState.DRAFT
            }
            known |= fresh
            if len(self._asks) > ASKS_KEPT:
                self._asks = {}
            self._asks |= fresh
        if self._reader_of is None or not any(asks.is_any for asks in known.values()):
            return attempts
        now = self._now_of(shop)
        return looked_up(self._reader_of, shop=shop, asks=known, attempts=attempts, now=now)

    def _decide(self, asks: Sequence[Ask]) -> Sequence[Outcome]:
        """Decide a batch, shop by shop, each in a transaction of its own."""
        begin = self._clock()
        outcomes: dict[int, Outcome] = {}
        shops = {ask.shop.id: ask.shop for ask in asks}
        for shop in shops.values():
            places = [place for place, ask in enumerate(asks) if ask.shop.id == shop.id]
            attempts = [asks[place].attempt for place in places]
            outcomes |= dict(zip(places, self._decided(shop, attempts), strict=True))
        self._room.decided(len(asks), self._clock() - begin)
        return [outcomes[place] for place in range(len(asks))]

    def _decided(self, shop: Shop, attempts: list[Attempt]) -> Sequence[Outcome]:
        for _ in range(TRIES):
            try:
                return self._commit(shop, attempts)
            except Exception as error:
                failed = error
            if outage_of(failed) is not None:
                # None of them is at fault, and trying one by one would make all wait the longer.
                return [failed] * len(attempts)
            if not isinstance(failed, (IntegrityError, OperationalError)):
                break
            # Two processes met (a deadlock, a key that came to both): the batch left nothing
            # behind, and now sees what the other one did.
        if len(attempts) == 1:
            raise failed
        # One of them is at fault, and no reason for the others to go without.
        return [self._alone(shop, attempt) for attempt in attempts]

    def _alone(self, shop: Shop, attempt: Attempt) -> Outcome:
        try:
            return self._decided(shop, [attempt])[0]
        except Exception as error:
            return error

    def _commit(self, shop: Shop, attempts: list[Attempt]) -> Sequence[Outcome]:
        with self._db.write() as tx:
            outcomes = claim_batch(tx, shop=shop, attempts=attempts, now=self._now_of(shop))
            gates = {}
            for attempt, outcome in zip(attempts, outcomes, strict=True):
                if _shuts(outcome) and attempt.reward_id not in gates:
                    assert isinstance(outcome, Refusal)
                    keys = claim_keys(tx, reward_id=attempt.reward_id, limit=GATE_KEYS_MAX + 1)
                    if len(keys) <= GATE_KEYS_MAX:
                        gates[attempt.reward_id] = self._gate(outcome, keys)
        self._gates |= gates
        return outcomes

    def _gate(self, refused: Refusal, keys: list[str]) -> Gate:
        opens_at = refused.facts.get("opens_at") if isinstance(refused, NotOpen) else None
        instant = datetime.fromisoformat(str(opens_at)) if opens_at else None
        return Gate(refused, self._clock() + GATE_SECONDS, frozenset(keys), instant)


def _shuts(outcome: Outcome) -> bool:
    """Tell whether an outcome is the same for everybody else."""
    if isinstance(outcome, SoldOut):
        return outcome.facts.get("left") == 0
    return isinstance(outcome, (NotOpen, Closed))
