"""The worker: carries the timeline out, keeps the facts tidy, and tells that it is there."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Connection, select, update

from springtide.domain.access.model import Shop
from springtide.domain.access.queries import all_shops
from springtide.domain.facts.sealing import seal, tend
from springtide.flows import presence
from springtide.flows.carrying import Run, carry
from springtide.flows.durable import Durable, address_beside
from springtide.flows.model import OPEN_STATES, State
from springtide.flows.protocol import KINDS, Interrupted, Surroundings
from springtide.flows.standing import TierOf, tiers_by
from springtide.flows.store import actions
from springtide.flows.timeline import WITHDRAW
from springtide.flows.upkeep import look_after_rewards
from springtide.kit.idempotency import forget_before
from springtide.kit.turns import all_in_turn

POLL_SECONDS = 0.15
#: How often new facts move into the lake, and the lake is looked after.
SEALING = timedelta(seconds=30)
TENDING = timedelta(minutes=10)
#: How long at most what is over still stands: unpaid reservations, points, rewards.
UPKEEP = timedelta(seconds=1)
ANSWERS_KEPT = timedelta(days=3)
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Chore:
    """Something the worker does beside the timeline, every so often."""

    name: str
    every: timedelta
    do: Callable[[datetime], object]
    next_at: datetime | None = None

    def turn(self, real: datetime) -> None:
        """Do it when it is time; a failure waits for the next time."""
        if self.next_at is not None and real < self.next_at:
            return
        self.next_at = real + self.every
        try:
            self.do(real)
        except (presence.SlotLost, Interrupted):
            raise
        except Exception:
            _log.exception("%s failed", self.name)


@dataclass(eq=False)
class Worker:
    """One worker: a slot, an engine, a loop."""

    house: Surroundings
    stopping: threading.Event
    chores: list[Chore] = field(default_factory=list)
    _begun: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Work until ``stopping`` is set; raises SlotLost when another took this one for dead."""
        house = self.house
        slot = presence.take_slot(house.db, real_now=house.real_now())
        engine = Durable(
            url=address_beside(house.db.url, house.settings.data),
            worker=slot.name,
            run=self._carry,
        )
        chores = [
            Chore("heartbeat", presence.BEAT, lambda real: self._beat(slot, real)),
            Chore("taking over", presence.BEAT, lambda real: self._take_over(engine, real)),
            Chore("mending", timedelta(seconds=5), lambda real: self._mend(engine)),
            Chore("forgetting answers", timedelta(hours=1), self._forget),
            *self.chores,
        ]
        try:
            while not self.stopping.is_set():
                real = house.real_now()
                for chore in chores:
                    chore.turn(real)
                self._start_due(engine, real)
                self.stopping.wait(POLL_SECONDS)
        finally:
            self.stopping.set()
            engine.close()
            presence.leave(house.db, slot=slot)

    def _carry(self, name: str) -> None:
        carry(self.house, name, self.stopping)

    def _start_due(self, engine: Durable, real: datetime) -> None:
        with self.house.db.read() as tx:
            names = [run.name for shop in all_shops(tx) for run in due(tx, shop=shop, real=real)]
        for name in names:
            if name not in self._begun:
                engine.start(name)
                self._begun.add(name)

    def _beat(self, slot: presence.Slot, real: datetime) -> None:
        presence.beat(self.house.db, slot=slot, real_now=real)

    def _take_over(self, engine: Durable, real: datetime) -> None:
        with self.house.db.read() as tx:
            dead = presence.dead_slots(tx, real_now=real)
        for slot in dead:
            _log.warning("%s is dead; its work goes on here", slot.name)
            engine.take_over(slot.name)
            presence.leave(self.house.db, slot=slot)

    def _mend(self, engine: Durable) -> None:
        """Give a new run to an action whose run ended without a word, or is unknown."""
        with self.house.db.read() as tx:
            held = _held(tx)
        for action_id, claim in held:
            owner = claim.partition("#")[0]
            if not engine.is_open(owner):
                _free(self.house, action_id, claim)
        self._begun &= self._still_open()

    def _still_open(self) -> set[str]:
        query = select(actions.c.id, actions.c.run).where(actions.c.state.in_(OPEN_STATES))
        with self.house.db.read() as tx:
            return {Run(row.id, row.run).name for row in tx.execute(query)}

    def _forget(self, real: datetime) -> None:
        with self.house.db.write() as tx:
            forget_before(tx, instant=real - ANSWERS_KEPT)


