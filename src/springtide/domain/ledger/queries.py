"""Reads of the ledger: accounts, statements, balances of any time, and whether all sums to zero."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection, and_, case, func, or_, select

from springtide.domain.ledger.model import Account, Entry, Lot, NoSuchAccount, TransferState
from springtide.domain.ledger.store import accounts as _accounts
from springtide.domain.ledger.store import lots as _lots
from springtide.domain.ledger.store import transfers as _transfers
from springtide.kit.bulk import rows_by


def account(tx: Connection, *, shop_id: UUID, key: str) -> Account:
    """Return an account; raises NoSuchAccount."""
    found = accounts_by_keys(tx, shop_id=shop_id, keys=[key])
    if key not in found:
        raise NoSuchAccount(account=key[:60])
    return found[key]


def accounts_by_keys(tx: Connection, *, shop_id: UUID, keys: Iterable[str]) -> dict[str, Account]:
    """Return the accounts of these keys that there are."""
    rows = rows_by(tx, _accounts, "key", keys, shop_id=shop_id)
    return {
        key: Account(key, unit, owner, low, high, balance, held, awaiting, in_lots)
        for _, key, unit, owner, low, high, in_lots, balance, held, awaiting, _ in rows
    }


class Moved(msgspec.Struct, frozen=True):
    """A transfer as it stands."""

    seq: int
    id: str
    source: str
    target: str
    unit: str
    amount: int
    state: str
    reference: str | None
    customer_key: str | None
    at: datetime
    lot_expires_at: datetime | None


def transfers_by_ids(tx: Connection, *, shop_id: UUID, ids: Iterable[str]) -> list[Moved]:
    """Return the transfers of these ids that there are, the oldest first."""
    return [_moved(row) for row in sorted(rows_by(tx, _transfers, "id", ids, shop_id=shop_id))]


def transfers_into(
    tx: Connection, *, shop_id: UUID, key: str, before: int | None = None, limit: int = 1_000
) -> list[Moved]:
    """Return the transfers that took place into an account, the newest first, before a ``seq``."""
    query = select(_transfers).where(
        _transfers.c.shop_id == shop_id,
        _transfers.c.target == key,
        _transfers.c.state == TransferState.POSTED,
    )
    if before is not None:
        query = query.where(_transfers.c.seq < before)
    rows = tx.execute(query.order_by(_transfers.c.seq.desc()).limit(limit))
    return [_moved(tuple(row)) for row in rows]


def _moved(row: Sequence[object]) -> Moved:
    named = dict(zip(_transfers.columns.keys(), row, strict=True))
    return msgspec.convert({name: named[name] for name in Moved.__struct_fields__}, Moved)


def accounts_page(
    tx: Connection,
    *,
    shop_id: UUID,
    prefix: str = "",
    owner: str | None = None,
    after: str = "",
    limit: int = 50,
) -> list[Account]:
    """Return accounts by key, after a key; of one owner, or whose keys begin with a text."""
    table = _accounts
    query = select(table).where(table.c.shop_id == shop_id, table.c.key > after)
    if prefix:
        query = query.where(table.c.key.startswith(prefix, autoescape=True))
    if owner is not None:
        query = query.where(table.c.owner == owner)
    return [
        Account(
            row.key, row.unit, row.owner, row.low, row.high, row.balance, row.held, row.awaiting,
            row.in_lots,
        )
        for row in tx.execute(query.order_by(table.c.key).limit(limit))
    ]  # fmt: skip


def balance_at(tx: Connection, *, shop_id: UUID, key: str, at: datetime) -> int:
    """Return what was posted on an account up to an instant, rebuilt from its transfers."""
    table = _transfers
    signed = case((table.c.target == key, table.c.amount), else_=-table.c.amount)
    total = tx.execute(
        select(func.coalesce(func.sum(signed), 0)).where(
            table.c.shop_id == shop_id,
            or_(table.c.source == key, table.c.target == key),
            table.c.state == TransferState.POSTED,
            table.c.ended_at <= at,
        )
    ).scalar_one()
    return int(total)


def statement(
    tx: Connection, *, shop_id: UUID, key: str, before: int | None = None, limit: int = 50
) -> list[Entry]:
    """Return an account's transfers, the newest first, each with the balance once it was made.

    The balance counts what is posted by today, in the order in which transfers were made.
    """
    table = _transfers
    touches = or_(table.c.source == key, table.c.target == key)
    query = select(table).where(table.c.shop_id == shop_id, touches)
    if before is not None:
        query = query.where(table.c.seq < before)
    rows = tx.execute(query.order_by(table.c.seq.desc()).limit(limit)).all()
    if not rows:
        return []
    signed = case((table.c.target == key, table.c.amount), else_=-table.c.amount)
    balance = int(
        tx.execute(
            select(func.coalesce(func.sum(signed), 0)).where(
                and_(table.c.shop_id == shop_id, touches),
                table.c.state == TransferState.POSTED,
                table.c.seq <= rows[0].seq,
            )
        ).scalar_one()
    )
    found = []
    for row in rows:
        is_in = row.target == key
        amount = row.amount if is_in else -row.amount
        found.append(
            Entry(
                seq=row.seq,
                id=row.id,
                other=row.source if is_in else row.target,
                amount=amount,
                state=TransferState(row.state),
                kind=row.kind,
                reference=row.reference,
                customer_key=row.customer_key,
                at=row.at,
                ended_at=row.ended_at,
                balance=balance,
            )
        )
        if row.state == TransferState.POSTED:
            balance -= amount
    return found


def lots_of(tx: Connection, *, shop_id: UUID, key: str) -> list[Lot]:
    """Return the lots of an account that hold something, the oldest first."""
    rows = rows_by(
        tx,
        _lots,
        "account",
        [key],
        suffix="and left_over > 0 order by granted_at, id",
        shop_id=shop_id,
    )
    return [
        Lot(id_, amount, left, granted_at, expires_at)
        for _, id_, _, amount, left, granted_at, expires_at in rows
    ]


def spendable_at(tx: Connection, *, shop_id: UUID, key: str, now: datetime) -> int:
    """Return what may leave an account: of one in lots, what has not expired at an instant."""
    found = account(tx, shop_id=shop_id, key=key)
    if not found.in_lots:
        return found.available
    lots = lots_of(tx, shop_id=shop_id, key=key)
    return sum(lot.left for lot in lots if lot.expires_at is None or lot.expires_at > now)


def imbalances(tx: Connection, *, shop_id: UUID) -> Sequence[str]:
    """Return what does not add up: units whose balances are not zero together, accounts that are
    not the sum of their transfers, holds that no reserved transfer explains. Empty is right.
    """
    table, moves = _accounts, _transfers
    wrong = [
        f"unit {unit}: balances sum to {total}"
        for unit, total in tx.execute(
            select(table.c.unit, func.sum(table.c.balance))
            .where(table.c.shop_id == shop_id)
            .group_by(table.c.unit)
        )
        if total
    ]
    posted: dict[str, int] = {}
    held: dict[str, int] = {}
    awaited: dict[str, int] = {}
    for side, sign in (("source", -1), ("target", 1)):
        rows = tx.execute(
            select(moves.c[side], moves.c.state, func.sum(moves.c.amount))
            .where(moves.c.shop_id == shop_id)
            .group_by(moves.c[side], moves.c.state)
        )
        for key, state, amount in rows:
            if state == TransferState.POSTED:
                posted[key] = posted.get(key, 0) + sign * int(amount)
            elif state == TransferState.RESERVED:
                (held if sign < 0 else awaited)[key] = int(amount)
    for row in tx.execute(select(table).where(table.c.shop_id == shop_id)):
        stands = (row.balance, row.held, row.awaiting)
        moved = (posted.get(row.key, 0), held.get(row.key, 0), awaited.get(row.key, 0))
        if stands != moved:
            wrong.append(f"account {row.key}: stands at {stands}, its transfers say {moved}")
    return wrong


def broken_bounds(tx: Connection, *, shop_id: UUID) -> Sequence[str]:
    """Return accounts beyond their bounds, and accounts in lots whose lots are not what may leave.

    The database keeps the bounds; this tells a table that was changed past it. Empty is right.
    """
    table = _accounts
    left: dict[str, int] = {
        key: int(total)
        for key, total in tx.execute(
            select(_lots.c.account, func.sum(_lots.c.left_over))
            .where(_lots.c.shop_id == shop_id)
            .group_by(_lots.c.account)
        )
    }
    wrong = []
    for row in tx.execute(select(table).where(table.c.shop_id == shop_id)):
        available = row.balance - row.held
        if row.low is not None and available < row.low:
            wrong.append(f"account {row.key}: {available} is below its bound {row.low}")
        if row.high is not None and row.balance + row.awaiting > row.high:
            high = row.balance + row.awaiting
            wrong.append(f"account {row.key}: {high} is above its bound {row.high}")
        if row.in_lots and left.get(row.key, 0) != available:
            lots = left.get(row.key, 0)
            wrong.append(f"account {row.key}: {available} may leave it, and its lots hold {lots}")
    return wrong
