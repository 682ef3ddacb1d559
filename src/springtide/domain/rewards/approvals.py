"""What one person may give alone, and the second person that more of it needs.

Each gift by hand is noted with who gave it. What a person gave alone within a day counts together,
so many small gifts are as one large one; beyond the shop's bound a gift waits for someone else.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Row, func, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.operations import lock_shop, record_act
from springtide.domain.rewards.checks import OutOfRange
from springtide.domain.rewards.store import gift_bounds, gifts
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.ids import outward, uuid7

BOUNDS_SET = AuditAction("gift.bounds", N_("Bounds of gifts set"), AuditGroup.GIFTS)
ASKED = AuditAction("gift.ask", N_("Gift waits for a second person"), AuditGroup.GIFTS)
APPROVED = AuditAction("gift.approve", N_("Gift approved"), AuditGroup.GIFTS)
REFUSED = AuditAction("gift.refuse", N_("Gift refused"), AuditGroup.GIFTS)

#: What a person gave alone in this time counts together.
TOGETHER = timedelta(days=1)
BOUND_MAX = 1_000_000_000_000
WAITING_MAX = 500


class GiftState(StrEnum):
    """Where a gift stands; GIVEN was within what one person may give alone."""

    GIVEN = "given"
    WAITING = "waiting"
    APPROVED = "approved"
    REFUSED = "refused"


#: A gift by hand.
GIFT_STATES = {
    "waiting": N_("Waits for a second person"),
    "approved": N_("Given by two persons"),
    "refused": N_("Refused by the second person"),
}


class Bounds(msgspec.Struct, frozen=True):
    """What one person may give alone within a day: to customers, and as budgets of rewards."""

    points: int = 50_000
    money_minor: int = 1_000_000
    budget_points: int = 5_000_000
    budget_money_minor: int = 50_000_000


class Gift(msgspec.Struct, frozen=True):
    """Something to give: ``params`` is what carrying it out needs, in JSON."""

    kind: str
    subject: str
    points: int
    money_minor: int
    params: Mapping[str, Any]
    reason: str = ""
    is_budget: bool = False


class Request(msgspec.Struct, frozen=True):
    """A gift with who asked for it and who decided."""

    id: UUID
    gift: Gift
    state: GiftState
    requested_by_id: str
    requested_by: str
    requested_at: datetime
    decided_by: str | None
    decided_at: datetime | None


class SecondPersonNeeded(Refusal):
    """A gift that its giver may not give alone, where nobody can be asked for another's word."""

    code = "second_person_needed"
    status = 409
    text = N_(
        "This gives more than one person may give alone in a day: ask for it on its page, and "
        "another person approves it."
    )


class SamePerson(Refusal):
    """Nobody is their own second person."""

    code = "gift_same_person"
    status = 403
    text = N_("Another person than the one who asked has to decide this.")


class GiftDecided(Refusal):
    """A gift that was decided meanwhile."""

    code = "gift_decided"
    status = 409
    text = N_("This was decided already.")


class TooManyWaiting(Refusal):
    """More gifts waiting than people look through."""

    code = "gifts_waiting"
    status = 429
    text = N_("{most} gifts wait for a second person: let those be decided first.")


def bounds_of(tx: Connection, *, shop_id: UUID) -> Bounds:
    """Return what one person may give alone in a shop."""
    row = tx.execute(select(gift_bounds).where(gift_bounds.c.shop_id == shop_id)).one_or_none()
    if row is None:
        return Bounds()
    return Bounds(row.points, row.money_minor, row.budget_points, row.budget_money_minor)


def checked_bounds(bounds: Bounds) -> dict[str, int]:
    """Return bounds by their names. Raises Invalid by field."""
    values: dict[str, int] = msgspec.to_builtins(bounds)
    wrong: dict[str, Refusal] = {
        name: OutOfRange(least=0, most=BOUND_MAX)
        for name, value in values.items()
        if not 0 <= value <= BOUND_MAX
    }
    if wrong:
        raise Invalid(wrong)
    return values


def set_bounds(act: Act, *, bounds: Bounds) -> None:
    """Set what one person may give alone; ``now`` is the real time. Raises Invalid by field."""
    values = checked_bounds(bounds)
    lock_shop(act.tx, shop_id=act.shop.id)
    before = bounds_of(act.tx, shop_id=act.shop.id)
    if not act.tx.execute(
        update(gift_bounds).where(gift_bounds.c.shop_id == act.shop.id).values(**values)
    ).rowcount:
        act.tx.execute(insert(gift_bounds).values(shop_id=act.shop.id, **values))
    record_act(
        act, action=BOUNDS_SET, subject="gifts", before=msgspec.to_builtins(before), after=values
    )


