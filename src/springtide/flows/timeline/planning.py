"""The timeline as pages and commands use it: plan, look, cancel, try again, withdraw."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, delete, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.operations import record_act
from springtide.domain.campaigns.model import Campaign, PhaseKind
from springtide.domain.campaigns.operations import mark_scheduled
from springtide.flows.timeline.holding import opening
from springtide.flows.timeline.model import (
    JOB_PHASE,
    OPEN_STATES,
    WITHDRAW,
    Action,
    NotCancellable,
    NotRetryable,
    NotUndoable,
    Plan,
    State,
)
from springtide.flows.timeline.store import actions, steps, to_action
from springtide.kit.errors import N_, Conflict, NotFound
from springtide.kit.ids import outward, uuid7

PLANNED = AuditAction("action.plan", N_("Action planned"), AuditGroup.TIMELINE)
WITHDRAWAL_ASKED = AuditAction("action.withdraw", N_("Withdrawal asked for"), AuditGroup.TIMELINE)
CANCEL_ASKED = AuditAction(
    "action.cancel", N_("Action taken off the timeline"), AuditGroup.TIMELINE
)
UNDO_ASKED = AuditAction("action.undo", N_("Undo of an action asked for"), AuditGroup.TIMELINE)
RETRY_ASKED = AuditAction(
    "action.retry", N_("Another try of an action asked for"), AuditGroup.TIMELINE
)

#: States from which planning the same thing again starts afresh.
_OVER = (State.CANCELLED, State.UNDONE, State.FAILED)
SEND_OUTREACH = "send_outreach"
#: The phase that letters go out in.
LETTERS_PHASE = PhaseKind.WARM_UP


class CampaignOver(Conflict):
    """A sale whose day is over cannot be put on the timeline."""

    code = "campaign_over"
    text = N_("“{name}” is over already; plan a new campaign instead.")


def plan(
    act: Act, *, campaign_id: UUID | None, plans: Iterable[Plan], restarts: bool = True
) -> list[Action]:
    """Plan actions; one already planned gets the new time, one that began is left alone.

    One that is over (cancelled, undone, failed) ``restarts``; without that it stays over, and
    only has the new time should somebody put it back.
    """
    return [
        _plan_one(act, campaign_id=campaign_id, entry=entry, restarts=restarts)
        for entry in plans
    ]  # fmt: skip


def schedule(act: Act, *, campaign: Campaign) -> list[Action]:
    """Put a campaign on the timeline as its plan says; again after a change moves what waits.

    Refuses a campaign whose day is over. A withdrawn campaign comes back this way.
    """
    if campaign.selling.ends_at <= act.now:
        raise CampaignOver(name=campaign.name)
    is_on = campaign.scheduled_at is not None and campaign.withdrawn_at is None
    mark_scheduled(act, campaign_id=campaign.id)
    return plan(
        act,
        campaign_id=campaign.id,
        plans=plans_of(campaign),
        # Whoever edits the plan of a sale that is on has not said that what was cancelled may go.
        restarts=not is_on,
    )


def plans_of(campaign: Campaign) -> list[Plan]:
    """Return what the system does by itself in a campaign, at which instants.

    Each phase is opened by the actions that say so, at its first instant; at the end of the day
    the sale is withdrawn.
    """
    opened = [(phase, kind) for phase in PhaseKind for kind in opening(phase)]
    plans = [
        Plan(phase, kind, campaign.window(phase).starts_at, position=position)
        for position, (phase, kind) in enumerate(opened)
    ]
    withdrawal = Plan(PhaseKind.AFTER, WITHDRAW, campaign.selling.ends_at, position=len(plans))
    return [*plans, withdrawal]


def gated_phases() -> list[PhaseKind]:
    """Return the phases in which the system does something that a task can hold back."""
    return [phase for phase in PhaseKind if phase == LETTERS_PHASE or opening(phase)]


def plan_outreach(
    act: Act, *, campaign: Campaign, outreach_id: UUID, at: datetime | None = None
) -> Action:
    """Plan the sending of an outreach: at an instant, else when the warm-up begins, else now."""
    due_at = at or max(act.now, campaign.window(LETTERS_PHASE).starts_at)
    entry = Plan(
        LETTERS_PHASE,
        SEND_OUTREACH,
        due_at,
        target=str(outreach_id),
        params={"outreach_id": str(outreach_id)},
    )
    return _plan_one(act, campaign_id=campaign.id, entry=entry)


def enqueue(
    act: Act,
    *,
    kind: str,
    params: dict[str, Any],
    target: str = "",
    campaign_id: UUID | None = None,
) -> Action:
    """Hand a job to the worker for now; the same kind and target again is the same job.

    Without a target every call is a new job. One that needs a person is tried again: they asked.
    """
    entry = Plan(
        phase=JOB_PHASE,
        kind=kind,
        due_at=act.now,
        target=target or str(uuid7(act.now)),
        params=params,
    )
    job = _plan_one(act, campaign_id=campaign_id, entry=entry)
    if job.state == State.NEEDS_PERSON:
        return retry(act, action_id=job.id)
    return job


def withdraw_now(act: Act, *, campaign_id: UUID) -> Action:
    """Let the worker undo, from now on, all of a campaign that still holds."""
    found = act.tx.execute(
        _of_campaign(act.shop.id, campaign_id).where(
            actions.c.kind == WITHDRAW, actions.c.state.in_(OPEN_STATES)
        )
    ).first()
    if found is None:
        entry = Plan(phase="after", kind=WITHDRAW, due_at=act.now, target=str(uuid7(act.now)))
        return _plan_one(act, campaign_id=campaign_id, entry=entry)
    before = to_action(found)
    if before.state == State.PLANNED and before.due_at > act.now:
        act.tx.execute(update(actions).where(actions.c.id == before.id).values(due_at=act.now))
    return audited(act, before=before, what=WITHDRAWAL_ASKED)


def cancel(act: Act, *, action_id: UUID) -> Action:
    """Take a planned action off the timeline; refuse when it has begun."""
    before = action(act.tx, shop_id=act.shop.id, action_id=action_id)
    changed = act.tx.execute(
        update(actions)
        .where(actions.c.id == action_id, actions.c.state == State.PLANNED)
        .values(state=State.CANCELLED)
        .returning(actions.c.id)
    ).first()
    if changed is None:
        raise NotCancellable(state=before.state_label)
    return audited(act, before=before, what=CANCEL_ASKED)


def undo(act: Act, *, action_id: UUID) -> Action:
    """Let the worker undo one action that was done."""
    before = action(act.tx, shop_id=act.shop.id, action_id=action_id)
    changed = act.tx.execute(
        update(actions)
        .where(actions.c.id == action_id, actions.c.state == State.DONE)
        .values(state=State.UNDOING, run=actions.c.run + 1, attempts=0, lease=None, error=None)
        .returning(actions.c.id)
    ).first()
    if changed is None:
        raise NotUndoable(state=before.state_label)
    return audited(act, before=before, what=UNDO_ASKED)


def retry(act: Act, *, action_id: UUID) -> Action:
    """Try again what failed or needs a person; steps that were done stay done."""
    before = action(act.tx, shop_id=act.shop.id, action_id=action_id)
    if before.state not in (State.FAILED, State.NEEDS_PERSON):
        raise NotRetryable(state=before.state_label)
    is_undo = before.error is not None and before.error.is_undo
    act.tx.execute(
        update(actions)
        .where(actions.c.id == action_id, actions.c.state == before.state)
        .values(
            state=State.UNDOING if is_undo else State.PLANNED,
            attempts=0,
            error=None,
            retry_at=None,
            lease=None,
            is_stopping=False,
        )
    )
    return audited(act, before=before, what=RETRY_ASKED)


def action(tx: Connection, *, shop_id: UUID, action_id: UUID) -> Action:
    """Return an action of a shop; raises NotFound."""
    row = tx.execute(
        select(actions).where(actions.c.id == action_id, actions.c.shop_id == shop_id)
    ).first()
    if row is None:
        raise NotFound(what="action", key=outward("act", action_id))
    return to_action(row)


def actions_of(tx: Connection, *, shop_id: UUID, campaign_id: UUID) -> list[Action]:
    """Return a campaign's actions in the order of the timeline."""
    query = _of_campaign(shop_id, campaign_id).order_by(
        actions.c.due_at, actions.c.position, actions.c.id
    )
    return [to_action(row) for row in tx.execute(query)]


