"""Reads of campaigns and their tasks."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, select

from springtide.domain.access.model import Role
from springtide.domain.campaigns.model import (
    Campaign,
    ChecklistItem,
    Goals,
    Hero,
    Phase,
    PhaseKind,
    Status,
    Task,
    Waiver,
)
from springtide.domain.campaigns.store import (
    campaign_heroes,
    campaign_versions,
    checklist_items,
)
from springtide.domain.campaigns.store import (
    campaigns as table,
)
from springtide.domain.campaigns.store import (
    tasks as task_table,
)
from springtide.domain.pricing.model import PriceFacts
from springtide.domain.pricing.queries import current_prices
from springtide.kit import ids
from springtide.kit.errors import NotFound
from springtide.kit.time import RelativeTime


def campaign(tx: Connection, *, shop_id: UUID, campaign_id: UUID) -> Campaign:
    """Return one campaign; raise NotFound where the shop has none of this id."""
    row = tx.execute(
        select(table).where(table.c.id == campaign_id, table.c.shop_id == shop_id)
    ).one_or_none()
    if row is None:
        raise NotFound(what="campaign", key=ids.outward("cmp", campaign_id))
    return _campaigns(tx, [row])[0]


def campaigns(tx: Connection, *, shop_id: UUID) -> list[Campaign]:
    """Return the campaigns of a shop, the latest day first."""
    rows = tx.execute(
        select(table).where(table.c.shop_id == shop_id).order_by(table.c.day.desc(), table.c.id)
    ).all()
    return _campaigns(tx, rows)


def live_campaign(tx: Connection, *, shop_id: UUID, now: datetime) -> Campaign | None:
    """Return the campaign that sells now: between the start of its burst and the end of its day.

    Of several, the one that started last.
    """
    selling = [each for each in campaigns(tx, shop_id=shop_id) if each.status(now) is Status.LIVE]
    return max(selling, key=lambda each: each.selling.starts_at, default=None)


def current_campaign(tx: Connection, *, shop_id: UUID, now: datetime) -> Campaign | None:
    """Return the campaign that matters now: the live one, else the next, else the last."""
    every = campaigns(tx, shop_id=shop_id)
    by_status: dict[Status, list[Campaign]] = {status: [] for status in Status}
    for each in every:
        by_status[each.status(now)].append(each)
    if on := by_status[Status.LIVE] or by_status[Status.OPENING]:
        return min(on, key=lambda each: each.selling.starts_at)
    planned = [
        each
        for status in (Status.WARM_UP, Status.SCHEDULED, Status.DRAFT)
        for each in by_status[status]
    ]
    ahead = [each for each in planned if each.selling.ends_at > now]
    if ahead:
        return min(ahead, key=lambda each: each.selling.starts_at)
    return max(every, key=lambda each: each.day, default=None)


def campaign_tasks(tx: Connection, *, shop_id: UUID, campaign_id: UUID) -> list[Task]:
    """Return the tasks of a campaign in the order they are due."""
    rows = tx.execute(
        select(task_table).where(
            task_table.c.campaign_id == campaign_id, task_table.c.shop_id == shop_id
        )
    ).all()
    return _tasks(tx, rows)


def shut_gates(tx: Connection, *, campaign_ids: Iterable[UUID]) -> list[Task]:
    """Return the tasks because of which a phase of some campaigns does not open."""
    rows = tx.execute(
        select(task_table).where(
            task_table.c.campaign_id.in_(list(campaign_ids)),
            task_table.c.gate.is_not(None),
            task_table.c.done_at.is_(None),
        )
    ).all()
    return [task for task in _tasks(tx, rows) if task.is_shut]


def _tasks(tx: Connection, rows: Sequence[Row[Any]]) -> list[Task]:
    lines: dict[UUID, list[ChecklistItem]] = {row.id: [] for row in rows}
    for item in tx.execute(
        select(checklist_items)
        .where(checklist_items.c.task_id.in_(list(lines)))
        .order_by(checklist_items.c.position)
    ):
        lines[item.task_id].append(
            ChecklistItem(item.position, item.text, item.done_at, item.done_by)
        )
    found = [
        Task(
            id=row.id,
            campaign_id=row.campaign_id,
            title=row.title,
            role=Role(row.role),
            due=relative_from(row.due),
            checklist=tuple(lines[row.id]),
            done_at=row.done_at,
            done_by=row.done_by,
            gate=PhaseKind(row.gate) if row.gate else None,
            waiver=waiver_of(row),
        )
        for row in rows
    ]
    return sorted(found, key=lambda task: (task.due.day_offset, task.due.wall, task.id))


def sale_prices(
    tx: Connection, *, campaign: Campaign, keys: Iterable[str], now: datetime
) -> dict[str, PriceFacts]:
    """Return the prices of some products as they are to be while the campaign sells."""
    planned = {hero.product_key: hero.price_minor for hero in campaign.heroes}
    found = current_prices(tx, shop_id=campaign.shop_id, keys=keys, now=now)
    return {
        key: msgspec.structs.replace(facts, campaign_minor=planned.get(key, facts.campaign_minor))
        for key, facts in found.items()
    }


def version_document(tx: Connection, *, campaign_id: UUID, version: int) -> dict[str, Any] | None:
    """Return the plan as it was in a version, and who saved it."""
    row = tx.execute(
        select(campaign_versions).where(
            campaign_versions.c.campaign_id == campaign_id, campaign_versions.c.version == version
        )
    ).one_or_none()
    return None if row is None else {**row.document, "actor": row.actor}


def waiver_of(row: Any) -> Waiver | None:
    """Return what the columns of a waiver keep, of a task or of an action."""
    if row.waived_at is None:
        return None
    return Waiver(by=row.waived_by, reason=row.waived_why, at=row.waived_at)


def relative_from(document: dict[str, Any]) -> RelativeTime:
    """Return a plan time from its JSON values."""
    return RelativeTime(document["day_offset"], time.fromisoformat(document["wall"]))


def _campaigns(tx: Connection, rows: Sequence[Row[Any]]) -> list[Campaign]:
    heroes: dict[UUID, list[Hero]] = {row.id: [] for row in rows}
    for hero in tx.execute(
        select(campaign_heroes)
        .where(campaign_heroes.c.campaign_id.in_(list(heroes)))
        .order_by(campaign_heroes.c.position, campaign_heroes.c.product_key)
    ):
        heroes[hero.campaign_id].append(Hero(hero.product_key, hero.price_minor))
    return [_campaign(row, tuple(heroes[row.id])) for row in rows]


def _campaign(row: Row[Any], heroes: tuple[Hero, ...]) -> Campaign:
    day: date = row.day
    return Campaign(
        id=row.id,
        shop_id=row.shop_id,
        name=row.name,
        day=day,
        zone_name=row.zone_name,
        phases=tuple(
            Phase(
                PhaseKind(phase["kind"]),
                phase["name"],
                relative_from(phase["starts"]),
                relative_from(phase["ends"]),
            )
            for phase in row.phases
        ),
        goals=Goals(row.goal_paid_minor, row.goal_buyers, row.goal_units),
        note=row.note,
        heroes=heroes,
        version=row.version,
        created_at=row.created_at,
        changed_at=row.changed_at,
        scheduled_at=row.scheduled_at,
        withdrawn_at=row.withdrawn_at,
        opened_at=row.opened_at,
    )
