"""Writes of campaigns: the plan, its heroes, its tasks; each leaves an audit entry."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_act
from springtide.domain.campaigns import template
from springtide.domain.campaigns.model import (
    NAME_LENGTH_MAX,
    NOTE_LENGTH_MAX,
    Campaign,
    Draft,
    Goals,
    Hero,
    phase_problems,
)
from springtide.domain.campaigns.queries import campaign as read_campaign
from springtide.domain.campaigns.queries import version_document
from springtide.domain.campaigns.store import campaign_heroes, campaign_versions
from springtide.domain.campaigns.store import campaigns as table
from springtide.domain.campaigns.tasks import add_task
from springtide.domain.pricing.operations import check_campaign_prices
from springtide.kit import ids
from springtide.kit.errors import N_, Conflict, Invalid, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX

CREATED = AuditAction("campaign.created", N_("Campaign created"), AuditGroup.CAMPAIGNS)
EDITED = AuditAction("campaign.edited", N_("Campaign changed"), AuditGroup.CAMPAIGNS)
HEROES_SET = AuditAction("campaign.heroes_set", N_("Hero products chosen"), AuditGroup.CAMPAIGNS)
SCHEDULED = AuditAction("campaign.scheduled", N_("Campaign scheduled"), AuditGroup.CAMPAIGNS)
OPENED = AuditAction("campaign.opened", N_("Sale opened"), AuditGroup.CAMPAIGNS)
WITHDRAWN = AuditAction("campaign.withdrawn", N_("Campaign withdrawn"), AuditGroup.CAMPAIGNS)

_COUNT_MAX = 1_000_000_000
HEROES_MAX = 500


class NameMissing(Refusal):
    """A campaign without a name, or with one too long to show."""

    code = "campaign_name"
    text = N_("A campaign needs a name of 1 to {limit} characters.")


class NoteTooLong(Refusal):
    """A note that is a book."""

    code = "note_too_long"
    text = N_("A note may have {limit} characters.")


class GoalOutOfRange(Refusal):
    """A goal below zero, or beyond reason."""

    code = "goal_out_of_range"
    text = N_("A goal is zero (none) or above, and within reason.")


class TooManyHeroes(Refusal):
    """More heroes than a sale has."""

    code = "too_many_heroes"
    text = N_("A campaign may have {limit} heroes.")


class StaleForm(Conflict):
    """The campaign was saved by someone else since the form was opened."""

    code = "stale_form"
    text = N_("{who} saved this campaign while you were editing it. Changed: {names}.")


def create_campaign(
    act: Act, *, name: str, day: date, goals: Goals, language: str = "en"
) -> Campaign:
    """Plan a sale from the template: phases and tasks are there to be changed."""
    draft = Draft(name.strip(), day, goals, template.phases(language=language))
    _refuse_bad(draft, act.shop)
    campaign_id = ids.uuid7(act.now)
    act.tx.execute(
        insert(table).values(
            id=campaign_id,
            shop_id=act.shop.id,
            zone_name=act.shop.zone_name,
            version=1,
            created_at=act.now,
            changed_at=act.now,
            **_columns(draft),
        )
    )
    _keep_version(act.tx, campaign_id, 1, draft, act.actor, act.now)
    for task in template.tasks(language=language):
        add_task(act, campaign_id=campaign_id, task=task)
    record_act(act, action=CREATED, subject=ids.outward("cmp", campaign_id), after=_document(draft))
    return read_campaign(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)


def edit_campaign(act: Act, *, campaign_id: UUID, version: int, draft: Draft) -> Campaign:
    """Save a plan that was opened at ``version``; refuse it when another was saved since."""
    stored = _locked(act.tx, act.shop, campaign_id)
    if stored.version != version:
        raise _stale(act.tx, stored, version)
    draft = replace(draft, name=draft.name.strip())
    _refuse_bad(draft, act.shop)
    before = _document(draft_of(stored))
    if before == _document(draft):
        return stored
    act.tx.execute(
        update(table)
        .where(table.c.id == campaign_id)
        .values(version=version + 1, changed_at=act.now, **_columns(draft))
    )
    _keep_version(act.tx, campaign_id, version + 1, draft, act.actor, act.now)
    record_act(
        act,
        action=EDITED,
        subject=ids.outward("cmp", campaign_id),
        before=before,
        after=_document(draft),
    )
    return read_campaign(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)


def set_heroes(act: Act, *, campaign_id: UUID, heroes: Sequence[Hero]) -> Campaign:
    """Set the heroes in their order; refuse (by field ``heroes.<product>``) bad prices."""
    stored = _locked(act.tx, act.shop, campaign_id)
    prices = {hero.product_key: hero.price_minor for hero in heroes}
    if len(heroes) > HEROES_MAX:
        raise Invalid({"heroes": TooManyHeroes(limit=HEROES_MAX)})
    problems = check_campaign_prices(act.tx, shop=act.shop, prices=prices)
    if problems:
        raise Invalid({f"heroes.{key}": refusal for key, refusal in problems.items()})
    before = {hero.product_key: hero.price_minor for hero in stored.heroes}
    if list(before.items()) == list(prices.items()):
        return stored
    act.tx.execute(delete(campaign_heroes).where(campaign_heroes.c.campaign_id == campaign_id))
    rows = [
        {
            "campaign_id": campaign_id,
            "product_key": key,
            "position": position,
            "price_minor": price_minor,
        }
        for position, (key, price_minor) in enumerate(prices.items())
    ]
    if rows:
        act.tx.execute(insert(campaign_heroes), rows)
    record_act(
        act, action=HEROES_SET, subject=ids.outward("cmp", campaign_id), before=before, after=prices
    )
    return read_campaign(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)


def mark_scheduled(act: Act, *, campaign_id: UUID) -> Campaign:
    """Note that the campaign's actions are on the timeline; scheduling again brings it back."""
    stored = _locked(act.tx, act.shop, campaign_id)
    if stored.scheduled_at is None or stored.withdrawn_at is not None:
        act.tx.execute(
            update(table)
            .where(table.c.id == campaign_id)
            .values(scheduled_at=act.now, withdrawn_at=None, opened_at=None)
        )
        record_act(act, action=SCHEDULED, subject=ids.outward("cmp", campaign_id))
    return read_campaign(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)


