"""The worker: carries the timeline out, keeps the facts tidy, and tells that it is there."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import Connection, or_, select, update

from springtide.domain.access.model import Shop
from springtide.domain.access.queries import all_shops
from springtide.domain.facts.sealing import seal, tend
from springtide.flows.ahead import count_anew
from springtide.flows.claims.standing import TierOf, tiers_by
from springtide.flows.timeline import worker_slots
from springtide.flows.timeline.action import Interrupted, Surroundings
from springtide.flows.timeline.engine import Durable, address_beside
from springtide.flows.timeline.holding import held
from springtide.flows.timeline.model import OPEN_STATES, State
from springtide.flows.timeline.runner import Run, carry
from springtide.flows.timeline.store import actions
from springtide.flows.timeline.troubles import Waits
from springtide.flows.upkeep import look_after_rewards
from springtide.kit.idempotency import forget_before
from springtide.kit.outage import outage_of
from springtide.kit.turns import all_in_turn

POLL_SECONDS = 0.15
#: How often new facts move into the lake, and the lake is looked after.
SEALING = timedelta(seconds=30)
TENDING = timedelta(minutes=10)
#: How long at most what is over still stands: unpaid reservations, points, rewards.
UPKEEP = timedelta(seconds=1)
#: How often what a clock made that was ahead is looked for.
RECOUNTING = timedelta(seconds=30)
#: How often runs are looked for that ended without a word, and how long one may take to begin.
MENDING = timedelta(seconds=2)
LOST_SECONDS = 5.0
#: Between two tries of what failed.
FAILED_SECONDS = 1.0
ANSWERS_KEPT = timedelta(days=3)
_log = logging.getLogger(__name__)


@dataclass(eq=False)
class Chore:
    """Something the worker does beside the timeline, every so often by a clock that never steps.

    What fails waits for the next time: an outage is said once when it begins and once when it is
    over, a fault of ours every time.
    """

    name: str
    every: timedelta
    do: Callable[[datetime], object]
    clock: Callable[[], float] = time.monotonic
    next_at: float = 0.0
    _outage: str = ""

    def turn(self, real_now: Callable[[], datetime]) -> None:
        """Do it when it is time."""
        if self.clock() < self.next_at:
            return
        self.next_at = self.clock() + self.every.total_seconds()
        try:
            self.do(real_now())
        except (worker_slots.SlotLost, Interrupted):
            raise
        except Exception as error:
            self._failed(error)
        else:
            if self._outage:
                _log.warning("%s goes on", self.name)
            self._outage = ""

    def _failed(self, error: Exception) -> None:
        self.next_at = max(self.next_at, self.clock() + FAILED_SECONDS)
        outage = outage_of(error)
        if outage is None:
            _log.error("%s failed", self.name, exc_info=error)
        elif self._outage != outage.code:
            self._outage = outage.code
            _log.warning("%s waits (%s): %s", self.name, outage.code, outage.way_out)


@dataclass(eq=False)
class Worker:
    """One worker: a slot, an engine, a loop.

    It outlives its database: while that is away it waits, and when another worker took it for
    dead meanwhile it takes a new slot and begins anew.
    """

    house: Surroundings
    stopping: threading.Event
    chores: list[Chore] = field(default_factory=list)

    def run(self) -> None:
        """Work until ``stopping`` is set."""
        told = ""
        try:
            while not self.stopping.is_set():
                try:
                    _Life(self.house, self.stopping, self.chores).run()
                except worker_slots.SlotLost as error:
                    told = ""
                    _log.warning("%s was silent for too long and begins anew", error)
                except Exception as error:
                    outage = outage_of(error)
                    if outage is None:
                        raise
                    if told != outage.code:
                        told = outage.code
                        _log.warning("waits to begin (%s): %s", outage.code, outage.way_out)
                    self.stopping.wait(FAILED_SECONDS)
        finally:
            self.stopping.set()


@dataclass(eq=False)
class _Life:
    """A worker from its taking of a slot to the loss of it."""

    house: Surroundings
    stopping: threading.Event
    chores: Sequence[Chore]
    over: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)
    watch: worker_slots.Watch = field(default_factory=worker_slots.Watch)
    waits: Waits = field(default_factory=Waits)
    begun: dict[str, float] = field(default_factory=dict)

    def run(self) -> None:
        house = self.house
        self.slot = worker_slots.take_slot(house.db, real_now=house.real_now())
        try:
            self.engine = Durable(
                url=address_beside(house.db.url, house.settings.data),
                worker=self.slot.name,
                run=self._carry,
            )
            try:
                self._loop()
            finally:
                self.over.set()
                self.engine.close()
        finally:
            self._leave(self.slot)

    def _loop(self) -> None:
        chores = [
            Chore("heartbeat", worker_slots.BEAT, self._beat),
            Chore("taking over", worker_slots.BEAT, lambda _real: self._take_over()),
            Chore("mending", MENDING, lambda _real: self._mend()),
            Chore("forgetting answers", timedelta(hours=1), self._forget),
            *self.chores,
            Chore("beginning what is due", timedelta(0), self._start_due),
        ]
        while not self.stopping.is_set():
            for chore in chores:
                chore.turn(self.house.real_now)
            # Not a whole wait where a run has just ended: the next of an opening waits for it.
            self.ended.wait(POLL_SECONDS)
            self.ended.clear()

    def _carry(self, name: str) -> None:
        try:
            carry(self.house, name, self.over, holder=self.slot.holder)
        except Exception as error:
            # How it ended could not be written down: "mending" finds the lease and frees it.
            outage = outage_of(error)
            if outage is None:
                _log.exception("the run %s broke off", name)
            else:
                _log.warning("the run %s broke off (%s)", name, outage.code)
        finally:
            self.ended.set()

    def _start_due(self, real: datetime) -> None:
        with self.house.db.read() as tx:
            found = [
                run
                for shop in all_shops(tx)
                for run in due(tx, shop=shop, real=real, waits=self.waits)
            ]
        runs = {run.name: run for run in found}
        now = time.monotonic()
        for name, run in runs.items():
            begun_at = self.begun.get(name)
            if begun_at is None:
                self.engine.start(name)
                self.begun[name] = now
            elif now - begun_at > LOST_SECONDS and not self.engine.is_at_work(name):
                _renew(self.house, run)
        self.waits.forget_others()
        self.begun = {
            name: at
            for name, at in self.begun.items()
            if name in runs or self.engine.is_at_work(name)
        }

    def _beat(self, real: datetime) -> None:
        worker_slots.beat(self.house.db, slot=self.slot, real_now=real)

    def _take_over(self) -> None:
        with self.house.db.read() as tx:
            dead = self.watch.dead(tx)
        for slot in dead:
            if slot.token == self.slot.token:
                continue
            _log.warning("%s is dead; its work goes on here", slot.name)
            self.engine.take_over(slot.name)
            worker_slots.leave(self.house.db, slot=slot)

    def _mend(self) -> None:
        """Give a new run to actions whose run ended without a word, or whose worker is gone."""
        with self.house.db.read() as tx:
            held, holders = _held(tx), worker_slots.holders(tx)
        for action_id, lease in held:
            name, _, rest = lease.partition("#")
            holder = rest.partition(".")[0]
            is_mine = holder == self.slot.holder
            if holder not in holders or (is_mine and not self.engine.is_at_work(name)):
                _free(self.house, action_id, lease)

    def _forget(self, real: datetime) -> None:
        with self.house.db.write() as tx:
            forget_before(tx, instant=real - ANSWERS_KEPT)

    def _leave(self, slot: worker_slots.Slot) -> None:
        try:
            worker_slots.leave(self.house.db, slot=slot)
        except Exception as error:
            outage = outage_of(error)
            if outage is None:
                raise
            # Whoever looks next finds that nobody beats there.
            _log.warning("%s could not be given back (%s)", slot.name, outage.code)


def due(tx: Connection, *, shop: Shop, real: datetime, waits: Waits) -> list[Run]:
    """Return the runs to begin now: due by the shop's clock, and held by nothing (holding.py).

    What was due when it was planned is due whatever the clock says since: it may have been ahead.
    """
    is_due = or_(actions.c.due_at <= shop.now(real), actions.c.due_at <= actions.c.created_at)
    query = (
        select(actions)
        .where(
            actions.c.shop_id == shop.id,
            actions.c.state.in_(OPEN_STATES),
            is_due,
        )
        .order_by(actions.c.due_at, actions.c.position, actions.c.id)
    )
    rows = tx.execute(query).all()
    planned = [row for row in rows if row.state == State.PLANNED]
    holds = held(
        tx,
        campaign_ids={row.campaign_id for row in planned if row.campaign_id is not None},
        due={row.id for row in planned},
    )
    runs = []
    for row in rows:
        run = Run(row.id, row.run)
        is_ready = waits.is_over(run.name, row.retry_at, row.retry_seconds, real)
        is_undo = row.state == State.UNDOING and row.lease is None
        if is_ready and (is_undo or (row.state == State.PLANNED and row.id not in holds)):
            runs.append(run)
    return runs


def _held(tx: Connection) -> list[tuple[UUID, str]]:
    query = select(actions.c.id, actions.c.lease).where(
        actions.c.state.in_((State.RUNNING, State.UNDOING)), actions.c.lease.is_not(None)
    )
    return [(row.id, row.lease) for row in tx.execute(query)]


def _renew(house: Surroundings, run: Run) -> None:
    """Give a run that was begun and never took its action a new number, so that it begins."""
    with house.db.write() as tx:
        tx.execute(
            update(actions)
            .where(
                actions.c.id == run.action_id,
                actions.c.run == run.number,
                actions.c.lease.is_(None),
                actions.c.state.in_((State.PLANNED, State.UNDOING)),
            )
            .values(run=actions.c.run + 1)
        )


def _free(house: Surroundings, action_id: UUID, lease: str) -> None:
    with house.db.write() as tx:
        tx.execute(
            update(actions)
            .where(actions.c.id == action_id, actions.c.lease == lease)
            .values(run=actions.c.run + 1, lease=None, state=_free_state(tx, action_id))
        )


def _free_state(tx: Connection, action_id: UUID) -> State:
    row = tx.execute(select(actions.c.state).where(actions.c.id == action_id)).one()
    return State.UNDOING if row.state == State.UNDOING else State.PLANNED


def run(house: Surroundings, stopping: threading.Event) -> None:
    """Run a worker over a house until ``stopping`` is set, and take care of its facts."""
    facts = [
        Chore("sealing facts", SEALING, lambda _real: seal(house.db, house.lake)),
        Chore("tending facts", TENDING, lambda _real: tend(house.db, house.lake)),
    ]
    # Apart: whoever seals may wait for the lake for long, and what is over ends all the same.
    rewards = [
        Chore("counting holds anew", RECOUNTING, lambda _real: _count_anew(house)),
        Chore("looking after rewards", UPKEEP, lambda real: _look_after(house, real)),
    ]
    threads = [
        threading.Thread(target=_care, args=(house, stopping, chores), name=name, daemon=True)
        for name, chores in (("facts", facts), ("rewards", rewards))
    ]
    for thread in threads:
        thread.start()
    try:
        Worker(house, stopping).run()
    finally:
        stopping.set()
        # Sealing stands being cut off at any point; a clean stop does not wait for long.
        for thread in threads:
            thread.join(1.0)


def _care(house: Surroundings, stopping: threading.Event, chores: Sequence[Chore]) -> None:
    while not stopping.wait(1.0):
        for chore in chores:
            chore.turn(house.real_now)


def _tiers(house: Surroundings, shop: Shop, now: datetime) -> TierOf:
    return tiers_by(house.facts, shop=shop, now=now)


def _count_anew(house: Surroundings) -> None:
    with house.db.read() as tx:
        shops = all_shops(tx)
    all_in_turn(
        "counting holds anew",
        [partial(count_anew, house.db, shop=shop, real_now=house.real_now) for shop in shops],
    )


def _look_after(house: Surroundings, real: datetime) -> None:
    with house.db.read() as tx:
        shops = all_shops(tx)
    all_in_turn("upkeep", [partial(_look_after_one, house, shop, real) for shop in shops])


def _look_after_one(house: Surroundings, shop: Shop, real: datetime) -> int:
    now = shop.now(real)
    tiers = partial(_tiers, house, shop, now)
    return look_after_rewards(house.db, shop=shop, now=now, tiers=tiers)
