"""Carrying out one action: take it, do or undo it step by step, write down how it ended.

A run is named ``<action id>:<run number>``; it may be begun any number of times, by any worker.
Whoever takes the action last holds it; a worker that lost it is refused at its next step.
"""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import Connection, Select, insert, select, update

from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_audit
from springtide.domain.access.queries import shop_by_id
from springtide.flows.timeline.action import KINDS, Interrupted, PhaseAction, Surroundings
from springtide.flows.timeline.holding import held
from springtide.flows.timeline.model import OPEN_STATES, Action, State, Trouble
from springtide.flows.timeline.store import actions, steps, to_action
from springtide.flows.timeline.troubles import UnknownKind, trouble_of, verdict_of
from springtide.kit.canonical import to_json
from springtide.kit.errors import N_
from springtide.kit.ids import outward

#: How a run of an action ends, as it is audited; none ends running.
ENDED: Mapping[State, AuditAction] = {
    State.DONE: AuditAction("action.done", N_("Action done"), AuditGroup.TIMELINE),
    State.UNDONE: AuditAction("action.undone", N_("Action undone"), AuditGroup.TIMELINE),
    State.CANCELLED: AuditAction(
        "action.cancelled", N_("Action stopped before it began"), AuditGroup.TIMELINE
    ),
    State.FAILED: AuditAction("action.failed", N_("Action failed"), AuditGroup.TIMELINE),
    State.NEEDS_PERSON: AuditAction(
        "action.needs_person", N_("Action needs a person"), AuditGroup.TIMELINE
    ),
    State.PLANNED: AuditAction(
        "action.planned", N_("Action failed and is tried again"), AuditGroup.TIMELINE
    ),
    State.UNDOING: AuditAction(
        "action.undoing", N_("Undo of an action failed and is tried again"), AuditGroup.TIMELINE
    ),
}

T = TypeVar("T")
WORKER = Actor("worker", "worker", "Springtide")
_log = logging.getLogger(__name__)


class Lost(BaseException):
    """Another worker holds the action now; this one lets go of it without a trace."""


class Stopped(Exception):
    """A withdrawal asked the action to stop; what is done is undone from the journal."""


@dataclass(frozen=True, slots=True)
class Run:
    """One start of one action."""

    action_id: UUID
    number: int

    @property
    def name(self) -> str:
        """The name of the durable run."""
        return f"{self.action_id}:{self.number}"

    @classmethod
    def of(cls, name: str) -> "Run":
        """Read the name of a durable run."""
        action_id, _, number = name.partition(":")
        return cls(UUID(action_id), int(number))


