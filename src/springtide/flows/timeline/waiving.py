"""What a person does about a hold: put a cancelled action back, or go on without what holds."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.campaigns import tasks
from springtide.domain.campaigns.model import Campaign, Waiver
from springtide.domain.campaigns.queries import shut_gates
from springtide.domain.campaigns.tasks import HoldsNothing
from springtide.flows.timeline.holding import Hold, causes, held
from springtide.flows.timeline.model import Action, State
from springtide.flows.timeline.planning import PLANNED, CampaignOver, action, afresh, audited
from springtide.flows.timeline.store import actions
from springtide.kit.errors import N_, Conflict, Refusal
from springtide.kit.text import text_problem

WAIVED = AuditAction("action.waive", N_("Sale went on without an action"), AuditGroup.TIMELINE)
REASON_LENGTH_MAX = 300


class ReasonMissing(Refusal):
    """A sale that goes on without something, and nobody says why."""

    code = "waiver_reason"
    text = N_("Say why the sale goes on without it, in at most {length_max} characters.")


class NotOnTimeline(Conflict):
    """Only a cancelled or undone action of a scheduled sale can be put back."""

    code = "action_not_plannable"
    text = N_("Only a cancelled or undone action of a scheduled sale can be put back.")


def held_back(tx: Connection, *, campaign_id: UUID) -> dict[UUID, tuple[Hold, ...]]:
    """Return what holds back each action of a campaign and does not end by itself."""
    return causes(held(tx, campaign_ids=[campaign_id]))


def waive(act: Act, *, campaign: Campaign, blocker_id: UUID, reason: str) -> None:
    """Let what waits for an action or task go on without it; an owner's word, in the audit log.

    Refuses where it holds nothing back (any more), and without a reason. The action itself stays
    as it is and can still be tried again.
    """
    reason = reason.strip()
    if text_problem(reason, length_max=REASON_LENGTH_MAX, is_needed=True):
        raise ReasonMissing(length_max=REASON_LENGTH_MAX)
    waiver = Waiver(act.actor.name[:200], reason, act.real_now)
    found = [
        hold for holds in held_back(act.tx, campaign_id=campaign.id).values() for hold in holds
    ]
    # A task may be waived before anything of its phase is planned, too.
    shut = {task.id for task in shut_gates(act.tx, campaign_ids=[campaign.id])}
    if blocker_id in shut:
        tasks.waive(act, campaign_id=campaign.id, task_id=blocker_id, waiver=waiver)
        return
    if blocker_id not in {hold.id for hold in found}:
        raise HoldsNothing
    before = action(act.tx, shop_id=act.shop.id, action_id=blocker_id)
    act.tx.execute(update(actions).where(actions.c.id == blocker_id).values(**waiver.columns()))
    audited(act, before=before, what=WAIVED, reason=reason)


def put_back(act: Act, *, campaign: Campaign, action_id: UUID) -> Action:
    """Plan an action again that was cancelled or undone, for the time it had."""
    if campaign.selling.ends_at <= act.now:
        raise CampaignOver(name=campaign.name)
    before = action(act.tx, shop_id=act.shop.id, action_id=action_id)
    is_over = before.state in (State.CANCELLED, State.UNDONE)
    is_on = campaign.scheduled_at is not None and campaign.withdrawn_at is None
    if not (is_over and is_on and before.campaign_id == campaign.id):
        raise NotOnTimeline
    values: dict[str, Any] = afresh(act.tx, before)
    changed = act.tx.execute(
        update(actions)
        .where(actions.c.id == action_id, actions.c.state == before.state)
        .values(**values)
        .returning(actions.c.id)
    ).first()
    if changed is None:
        raise NotOnTimeline
    return audited(act, before=before, what=PLANNED)
