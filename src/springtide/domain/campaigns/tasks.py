"""Writes of a campaign's tasks: added, changed, ticked, done."""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_act
from springtide.domain.campaigns.model import NewTask, PhaseKind, Task, Waiver
from springtide.domain.campaigns.queries import campaign_tasks
from springtide.domain.campaigns.store import campaigns, checklist_items
from springtide.domain.campaigns.store import tasks as table
from springtide.kit import ids
from springtide.kit.errors import N_, Conflict, Invalid, NotFound, Refusal

ADDED = AuditAction("task.added", N_("Task added"), AuditGroup.TASKS)
REMOVED = AuditAction("task.removed", N_("Task removed"), AuditGroup.TASKS)
TICKED = AuditAction("task.ticked", N_("Line of a task ticked, or no longer"), AuditGroup.TASKS)
GATED = AuditAction("task.gated", N_("Task set to hold a phase, or no longer"), AuditGroup.TASKS)
WAIVED = AuditAction("task.waived", N_("Phase opened without a task"), AuditGroup.TASKS)
FINISHED = AuditAction("task.finished", N_("Task finished, or open again"), AuditGroup.TASKS)

TITLE_LENGTH_MAX = 200
LINE_LENGTH_MAX = 300
LINES_MAX = 50


class TaskTitle(Refusal):
    """A task without a title, or with one too long to show."""

    code = "task_title"
    text = N_("A task needs a title of 1 to {limit} characters.")


class ChecklistTooLong(Refusal):
    """A checklist nobody ticks to its end."""

    code = "checklist_too_long"
    text = N_("A checklist may have {limit} lines of {length} characters.")


class HoldsNothing(Conflict):
    """Nothing waits for it, so there is nothing to go on without."""

    code = "holds_nothing"
    text = N_("Nothing waits for this any more.")


def add_task(act: Act, *, campaign_id: UUID, task: NewTask) -> UUID:
    """Add a task to a campaign; return its id."""
    _refuse_bad(task)
    _refuse_unknown(act.tx, act.shop, campaign_id)
    task_id = ids.uuid7(act.now)
    act.tx.execute(
        insert(table).values(
            id=task_id,
            shop_id=act.shop.id,
            campaign_id=campaign_id,
            title=task.title.strip(),
            role=task.role.value,
            due=msgspec.to_builtins(task.due),
            gate=task.gate,
        )
    )
    if task.checklist:
        rows = [
            {"task_id": task_id, "position": position, "text": text}
            for position, text in enumerate(task.checklist)
        ]
        act.tx.execute(insert(checklist_items), rows)
    record_act(
        act, action=ADDED, subject=ids.outward("tsk", task_id), after=msgspec.to_builtins(task)
    )
    return task_id


def remove_task(act: Act, *, campaign_id: UUID, task_id: UUID) -> None:
    """Take a task off its campaign."""
    stored = task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)
    act.tx.execute(delete(checklist_items).where(checklist_items.c.task_id == task_id))
    act.tx.execute(delete(table).where(table.c.id == task_id))
    record_act(
        act, action=REMOVED, subject=ids.outward("tsk", task_id), before=msgspec.to_builtins(stored)
    )


def tick(act: Act, *, campaign_id: UUID, task_id: UUID, position: int, is_done: bool) -> Task:
    """Tick (or untick) a line; the last tick finishes the task, an untick reopens it."""
    stored = task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)
    item = next((each for each in stored.checklist if each.position == position), None)
    if item is None:
        raise NotFound(what="checklist line", key=str(position))
    if (item.done_at is not None) == is_done:
        return stored
    act.tx.execute(
        update(checklist_items)
        .where(checklist_items.c.task_id == task_id, checklist_items.c.position == position)
        .values(
            done_at=act.now if is_done else None, done_by=act.actor.name[:200] if is_done else None
        )
    )
    left = act.tx.execute(
        select(func.count())
        .select_from(checklist_items)
        .where(checklist_items.c.task_id == task_id, checklist_items.c.done_at.is_(None))
    ).scalar_one()
    _set_done(act.tx, task_id, left == 0, act.actor, act.now)
    record_act(
        act,
        action=TICKED,
        subject=ids.outward("tsk", task_id),
        before={item.text: not is_done},
        after={item.text: is_done},
    )
    return task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)


def finish(act: Act, *, campaign_id: UUID, task_id: UUID, is_done: bool) -> Task:
    """Say that a task is done (or is not after all); its checklist stays as it was ticked."""
    stored = task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)
    if (stored.done_at is not None) == is_done:
        return stored
    _set_done(act.tx, task_id, is_done, act.actor, act.now)
    record_act(
        act, action=FINISHED, subject=ids.outward("tsk", task_id), before=not is_done, after=is_done
    )
    return task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)


def set_gate(act: Act, *, campaign_id: UUID, task_id: UUID, gate: PhaseKind | None) -> Task:
    """Say which phase does not open before the task is done; None: no phase waits for it."""
    stored = task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)
    if stored.gate == gate:
        return stored
    act.tx.execute(update(table).where(table.c.id == task_id).values(gate=gate, waived_at=None))
    key = ids.outward("tsk", task_id)
    record_act(act, action=GATED, subject=key, before=stored.gate, after=gate)
    return task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)


def waive(act: Act, *, campaign_id: UUID, task_id: UUID, waiver: Waiver) -> Task:
    """Let the phase that waits for a task open without it; refuse where none waits."""
    stored = task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)
    if not stored.is_shut:
        raise HoldsNothing
    act.tx.execute(update(table).where(table.c.id == task_id).values(**waiver.columns()))
    after = {"title": stored.title, "gate": stored.gate, "reason": waiver.reason}
    key = ids.outward("tsk", task_id)
    record_act(act, action=WAIVED, subject=key, after=after)
    return task_of(act.tx, shop_id=act.shop.id, campaign_id=campaign_id, task_id=task_id)


def task_of(tx: Connection, *, shop_id: UUID, campaign_id: UUID, task_id: UUID) -> Task:
    """Return one task of a campaign, locked for a change; raise NotFound without it."""
    tx.execute(select(table.c.id).where(table.c.id == task_id).with_for_update())
    for task in campaign_tasks(tx, shop_id=shop_id, campaign_id=campaign_id):
        if task.id == task_id:
            return task
    raise NotFound(what="task", key=ids.outward("tsk", task_id))


def _set_done(tx: Connection, task_id: UUID, is_done: bool, actor: Actor, now: datetime) -> None:
    tx.execute(
        update(table)
        .where(table.c.id == task_id)
        .values(done_at=now if is_done else None, done_by=actor.name[:200] if is_done else None)
    )


def _refuse_bad(task: NewTask) -> None:
    problems: dict[str, Refusal] = {}
    if not 1 <= len(task.title.strip()) <= TITLE_LENGTH_MAX:
        problems["title"] = TaskTitle(limit=TITLE_LENGTH_MAX)
    if len(task.checklist) > LINES_MAX or any(
        len(line) > LINE_LENGTH_MAX for line in task.checklist
    ):
        problems["checklist"] = ChecklistTooLong(limit=LINES_MAX, length=LINE_LENGTH_MAX)
    if problems:
        raise Invalid(problems)


def _refuse_unknown(tx: Connection, shop: Shop, campaign_id: UUID) -> None:
    found = tx.execute(
        select(campaigns.c.id).where(campaigns.c.id == campaign_id, campaigns.c.shop_id == shop.id)
    ).one_or_none()
    if found is None:
        raise NotFound(what="campaign", key=ids.outward("cmp", campaign_id))