def may_give_alone(act: Act, *, gift: Gift) -> bool:
    """Note a gift as given by one person and return True; False when it needs a second one.

    Call it in the transaction that gives.
    """
    bounds = bounds_of(act.tx, shop_id=act.shop.id)
    # One gift at a time a shop: two at once must not both find room under the bound.
    lock_shop(act.tx, shop_id=act.shop.id)
    points, money = act.tx.execute(
        select(
            func.coalesce(func.sum(gifts.c.points), 0),
            func.coalesce(func.sum(gifts.c.money_minor), 0),
        ).where(
            gifts.c.shop_id == act.shop.id,
            gifts.c.requested_by_id == act.actor.id,
            gifts.c.state == GiftState.GIVEN,
            gifts.c.is_budget == gift.is_budget,
            gifts.c.requested_at > act.real_now - TOGETHER,
        )
    ).one()
    most = (
        (bounds.budget_points, bounds.budget_money_minor)
        if gift.is_budget
        else (bounds.points, bounds.money_minor)
    )
    # What gives nothing of a unit is not held up by what was given of it before.
    if (gift.points and points + gift.points > most[0]) or (
        gift.money_minor and money + gift.money_minor > most[1]
    ):
        return False
    _keep(act, gift, GiftState.GIVEN)
    return True


def ask_second_person(act: Act, *, gift: Gift) -> UUID:
    """Let a gift wait for a second person; return its id. Raises TooManyWaiting."""
    waiting = act.tx.execute(
        select(func.count())
        .select_from(gifts)
        .where(gifts.c.shop_id == act.shop.id, gifts.c.state == GiftState.WAITING)
    ).scalar_one()
    if waiting >= WAITING_MAX:
        raise TooManyWaiting(most=WAITING_MAX)
    gift_id = _keep(act, gift, GiftState.WAITING)
    record_act(act, action=ASKED, subject=outward("gft", gift_id), after=_told(gift))
    return gift_id


def decide_gift(act: Act, *, gift_id: UUID, approve: bool) -> Request:
    """Write down a second person's word; whoever calls gives the gift in the same transaction.

    Raises NotFound, GiftDecided (also for the later of two at once), SamePerson.
    """
    row = act.tx.execute(
        select(gifts).where(gifts.c.id == gift_id, gifts.c.shop_id == act.shop.id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotFound(what=N_("gift"), key=outward("gft", gift_id))
    found = _request(row)
    if found.state is not GiftState.WAITING:
        raise GiftDecided
    if found.requested_by_id == act.actor.id:
        raise SamePerson
    state = GiftState.APPROVED if approve else GiftState.REFUSED
    act.tx.execute(
        update(gifts)
        .where(gifts.c.id == gift_id)
        .values(
            state=state,
            decided_by_id=act.actor.id,
            decided_by=act.actor.name[:120],
            decided_at=act.real_now,
        )
    )
    action = APPROVED if approve else REFUSED
    record_act(
        act,
        action=action,
        subject=outward("gft", gift_id),
        after=_told(found.gift) | {"asked_by": found.requested_by},
    )
    return found


def gifts_page(
    tx: Connection, *, shop_id: UUID, waiting: bool, limit: int, before: UUID | None = None
) -> list[Request]:
    """Return gifts that wait, or those that a second person decided, the newest first."""
    states = (GiftState.WAITING,) if waiting else (GiftState.APPROVED, GiftState.REFUSED)
    wanted = [gifts.c.shop_id == shop_id, gifts.c.state.in_(states)]
    if before is not None:
        wanted.append(gifts.c.id < before)
    rows = tx.execute(select(gifts).where(*wanted).order_by(gifts.c.id.desc()).limit(limit))
    return [_request(row) for row in rows]


def _keep(act: Act, gift: Gift, state: GiftState) -> UUID:
    gift_id = uuid7(act.real_now)
    act.tx.execute(
        insert(gifts).values(
            id=gift_id,
            shop_id=act.shop.id,
            kind=gift.kind,
            subject=gift.subject[:200],
            points=gift.points,
            money_minor=gift.money_minor,
            is_budget=gift.is_budget,
            params=dict(gift.params),
            reason=gift.reason[:200],
            state=state,
            requested_by_id=act.actor.id[:80],
            requested_by=act.actor.name[:120],
            requested_at=act.real_now,
        )
    )
    return gift_id


def _told(gift: Gift) -> dict[str, Any]:
    return {
        "kind": gift.kind,
        "to": gift.subject,
        "points": gift.points,
        "money_minor": gift.money_minor,
        "reason": gift.reason,
    }


def _request(row: Row[Any]) -> Request:
    gift = Gift(
        row.kind, row.subject, row.points, row.money_minor, row.params, row.reason, row.is_budget
    )
    return Request(
        row.id,
        gift,
        GiftState(row.state),
        row.requested_by_id,
        row.requested_by,
        row.requested_at,
        row.decided_by,
        row.decided_at,
    )
