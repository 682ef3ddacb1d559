"""The actions of a campaign: what each is at, what holds it, what a person may do about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from litestar import Response, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.campaigns.model import Campaign
from springtide.flows.timeline import planning, waiving
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.holding import Hold
from springtide.flows.timeline.model import Action, State
from springtide.kit import ids
from springtide.kit.errors import N_, NotFound
from springtide.kit.i18n import translate
from springtide.web.campaigns.forms import address, campaign_of
from springtide.web.frame.forms import AnyRequest, Posted
from springtide.web.frame.render import see_other, view_of

_HERE = "/shops/{shop:str}/campaigns/{campaign:str}"
#: The verb that mends an action which holds others, by the state that it stands in.
_MENDS = {
    State.FAILED: "retry",
    State.NEEDS_PERSON: "retry",
    State.CANCELLED: "plan",
    State.UNDONE: "plan",
}
_Held = Mapping[UUID, tuple[Hold, ...]]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action as the page lists it; ``held_by`` names what it waits for."""

    action: Action
    label: str
    receipt: tuple[str, int] | None
    held_by: tuple[str, ...]
    is_held: bool

    @property
    def key(self) -> str:
        """The id as the outside sees it."""
        return ids.outward("act", self.action.id)


@dataclass(frozen=True, slots=True)
class Blocker:
    """An action or a task that holds others back: what waits, and the verb that mends it.

    ``mend`` is "" for a task, and for an action that may still come through by itself.
    """

    name: str
    key: str
    waiting: tuple[str, ...]
    is_task: bool
    mend: str = ""
    action: Action | None = None


def rows_of(actions: Sequence[Action], held: _Held, now: datetime) -> list[ActionRow]:
    """Return the rows of the list of actions."""
    return [
        ActionRow(
            action,
            label_of(action),
            _receipt(action),
            held_by=tuple(name_of(hold) for hold in held.get(action.id, ())),
            is_held=action.id in held and action.due_at <= now,
        )
        for action in actions
    ]


def blockers_of(actions: Sequence[Action], held: _Held, now: datetime) -> list[Blocker]:
    """Return what holds actions back that are due, or that will not go without a person.

    A task that is to be done in time, and still can be, is none.
    """
    holds = {hold.id: hold for found in held.values() for hold in found}
    blockers = []
    for hold in holds.values():
        waiting = [each for each in actions if hold in held.get(each.id, ())]
        if hold.task and all(each.due_at > now for each in waiting):
            continue
        labels = tuple(label_of(each) for each in waiting)
        if hold.task:
            blockers.append(Blocker(name_of(hold), hold.task.key, labels, is_task=True))
        elif hold.action:
            key, mend = ids.outward("act", hold.id), _MENDS.get(hold.action.state, "")
            blockers.append(Blocker(name_of(hold), key, labels, False, mend, hold.action))
    return blockers


def name_of(hold: Hold) -> str:
    """Return what holds is called: an action by our words, a task as it was typed."""
    return label_of(hold.action) if hold.action else hold.task.title if hold.task else ""


def label_of(action: Action) -> str:
    """Return what an action is called, in English."""
    kind = KINDS.get(action.kind)
    return kind.label if kind else action.kind


@post(
    f"{_HERE}/actions/{{action:str}}/{{verb:str}}",
    opt={"access": Needs(Permission.CAMPAIGNS_WRITE)},
    sync_to_thread=True,
)
def campaign_action(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: str,
    action: str,
    verb: str,
    data: Posted,
) -> Response[Any]:
    """Cancel, undo, try again or put back one action."""
    if verb not in _VERBS:
        raise NotFound(what="page", key=verb[:40])
    do, message = _VERBS[verb]

    def work(tx: Connection) -> Campaign:
        found = campaign_of(tx, member, campaign)
        do(tx, member, found, ids.inward("act", action), house.now(member.shop))
        return found

    found = house.db.run(work)
    return _back(request, member, found, message)


@post(
    f"{_HERE}/waive/{{blocker:str}}",
    opt={"access": Needs(Permission.HOLDS_WAIVE)},
    sync_to_thread=True,
)
def campaign_waive(
    request: AnyRequest, house: House, member: Member, campaign: str, blocker: str, data: Posted
) -> Response[Any]:
    """Let a sale go on without an action or a task, for a reason."""
    kind = "tsk" if blocker.startswith("tsk_") else "act"

    def work(tx: Connection) -> Campaign:
        found = campaign_of(tx, member, campaign)
        waiving.waive(
            Act.of(tx, member.shop, member.actor),
            campaign=found,
            blocker_id=ids.inward(kind, blocker),
            reason=str(data.get("reason", "")),
        )
        return found

    found = house.db.run(work)
    return _back(request, member, found, N_("The sale goes on without it."))


def _cancel(tx: Connection, member: Member, _of: Campaign, action: UUID, now: datetime) -> None:
    planning.cancel(Act.of(tx, member.shop, member.actor, now), action_id=action)


def _undo(tx: Connection, member: Member, _of: Campaign, action: UUID, now: datetime) -> None:
    planning.undo(Act.of(tx, member.shop, member.actor, now), action_id=action)


def _retry(tx: Connection, member: Member, _of: Campaign, action: UUID, now: datetime) -> None:
    planning.retry(Act.of(tx, member.shop, member.actor, now), action_id=action)


def _plan(tx: Connection, member: Member, of: Campaign, action: UUID, now: datetime) -> None:
    waiving.put_back(Act.of(tx, member.shop, member.actor, now), campaign=of, action_id=action)


_VERBS = {
    "cancel": (_cancel, N_("The action was cancelled.")),
    "undo": (_undo, N_("The action is being undone.")),
    "retry": (_retry, N_("The action will be tried again.")),
    "plan": (_plan, N_("The action is on the timeline again.")),
}


def _back(request: AnyRequest, member: Member, campaign: Campaign, message: str) -> Response[Any]:
    language = view_of(request, member).language
    return see_other(address(member, campaign), message=translate(message, language))


def _receipt(action: Action) -> tuple[str, int] | None:
    """Return what an action's receipt comes to: a text with one number."""
    receipt = action.receipt
    if not isinstance(receipt, dict):
        return None
    texts = {
        "before": N_("{n} prices set"),
        "rules": N_("{n} rules on"),
        "rewards": N_("{n} rewards published"),
        "undone": N_("{n} actions undone"),
    }
    for name, text in texts.items():
        if isinstance(receipt.get(name), dict | list):
            return text, len(receipt[name])
    return None


routes = [campaign_action, campaign_waive]