def due(tx: Connection, *, shop: Shop, real: datetime) -> list[Run]:
    """Return the runs to begin now: due by the shop's clock, in order within each campaign."""
    query = (
        select(actions)
        .where(
            actions.c.shop_id == shop.id,
            actions.c.state.in_(OPEN_STATES),
            actions.c.due_at <= shop.now(real),
        )
        .order_by(actions.c.due_at, actions.c.position, actions.c.id)
    )
    blocked: set[UUID] = set()
    runs = []
    for row in tx.execute(query):
        is_undo = row.state == State.UNDOING
        waits_in_line = row.campaign_id is not None and not (is_undo or _runs_beside(row.kind))
        is_ready = row.retry_at is None or row.retry_at <= real
        is_free = row.state == State.PLANNED or (is_undo and row.claim is None)
        if is_free and is_ready and not (waits_in_line and row.campaign_id in blocked):
            runs.append(Run(row.id, row.run))
        if waits_in_line:
            blocked.add(row.campaign_id)
    return runs


def _runs_beside(kind: str) -> bool:
    # A withdrawal waits for nobody: it stops what runs and cancels what waits.
    return kind == WITHDRAW or (kind in KINDS and KINDS[kind].is_long)


def _held(tx: Connection) -> list[tuple[UUID, str]]:
    query = select(actions.c.id, actions.c.claim).where(
        actions.c.state.in_((State.RUNNING, State.UNDOING)), actions.c.claim.is_not(None)
    )
    return [(row.id, row.claim) for row in tx.execute(query)]


def _free(house: Surroundings, action_id: UUID, claim: str) -> None:
    with house.db.write() as tx:
        tx.execute(
            update(actions)
            .where(actions.c.id == action_id, actions.c.claim == claim)
            .values(run=actions.c.run + 1, claim=None, state=_free_state(tx, action_id))
        )


def _free_state(tx: Connection, action_id: UUID) -> State:
    row = tx.execute(select(actions.c.state).where(actions.c.id == action_id)).one()
    return State.UNDOING if row.state == State.UNDOING else State.PLANNED


def run(house: Surroundings, stopping: threading.Event) -> None:
    """Run a worker over a house until ``stopping`` is set, and take care of its facts."""
    care = threading.Thread(target=_care, args=(house, stopping), name="facts", daemon=True)
    care.start()
    try:
        Worker(house, stopping).run()
    finally:
        stopping.set()
        # Sealing stands being cut off at any point; a clean stop does not wait for long.
        care.join(1.0)


def _care(house: Surroundings, stopping: threading.Event) -> None:
    chores = [
        Chore("sealing facts", SEALING, lambda _real: seal(house.db, house.lake)),
        Chore("tending facts", TENDING, lambda _real: tend(house.db, house.lake)),
        Chore("looking after rewards", UPKEEP, lambda real: _look_after(house, real)),
    ]
    while not stopping.wait(1.0):
        for chore in chores:
            chore.turn(house.real_now())


def _tiers(house: Surroundings, shop: Shop, now: datetime) -> TierOf:
    return tiers_by(house.facts, shop=shop, now=now)


def _look_after(house: Surroundings, real: datetime) -> None:
    with house.db.read() as tx:
        shops = all_shops(tx)
    all_in_turn("upkeep", [partial(_look_after_one, house, shop, real) for shop in shops])


def _look_after_one(house: Surroundings, shop: Shop, real: datetime) -> int:
    now = shop.now(real)
    tiers = partial(_tiers, house, shop, now)
    return look_after_rewards(house.db, shop=shop, now=now, tiers=tiers)
