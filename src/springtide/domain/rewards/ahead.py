"""What customers hold of scarce things since a clock that was ahead: its time is counted anew.

Only what keeps something from others: pieces, places and deposits to be paid, and groups. What a
customer may use until a day (coupons, points) keeps the day that they were told.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Select, and_, or_, select

from springtide.domain.ledger import ahead
from springtide.domain.rewards.model import STOCK
from springtide.domain.rewards.states import ClaimState
from springtide.domain.rewards.store import claims as _claims
from springtide.domain.rewards.store import groups as _groups
from springtide.domain.rewards.store import rewards as _rewards
from springtide.kit.bulk import update_rows
from springtide.kit.ids import BadId, inward, outward
from springtide.kit.time import Shown, counted_anew

#: What is paid by an instant that was counted from the claim. A paid deposit ends by the calendar.
_TO_BE_PAID = or_(
    and_(_claims.c.what.in_(STOCK), _claims.c.state.in_((ClaimState.HELD, ClaimState.RESERVED))),
    and_(_claims.c.what == "presale", _claims.c.state == ClaimState.HELD),
)


def count_reserved_anew(
    tx: Connection, *, shop_id: UUID, clock: Callable[[], Shown], limit: int
) -> int:
    """Count reservations of a clock ahead from now, each with its claim; return how many.

    ``clock`` is asked again once they are found: whatever they were made by it shows by then,
    unless it was ahead.
    """
    found = ahead.made_ahead(
        tx, shop_id=shop_id, not_yet=clock().not_yet, limit=limit, is_locked=True
    )
    shown = clock()
    found = [each for each in found if each.at > shown.not_yet]
    keys = {each.reference for each in found if each.reference is not None}
    busy = _count_claims_anew(tx, shop_id, keys, shown)
    free = [each for each in found if each.reference not in busy]
    ahead.count_anew(tx, holds=free, now=shown.now)
    return len(free)


def _count_claims_anew(
    tx: Connection, shop_id: UUID, keys: Collection[str], shown: Shown
) -> set[str]:
    """Count the claims of reservations from now; return those that somebody is at work on."""
    ids = [id_ for key in keys if (id_ := _claim_id(key)) is not None]
    if not ids:
        return set()
    query = select(
        _claims.c.reward_id, _claims.c.id, _claims.c.claimed_at, _claims.c.expires_at
    ).where(
        _claims.c.shop_id == shop_id,
        _claims.c.id.in_(ids),
        _claims.c.claimed_at > shown.not_yet,
        _claims.c.expires_at.is_not(None),
        _TO_BE_PAID,
    )
    rows = tx.execute(query.with_for_update(skip_locked=True)).all()
    update_rows(
        tx,
        _claims,
        ("claimed_at", "expires_at"),
        [
            (
                row.reward_id,
                row.id,
                shown.now,
                counted_anew(row.claimed_at, row.expires_at, shown.now),
            )
            for row in rows
        ],
    )
    # Those that are done are behind by now, so what is still found was locked.
    return {outward("clm", row.id) for row in tx.execute(query)}


def has_groups_ahead(tx: Connection, *, shop_id: UUID, shown: Shown) -> bool:
    """Tell whether a clock that was ahead opened groups that go on."""
    return tx.execute(_groups_ahead(shop_id, shown).limit(1)).first() is not None


def count_groups_anew(
    tx: Connection, *, shop_id: UUID, clock: Callable[[], Shown], limit: int
) -> int:
    """Let open groups of a clock ahead last from now for as long as they were to; return how many.

    One that ends with its reward ends by the calendar, whenever it was opened.
    """
    query = _groups_ahead(shop_id, clock()).limit(limit)
    rows = tx.execute(query.with_for_update(of=_groups, skip_locked=True)).all()
    shown = clock()
    late = [
        (shop_id, row.key, shown.now, counted_anew(row.opened_at, row.ends_at, shown.now))
        for row in rows
        if row.opened_at > shown.not_yet
    ]
    update_rows(tx, _groups, ("opened_at", "ends_at"), late)
    return len(late)


def _groups_ahead(shop_id: UUID, shown: Shown) -> Select[tuple[str, datetime, datetime]]:
    closes_at = (
        select(_rewards.c.closes_at).where(_rewards.c.id == _groups.c.reward_id).scalar_subquery()
    )
    return select(_groups.c.key, _groups.c.opened_at, _groups.c.ends_at).where(
        _groups.c.shop_id == shop_id,
        _groups.c.settled_at.is_(None),
        _groups.c.state == "open",
        _groups.c.opened_at > shown.not_yet,
        _groups.c.ends_at > shown.not_yet,
        _groups.c.ends_at < closes_at,
    )


def _claim_id(key: str) -> UUID | None:
    try:
        return inward("clm", key)
    except BadId:
        return None  # reserved for something else than a claim