@dataclass(eq=False)
class ActionContext:
    """What an action finds around it while it runs (``protocol.Context``)."""

    house: Surroundings
    shop: Shop
    action: Action
    lease: str
    is_undo: bool
    stopping: threading.Event
    actor: Actor = WORKER

    @property
    def action_id(self) -> UUID:
        """The action's id."""
        return self.action.id

    @property
    def campaign_id(self) -> UUID | None:
        """The campaign that the action belongs to."""
        return self.action.campaign_id

    @cached_property
    def member(self) -> type[PhaseAction]:
        """The class of the action's kind."""
        try:
            return KINDS[self.action.kind]
        except KeyError as error:
            raise UnknownKind(self.action.kind) from error

    @cached_property
    def params(self) -> Any:
        """The parameters, in the kind's own type."""
        return msgspec.convert(dict(self.action.params), self.member.params)

    @property
    def now(self) -> datetime:
        """The shop's time at this moment."""
        with self.house.db.read() as tx:
            self.shop = shop_by_id(tx, shop_id=self.shop.id)  # its clock may have been set
        return self.house.now(self.shop)

    def step(self, name: str, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction, once for this action, direction and name."""
        with self.house.db.write() as tx:
            row = self._held(tx)
            kept = tx.execute(self._kept(name)).first()
            if kept is not None:
                kept_result: T = kept.result
                return kept_result
            if row.is_stopping and not self.is_undo:
                raise Stopped
            result: T = json.loads(to_json(work(tx)))
            tx.execute(
                insert(steps).values(
                    action_id=self.action.id,
                    direction=self._direction,
                    name=name,
                    result=result,
                    done_at=self.now,
                )
            )
        return result

    def kept(self, name: str) -> Any:
        """Return the kept result of a step that was done before, else None."""
        with self.house.db.read() as tx:
            row = tx.execute(self._kept(name)).first()
        return row.result if row else None

    def checkpoint(self) -> None:
        """Go on only while this worker holds the action and nobody asked it to stop."""
        with self.house.db.read() as tx:
            row = tx.execute(
                select(actions.c.lease, actions.c.is_stopping).where(actions.c.id == self.action.id)
            ).one()
        if self.stopping.is_set():
            raise Interrupted
        if row.lease != self.lease:
            raise Lost
        if row.is_stopping and not self.is_undo:
            raise Stopped

    @property
    def turn(self) -> str:
        """The name of this taking up of the action."""
        return self.lease.rpartition("#")[2]

    def hold(self, tx: Connection) -> None:
        """Keep the action till the transaction ends."""
        self._held(tx)

    def report(self, done: int, total: int, text: str = "") -> None:
        """Keep how far the action is, for the pages."""
        with self.house.db.write() as tx:
            self._held(tx)
            tx.execute(
                update(actions)
                .where(actions.c.id == self.action.id)
                .values(progress_done=done, progress_total=total, progress_text=text[:200])
            )

    def pause(self, seconds: float) -> None:
        """Wait in real time; raises Interrupted when the worker stops meanwhile."""
        if self.stopping.wait(seconds):
            raise Interrupted

    def settle_other(self, action_id: UUID) -> None:
        """Let another action of the campaign, told to stop, write down what it had done."""
        self._carry_other(action_id, is_undo=False)

    def undo_other(self, action_id: UUID) -> Trouble | None:
        """Undo another action of the campaign as part of this one; return what went wrong."""
        return self._carry_other(action_id, is_undo=True)

    def _carry_other(self, action_id: UUID, *, is_undo: bool) -> Trouble | None:
        try:
            other = _take(
                self.house, action_id, lease=self.lease, stopping=self.stopping, is_undo=is_undo
            )
            return _carry(other) if other else None
        except Lost:
            return Trouble("passing", N_("Another worker has this action in its hands."))

    @property
    def _direction(self) -> str:
        return "undo" if self.is_undo else "do"

    def _kept(self, name: str) -> Select[Any]:
        return select(steps.c.result).where(
            steps.c.action_id == self.action.id,
            steps.c.direction == self._direction,
            steps.c.name == name,
        )

    def _held(self, tx: Connection) -> Any:
        if self.stopping.is_set():
            raise Interrupted
        row = tx.execute(
            select(actions.c.lease, actions.c.is_stopping)
            .where(actions.c.id == self.action.id)
            .with_for_update()
        ).one()
        if row.lease != self.lease:
            raise Lost
        return row


def carry(
    house: Surroundings, name: str, stopping: threading.Event, *, holder: str = "nobody"
) -> None:
    """Carry out one run to its end; called again after a kill, it does what is left.

    ``holder`` names the worker in the lease: when that worker is gone, the lease is void. Raises
    Interrupted, with all that was done kept, when the worker stops meanwhile; and what kept it
    from writing down how the run ended: then the lease stays, and whoever finds it frees it.
    """
    run = Run.of(name)
    lease = f"{name}#{holder}.{uuid4().hex[:8]}"
    try:
        context = _take(house, run.action_id, lease=lease, stopping=stopping, number=run.number)
        if context is not None:
            _carry(context)
    except Lost:
        _log.warning("action %s went on with another worker", outward("act", run.action_id))


def _take(
    house: Surroundings,
    action_id: UUID,
    *,
    lease: str,
    stopping: threading.Event,
    number: int | None = None,
    is_undo: bool = False,
) -> ActionContext | None:
    """Take an action up under a lease; None when nothing is left to do.

    With a run's ``number`` only that run's business is taken; without one the action changes
    hands, to be done or undone as part of another, and runs begun before are void.
    """
    if stopping.is_set():
        raise Interrupted
    with house.db.write() as tx:
        row = tx.execute(select(actions).where(actions.c.id == action_id).with_for_update()).first()
        if row is None:
            return None
        values: dict[str, Any] = {"lease": lease, "retry_at": None}
        if number is None:
            values["run"] = row.run + 1
        elif row.run != number or row.state not in OPEN_STATES:
            return None
        elif row.state == State.PLANNED and _is_held(tx, row):
            # Somebody undid what it needs since it was found due: it waits, and begins as another.
            tx.execute(update(actions).where(actions.c.id == row.id).values(run=row.run + 1))
            return None
        else:
            is_undo = row.state == State.UNDOING
        values["state"] = State.UNDOING if is_undo else State.RUNNING
        shop = shop_by_id(tx, shop_id=row.shop_id)
        if row.started_at is None:
            values["started_at"] = house.now(shop)
        tx.execute(update(actions).where(actions.c.id == row.id).values(**values))
        taken = to_action(tx.execute(select(actions).where(actions.c.id == row.id)).one())
    return ActionContext(house, shop, taken, lease, is_undo, stopping)


def _is_held(tx: Connection, row: Any) -> bool:
    return row.campaign_id is not None and row.id in held(tx, campaign_ids={row.campaign_id})


def _carry(context: ActionContext) -> Trouble | None:
    try:
        member = context.member()
        receipt = context.action.receipt
        if context.is_undo:
            member.undo(context, receipt)
        else:
            if not _has_begun(context):
                member.check(context, context.params)
            receipt = member.do(context, context.params)
    except Stopped:
        _finish_stopped(context)
        return None
    except Exception as error:
        return _fail(context, error)
    _finish(context, receipt)
    return None


def _has_begun(context: ActionContext) -> bool:
    """Tell whether a step was done before: then checking again would look at its own effects."""
    with context.house.db.read() as tx:
        return has_steps(tx, action_id=context.action.id)


def has_steps(tx: Connection, *, action_id: UUID) -> bool:
    """Tell whether an action has done anything."""
    found = tx.execute(
        select(steps.c.name)
        .where(steps.c.action_id == action_id, steps.c.direction == "do")
        .limit(1)
    ).first()
    return found is not None


def _finish(context: ActionContext, receipt: Any) -> None:
    at = context.now
    values: dict[str, Any] = {"lease": None, "error": None}
    if context.is_undo:
        values |= {"state": State.UNDONE, "undone_at": at}
    else:
        values |= {"state": State.DONE, "done_at": at, "receipt": receipt}
    _end(context, values, outcome=values["state"])


def _finish_stopped(context: ActionContext) -> None:
    at = context.now
    with context.house.db.read() as tx:
        begun = has_steps(tx, action_id=context.action.id)
    # What sends in batches of its own keeps no journal: it was running, so there may be traces.
    begun = begun or context.member.is_long
    state = State.DONE if begun else State.CANCELLED
    _end(context, {"state": state, "lease": None, "done_at": at}, outcome=state)


def _end(
    context: ActionContext,
    values: dict[str, Any],
    *,
    outcome: State,
    is_told: bool = True,
) -> None:
    action = context.action
    with context.house.db.write() as tx:
        ended = tx.execute(
            update(actions)
            .where(actions.c.id == action.id, actions.c.lease == context.lease)
            .values(**values, ended_at=context.house.real_now())
            .returning(actions.c.id)
        ).first()
        if ended is None:
            raise Lost
        if not is_told:
            return
        record_audit(
            tx,
            shop=context.shop,
            actor=context.actor,
            action=ENDED[outcome],
            subject=outward("act", action.id),
            before={"state": action.state},
            after={"state": outcome, "kind": action.kind},
        )


def _fail(context: ActionContext, error: Exception) -> Trouble:
    """Write down a failure: tried again after a wait, given up, or handed to a person."""
    is_undo = context.is_undo
    trouble = trouble_of(error, is_undo)
    verdict = verdict_of(error, context.action.attempts)
    values: dict[str, Any] = {"error": trouble.to_json(), "lease": None}
    values |= {"attempts": verdict.attempts, "run": context.action.run + 1}
    if verdict.wait is None:
        values["state"] = verdict.state
    else:
        values["state"] = State.UNDOING if is_undo else State.PLANNED
        values["retry_at"] = context.house.real_now() + verdict.wait
        values["retry_seconds"] = verdict.wait.total_seconds()
    if verdict.is_ours:
        _log.error("action %s failed", outward("act", context.action.id), exc_info=error)
    # An outage may last for hours: it is no deed to be told again and again.
    is_told = verdict.attempts > context.action.attempts
    _end(context, values, outcome=values["state"], is_told=is_told)
    return trouble
