"""Withdraw: undo all of a campaign that still holds, the last thing done first."""

import time
from typing import Any, ClassVar

import msgspec
from sqlalchemy import and_, select, update

from springtide.domain.access.act import Act
from springtide.domain.campaigns.operations import mark_withdrawn
from springtide.flows.timeline.action import KINDS, Context, campaign_of
from springtide.flows.timeline.model import JOB_PHASE, WITHDRAW, Action, State
from springtide.flows.timeline.runner import has_steps
from springtide.flows.timeline.store import actions, to_action
from springtide.kit.errors import N_, NeedsPersonError, PassingError

#: What has not begun, or could not: without traces nothing of it is left to undo.
_WAITING = (State.PLANNED, State.NEEDS_PERSON, State.FAILED)
#: How long a running action may take to notice that it is to stop, before this is tried later.
_PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.05


class WithdrawParams(msgspec.Struct):
    """Nothing to choose."""


class Withdraw:
    """Stops what runs, cancels what waits, undoes what was done; itself it is not undone.

    Begun again after a crash it goes on with what still holds.
    """

    kind: ClassVar[str] = WITHDRAW
    label: ClassVar[str] = N_("Withdraw the sale")
    params: ClassVar[type] = WithdrawParams
    is_long: ClassVar[bool] = False
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: WithdrawParams) -> None:
        """A sale can always be withdrawn."""

    def do(self, context: Context, params: WithdrawParams) -> Any:
        """Undo in reverse; the receipt lists what was undone."""
        campaign_id = campaign_of(context)
        context.step(
            "mark",
            lambda tx: _none(
                mark_withdrawn(Act.of(tx, context.shop, context.actor), campaign_id=campaign_id)
            ),
        )
        _call_off(context)
        _wait_for_running(context)
        for action in _standing(context):
            if action.state == State.PLANNED:
                context.settle_other(action.id)
        left = _standing(context)
        troubles = []
        for number, action in enumerate(left):
            context.report(number, len(left), action.kind)
            context.checkpoint()
            troubles.append(context.undo_other(action.id))
        context.report(len(left), len(left))
        if any(trouble and trouble.code in ("passing", "internal") for trouble in troubles):
            raise PassingError
        wrong = sum(trouble is not None for trouble in troubles)
        if wrong:
            raise NeedsPersonError(f"{wrong} / {len(left)}")
        return {"undone": [str(action.id) for action in left]}

    def undo(self, context: Context, receipt: Any) -> None:
        """Nothing: a sale comes back by being scheduled again."""


def _none(_value: object) -> None:
    """Keep nothing in the journal."""


def _rows(context: Context) -> list[Action]:
    query = select(actions).where(
        actions.c.campaign_id == campaign_of(context),
        actions.c.kind != WITHDRAW,
        actions.c.phase != JOB_PHASE,
    )
    with context.house.db.read() as tx:
        return [to_action(row) for row in tx.execute(query)]


def _has_traces(context: Context, action: Action) -> bool:
    # What sends in batches of its own keeps no journal: once begun, it may have left traces.
    if action.attempts and action.kind in KINDS and KINDS[action.kind].is_long:
        return True
    with context.house.db.read() as tx:
        return has_steps(tx, action_id=action.id)


def _call_off(context: Context) -> None:
    """Cancel what waits; tell what runs, or waits to be tried again, to stop."""
    other = and_(
        actions.c.campaign_id == campaign_of(context),
        actions.c.phase != JOB_PHASE,
        actions.c.id != context.action_id,
    )
    for action in _rows(context):
        if action.state in _WAITING and not _has_traces(context, action):
            values: dict[str, Any] = {"state": State.CANCELLED}
        else:
            values = {"is_stopping": True}
        with context.house.db.write() as tx:
            tx.execute(
                update(actions)
                .where(actions.c.id == action.id, actions.c.state == action.state)
                .values(**values)
            )
    with context.house.db.write() as tx:
        # Another withdrawal, planned for later, has nothing to do any more.
        tx.execute(
            update(actions)
            .where(other, actions.c.kind == WITHDRAW, actions.c.state == State.PLANNED)
            .values(state=State.CANCELLED)
        )


def _wait_for_running(context: Context) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while any(action.state == State.RUNNING for action in _rows(context)):
        if time.monotonic() > deadline:
            raise PassingError
        _call_off(context)
        context.pause(_LOOK_SECONDS)


def _standing(context: Context) -> list[Action]:
    """Return what still holds or may have left traces, the last thing done first."""
    over = (State.UNDONE, State.CANCELLED)
    held = [
        action
        for action in _rows(context)
        if action.state in (State.DONE, State.UNDOING)
        or (action.state not in over and _has_traces(context, action))
    ]
    # What never ended may still be at it, so it is undone first.
    return sorted(
        held,
        key=lambda one: (one.ended_at is None, one.ended_at or one.due_at, one.position, one.id),
        reverse=True,
    )