def jobs_of(
    tx: Connection, *, shop_id: UUID, kinds: Sequence[str], limit: int = 20
) -> list[Action]:
    """Return a shop's newest jobs of some kinds, newest first."""
    query = (
        select(actions)
        .where(actions.c.shop_id == shop_id, actions.c.kind.in_(kinds))
        .order_by(actions.c.created_at.desc(), actions.c.id.desc())
        .limit(limit)
    )
    return [to_action(row) for row in tx.execute(query)]


def unfinished_jobs(tx: Connection, *, kind: str) -> list[Action]:
    """Return the jobs of a kind, of all shops, that are still to be done or tried again."""
    states = (*OPEN_STATES, State.NEEDS_PERSON)
    query = select(actions).where(actions.c.kind == kind, actions.c.state.in_(states))
    return [to_action(row) for row in tx.execute(query)]


def audited(act: Act, *, before: Action, what: AuditAction, reason: str = "") -> Action:
    """Write down what was done to an action, and return it as it stands after it."""
    after = action(act.tx, shop_id=act.shop.id, action_id=before.id)
    told = {"state": after.state, "due_at": after.due_at.isoformat(), "kind": after.kind}
    record_act(
        act,
        action=what,
        subject=outward("act", before.id),
        before={"state": before.state, "due_at": before.due_at.isoformat()},
        after=told | ({"reason": reason} if reason else {}),
    )
    return after


