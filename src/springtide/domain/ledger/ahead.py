"""Reservations that a clock made which was ahead: they would keep what they hold for that longer.

Rows are taken without waiting for anybody: what somebody else is at work on is left for the next
look, so this is never part of a ring of waiting.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Connection, select

from springtide.domain.ledger import store
from springtide.domain.ledger.model import TransferState
from springtide.kit.bulk import update_rows
from springtide.kit.time import counted_anew


class AheadHold(NamedTuple):
    """A reserved transfer of a clock that was ahead."""

    seq: int
    at: datetime
    expires_at: datetime
    reference: str | None


def made_ahead(
    tx: Connection, *, shop_id: UUID, not_yet: datetime, limit: int, is_locked: bool = False
) -> list[AheadHold]:
    """Return reserved transfers with an end that were made after ``not_yet``, the last end first.

    With ``is_locked`` they are held until the transaction ends, but for those somebody else holds.
    """
    table = store.transfers
    query = (
        select(table.c.seq, table.c.at, table.c.expires_at, table.c.reference)
        .where(
            table.c.shop_id == shop_id,
            table.c.state == TransferState.RESERVED,
            # What ends before is over in a moment; and the index knows ends, not beginnings.
            table.c.expires_at > not_yet,
            table.c.at > not_yet,
        )
        .order_by(table.c.expires_at.desc())
        .limit(limit)
    )
    if is_locked:
        query = query.with_for_update(skip_locked=True)
    return [AheadHold(*row) for row in tx.execute(query)]


def count_anew(tx: Connection, *, holds: Sequence[AheadHold], now: datetime) -> None:
    """Let locked reservations last from now for as long as they were to; none ends later.

    They count as made now, so that it is done once. Their facts keep what the clock said.
    """
    rows = [(each.seq, now, counted_anew(each.at, each.expires_at, now)) for each in holds]
    update_rows(tx, store.transfers, ("at", "expires_at"), rows)