def mark_opened(act: Act, *, campaign_id: UUID) -> Campaign:
    """Note that the campaign sells from now on; a second time changes nothing."""
    stored = mark_scheduled(act, campaign_id=campaign_id)
    if stored.opened_at is None:
        act.tx.execute(update(table).where(table.c.id == campaign_id).values(opened_at=act.now))
        record_act(act, action=OPENED, subject=ids.outward("cmp", campaign_id))
    return read_campaign(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)


def mark_withdrawn(act: Act, *, campaign_id: UUID) -> Campaign:
    """Note that the campaign's actions were undone; a second time changes nothing."""
    stored = _locked(act.tx, act.shop, campaign_id)
    if stored.withdrawn_at is None:
        act.tx.execute(update(table).where(table.c.id == campaign_id).values(withdrawn_at=act.now))
        record_act(act, action=WITHDRAWN, subject=ids.outward("cmp", campaign_id))
    return read_campaign(act.tx, shop_id=act.shop.id, campaign_id=campaign_id)


def draft_of(stored: Campaign) -> Draft:
    """Return what a form may edit of a campaign."""
    return Draft(stored.name, stored.day, stored.goals, stored.phases, stored.note)


def _locked(tx: Connection, shop: Shop, campaign_id: UUID) -> Campaign:
    tx.execute(select(table.c.id).where(table.c.id == campaign_id).with_for_update())
    return read_campaign(tx, shop_id=shop.id, campaign_id=campaign_id)


def _stale(tx: Connection, stored: Campaign, version: int) -> Refusal:
    opened = version_document(tx, campaign_id=stored.id, version=version) or {}
    newest = version_document(tx, campaign_id=stored.id, version=stored.version) or {}
    names = sorted(key for key in newest if key != "actor" and newest[key] != opened.get(key))
    who = str(newest.get("actor", "")).partition(": ")[2]
    return StaleForm(who=who or "?", names=", ".join(names))


def _refuse_bad(draft: Draft, shop: Shop) -> None:
    problems = phase_problems(draft.phases, day=draft.day, tz=shop.tz)
    if not 1 <= len(draft.name) <= NAME_LENGTH_MAX:
        problems["name"] = NameMissing(limit=NAME_LENGTH_MAX)
    if len(draft.note) > NOTE_LENGTH_MAX:
        problems["note"] = NoteTooLong(limit=NOTE_LENGTH_MAX)
    limits = {"paid_minor": AMOUNT_MINOR_MAX, "buyers": _COUNT_MAX, "units": _COUNT_MAX}
    for name, limit in limits.items():
        if not 0 <= getattr(draft.goals, name) <= limit:
            problems[f"goals.{name}"] = GoalOutOfRange()
    if problems:
        raise Invalid(problems)


def _columns(draft: Draft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "day": draft.day,
        "phases": msgspec.to_builtins(draft.phases),
        "goal_paid_minor": draft.goals.paid_minor,
        "goal_buyers": draft.goals.buyers,
        "goal_units": draft.goals.units,
        "note": draft.note,
    }


def _document(draft: Draft) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(draft)
    return document


def _keep_version(
    tx: Connection, campaign_id: UUID, version: int, draft: Draft, actor: Actor, now: datetime
) -> None:
    tx.execute(
        insert(campaign_versions).values(
            campaign_id=campaign_id,
            version=version,
            document=_document(draft),
            actor=f"{actor.kind}: {actor.name}"[:200],
            saved_at=now,
        )
    )