def _of_campaign(shop_id: UUID, campaign_id: UUID) -> Select[Any]:
    return select(actions).where(actions.c.shop_id == shop_id, actions.c.campaign_id == campaign_id)


def _plan_one(act: Act, *, campaign_id: UUID | None, entry: Plan, restarts: bool = True) -> Action:
    key = f"{campaign_id or act.shop.id}/{entry.phase}/{entry.kind}/{entry.target}"
    row = act.tx.execute(select(actions).where(actions.c.unique_key == key)).first()
    if row is None:
        action_id = _insert(act, campaign_id=campaign_id, entry=entry, key=key)
        planned = action(act.tx, shop_id=act.shop.id, action_id=action_id)
        return audited(act, before=planned, what=PLANNED)
    values: dict[str, Any] = {
        "due_at": entry.due_at, "params": dict(entry.params), "position": entry.position
    }  # fmt: skip
    # What a withdrawal did is over too: there is nothing of it that could still hold.
    is_over = row.state in _OVER or (entry.kind == WITHDRAW and row.state == State.DONE)
    before = to_action(row)
    if is_over and restarts:
        values |= afresh(act.tx, before)
    elif before.is_planned_for(entry) or not (is_over or row.state == State.PLANNED):
        return before
    act.tx.execute(update(actions).where(actions.c.id == row.id).values(**values))
    return audited(act, before=before, what=PLANNED)


def afresh(tx: Connection, before: Action) -> dict[str, Any]:
    """Forget the steps of an action of which nothing holds; return the values it begins with."""
    tx.execute(delete(steps).where(steps.c.action_id == before.id))
    return {
        "state": State.PLANNED, "receipt": None, "attempts": 0, "error": None,
        "run": before.run + 1,
        "retry_at": None, "is_stopping": False, "lease": None, "progress_done": 0,
        "progress_total": 0, "progress_text": "", "started_at": None, "done_at": None,
        "undone_at": None, "ended_at": None, "waived_at": None,
    }  # fmt: skip


def _insert(act: Act, *, campaign_id: UUID | None, entry: Plan, key: str) -> UUID:
    action_id = uuid7(act.now)
    act.tx.execute(
        insert(actions).values(
            id=action_id,
            shop_id=act.shop.id,
            campaign_id=campaign_id,
            phase=entry.phase,
            kind=entry.kind,
            target=entry.target,
            params=dict(entry.params),
            due_at=entry.due_at,
            position=entry.position,
            state=State.PLANNED,
            unique_key=key,
            attempts=0,
            run=0,
            is_stopping=False,
            progress_done=0,
            progress_total=0,
            progress_text="",
            planned_by=asdict(act.actor),
            created_at=act.now,
        )
    )
    return action_id
