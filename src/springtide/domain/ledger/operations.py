"""Writes of the ledger: a batch is read under its locks, decided in memory, kept in one go.

A fixed number of statements whatever the size of the batch: accounts locked, transfers and lots
read where the batch may meet known ones, accounts, transfers, lots written, facts appended. Two
processes that write at one moment wait for each other at the first account that they share.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select

from springtide.domain.access.model import Shop
from springtide.domain.facts import fact_ids
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append_once
from springtide.domain.ledger import store
from springtide.domain.ledger.batch import (
    Batch,
    OpenAccount,
    OpenLot,
    OpenTransfer,
    opening_problem,
)
from springtide.domain.ledger.model import (
    ID_LENGTH_MAX,
    MONEY,
    Chain,
    Expire,
    Opening,
    Transfer,
    TransferState,
)
from springtide.kit.bulk import insert_rows, rows_by, update_rows
from springtide.kit.db import insert_into
from springtide.kit.errors import Refusal
from springtide.kit.ids import joined, uuid7

#: Where what expires goes.
EXPIRED = "expired"


def transact(
    tx: Connection, *, shop: Shop, chains: Sequence[Chain], now: datetime
) -> list[Refusal | None]:
    """Take each chain whole or not at all, in order; return why those that are refused are.

    Takes the locks of its accounts, so call it once in a transaction and before facts are
    appended: two transactions then never wait for each other in a ring.
    """
    _open_shared(tx, shop.id, chains, now)
    batch = open_batch(
        tx,
        shop_id=shop.id,
        accounts=_accounts_of(chains),
        transfers=_ids_of(chains),
        now=now,
    )
    outcomes = [batch.apply(chain) for chain in chains]
    keep(tx, shop=shop, batch=batch)
    return outcomes


def move(tx: Connection, *, shop: Shop, chain: Chain, now: datetime) -> None:
    """Take one chain; raises why it is refused."""
    (refused,) = transact(tx, shop=shop, chains=[chain], now=now)
    if refused is not None:
        raise refused


def open_batch(
    tx: Connection,
    *,
    shop_id: UUID,
    accounts: Iterable[str],
    transfers: Iterable[str] = (),
    now: datetime,
) -> Batch:
    """Lock accounts, and those of known ``transfers``, and read how all stand.

    A transfer that the caller knows to be new need not be named: the database refuses a second
    one of its id.
    """
    wanted = dict.fromkeys(accounts)
    named = list(dict.fromkeys(transfers))
    for row in rows_by(tx, store.transfers, "id", named, shop_id=shop_id):
        wanted |= {row[_T["source"]]: None, row[_T["target"]]: None}
    # Locked in one order by all, so that no two batches wait for each other in a ring.
    lock = "" if tx.dialect.name == "sqlite" else "for update"
    rows = rows_by(tx, store.accounts, "key", sorted(wanted), suffix=lock, shop_id=shop_id)
    opened = {row[_A["key"]]: _account(row) for row in rows}
    # Read again: only under the locks it is sure how far a transfer came.
    known = {
        row[_T["id"]]: _transfer(row)
        for row in rows_by(tx, store.transfers, "id", named, shop_id=shop_id)
    }
    lots = _read_lots(tx, shop_id, opened, known)
    return Batch(opened, now=now, transfers=known, lots=lots)


def keep(tx: Connection, *, shop: Shop, batch: Batch) -> None:
    """Write what a batch decided, with one fact a movement."""
    changed = [account for account in batch.touched.values() if not account.is_new]
    update_rows(
        tx,
        store.accounts,
        ("low", "high", "balance", "held", "awaiting"),
        [(shop.id, a.key, a.low, a.high, a.balance, a.held, a.awaiting) for a in changed],
    )
    fresh = sorted((a for a in batch.touched.values() if a.is_new), key=lambda a: a.key)
    # Two that open one account at a moment both bring what they move; its bounds still hold.
    insert_rows(
        tx,
        store.accounts,
        [_account_row(shop.id, a, batch.now) for a in fresh],
        adding=("balance", "held", "awaiting"),
    )
    moved = list({id(transfer): transfer for transfer, _ in batch.movements}.values())
    insert_rows(tx, store.transfers, [_transfer_row(shop.id, t) for t in moved if t.is_new])
    update_rows(
        tx,
        store.transfers,
        ("state", "ended_at"),
        [(t.seq, str(t.state), t.ended_at) for t in moved if not t.is_new],
    )
    _keep_lots(tx, shop.id, batch, moved)
    facts = [_fact(shop, transfer, step, batch.now) for transfer, step in batch.movements]
    append_once(tx, facts, now=batch.now)
    for account in fresh:
        account.is_new = False


def _open_shared(tx: Connection, shop_id: UUID, chains: Sequence[Chain], now: datetime) -> None:
    """Open missing accounts before they are locked, so that their bounds are met in memory.

    Two that open one account at a moment would both believe it empty, and the second would break
    its bound in the database. SQLite has one writer, so there it cannot be.
    """
    # One that no database can keep is refused with its chain, later.
    openings = {
        each.key: each
        for chain in chains
        for each in chain.openings
        if opening_problem(each) is None
    }
    if tx.dialect.name == "sqlite" or not openings:
        return
    known = {
        row[_A["key"]] for row in rows_by(tx, store.accounts, "key", openings, shop_id=shop_id)
    }
    missing = [_account_row(shop_id, OpenAccount(openings[key]), now)
               for key in sorted(openings) if key not in known]  # fmt: skip
    if missing:
        names = store.accounts.columns.keys()
        tx.execute(
            insert_into(tx, store.accounts).on_conflict_do_nothing(),
            [dict(zip(names, row, strict=True)) for row in missing],
        )


def expire_due(tx: Connection, *, shop: Shop, now: datetime, limit: int = 500) -> int:
    """End reserved transfers whose time is over, and lots whose time is; return how many."""
    table = store.transfers
    due = tx.execute(
        select(table.c.id)
        .where(
            table.c.shop_id == shop.id,
            table.c.state == TransferState.RESERVED,
            table.c.expires_at <= now,
        )
        .order_by(table.c.expires_at)
        .limit(limit)
    ).scalars()
    chains = [Chain((Expire(each),)) for each in due]
    chains += [_expired_lot(shop, row, now) for row in _due_lots(tx, shop, now, limit)]
    if not chains:
        return 0
    # A refused one was ended by somebody else since it was read.
    return sum(refused is None for refused in transact(tx, shop=shop, chains=chains, now=now))


def reversed_chain(
    tx: Connection, *, shop_id: UUID, ids: Iterable[str], now: datetime
) -> Chain | None:
    """Return the chain that undoes those of some transfers that took place, each once.

    What goes back into lots is a lot of its own that lasts as long as the longest of those it
    was taken from. None when there is nothing to undo.
    """
    rows = rows_by(tx, store.transfers, "id", ids, shop_id=shop_id)
    posted = [row for row in rows if row[_T["state"]] == TransferState.POSTED]
    if not posted:
        return None
    until = _lasting(tx, shop_id, [row[_T["id"]] for row in posted])
    steps = [
        Transfer(
            joined("back", row[_T["id"]], length_max=ID_LENGTH_MAX),
            row[_T["target"]],
            row[_T["source"]],
            row[_T["amount"]],
            lot_expires_at=until.get(row[_T["id"]]),
            reference=row[_T["reference"]],
            customer_key=row[_T["customer_key"]],
            campaign_key=row[_T["campaign_key"]],
        )
        for row in posted
    ]
    return Chain(tuple(steps))


def _lasting(tx: Connection, shop_id: UUID, ids: list[str]) -> dict[str, datetime | None]:
    """Return until when the longest lot lasts that each transfer took from; None is for ever."""
    uses = rows_by(tx, store.lot_uses, "transfer_id", ids, shop_id=shop_id)
    lots = {row[1]: row[6] for row in rows_by(
        tx, store.lots, "id", {use[2] for use in uses}, shop_id=shop_id)}  # fmt: skip
    found: dict[str, datetime | None] = {}
    for _, transfer_id, lot_id, _, _ in uses:
        until = lots[lot_id]
        before = found.get(transfer_id, until)
        found[transfer_id] = None if until is None or before is None else max(until, before)
    return found


def reserved_for(tx: Connection, *, shop_id: UUID, references: Iterable[str]) -> list[str]:
    """Return the transfers that are still reserved for references, such as orders."""
    rows = rows_by(
        tx,
        store.transfers,
        "reference",
        references,
        suffix=f"and state = '{TransferState.RESERVED}'",
        shop_id=shop_id,
    )
    return [row[_T["id"]] for row in sorted(rows, key=lambda row: row[_T["seq"]])]


def _due_lots(tx: Connection, shop: Shop, now: datetime, limit: int) -> list[Any]:
    table = store.lots
    return list(
        tx.execute(
            select(table.c.id, table.c.account, table.c.left_over, store.accounts.c.unit)
            .join(
                store.accounts,
                (store.accounts.c.shop_id == table.c.shop_id)
                & (store.accounts.c.key == table.c.account),
            )
            .where(table.c.shop_id == shop.id, table.c.expires_at <= now, table.c.left_over > 0)
            .order_by(table.c.expires_at)
            .limit(limit)
        )
    )


def _expired_lot(shop: Shop, row: Any, now: datetime) -> Chain:
    target = f"{EXPIRED}:{row.unit}"
    step = Transfer(
        f"expired:{uuid7(now)}", row.account, target, row.left_over, lot=row.id, reference=row.id
    )
    return Chain((step,), (Opening(target, row.unit),))


def _accounts_of(chains: Sequence[Chain]) -> Iterable[str]:
    for chain in chains:
        for opening in chain.openings:
            yield opening.key
        for step in chain.steps:
            if isinstance(step, Transfer):
                yield step.source
                yield step.target


def _ids_of(chains: Sequence[Chain]) -> Iterable[str]:
    for chain in chains:
        for step in chain.steps:
            yield step.id if isinstance(step, Transfer) else step.of


def _read_lots(
    tx: Connection, shop_id: UUID, opened: dict[str, OpenAccount], known: dict[str, OpenTransfer]
) -> list[OpenLot]:
    in_lots = [account.key for account in opened.values() if account.in_lots]
    if not in_lots:
        return []
    rows = rows_by(tx, store.lots, "account", in_lots, suffix="and left_over > 0", shop_id=shop_id)
    reserved = [t.id for t in known.values() if t.state is TransferState.RESERVED]
    uses = rows_by(tx, store.lot_uses, "transfer_id", reserved, shop_id=shop_id)
    for _, transfer_id, lot_id, amount, _ in uses:
        known[transfer_id].lots[lot_id] = amount
    there = {row[1] for row in rows}
    rows += rows_by(tx, store.lots, "id", {use[2] for use in uses} - there, shop_id=shop_id)
    return [
        OpenLot(id_, account, amount, left, granted_at, expires_at, is_new=False)
        for _, id_, account, amount, left, granted_at, expires_at in rows
    ]


def _keep_lots(tx: Connection, shop_id: UUID, batch: Batch, moved: list[OpenTransfer]) -> None:
    touched = batch.touched_lots.values()
    insert_rows(
        tx,
        store.lots,
        [
            (shop_id, lot.id, lot.account, lot.amount, lot.left, lot.granted_at, lot.expires_at)
            for lot in touched
            if lot.is_new
        ],
    )
    update_rows(
        tx,
        store.lots,
        ("left_over",),
        [(shop_id, lot.id, lot.left) for lot in touched if not lot.is_new],
    )
    ended = {transfer.id for transfer in batch.given_back}
    insert_rows(
        tx,
        store.lot_uses,
        [
            (shop_id, transfer.id, lot_id, amount, transfer.id in ended)
            for transfer in moved
            if transfer.is_new
            for lot_id, amount in transfer.lots.items()
        ],
    )
    update_rows(
        tx,
        store.lot_uses,
        ("is_given_back",),
        [
            (shop_id, transfer.id, lot_id, True)
            for transfer in batch.given_back
            if not transfer.is_new
            for lot_id in transfer.lots
        ],
    )


def _account_row(shop_id: UUID, account: OpenAccount, now: datetime) -> tuple[Any, ...]:
    return (
        shop_id, account.key, account.unit, account.owner, account.low, account.high,
        account.in_lots, account.balance, account.held, account.awaiting, now,
    )  # fmt: skip


def _transfer_row(shop_id: UUID, transfer: OpenTransfer) -> tuple[Any, ...]:
    return (
        shop_id, transfer.id, transfer.source, transfer.target, transfer.unit, transfer.amount,
        transfer.kind, transfer.reserve, str(transfer.state), transfer.at, transfer.ended_at,
        transfer.expires_at, transfer.lot_expires_at, transfer.reference, transfer.customer_key,
        transfer.visitor_key, transfer.campaign_key,
    )  # fmt: skip


_A = {column.name: place for place, column in enumerate(store.accounts.columns)}
_T = {column.name: place for place, column in enumerate(store.transfers.columns)}


def _account(row: Sequence[Any]) -> OpenAccount:
    _, key, unit, owner, low, high, in_lots, balance, held, awaiting, _ = row
    opening = Opening(key, unit, owner, low, high, in_lots)
    return OpenAccount(opening, balance, held, awaiting, is_new=False)


def _transfer(row: Sequence[Any]) -> OpenTransfer:
    (seq, _, id_, source, target, unit, amount, kind, is_reserved, state, at, ended_at, expires_at,
     lot_expires_at, reference, customer_key, visitor_key, campaign_key) = row  # fmt: skip
    step = Transfer(
        id_, source, target, amount, is_reserved, expires_at, lot_expires_at, None, kind,
        reference, customer_key, visitor_key, campaign_key,
    )  # fmt: skip
    found = OpenTransfer(step, unit, at)
    found.seq, found.state, found.ended_at = seq, TransferState(state), ended_at
    found.is_new = False
    return found


def _fact(shop: Shop, transfer: OpenTransfer, step: str, now: datetime) -> Fact:
    """Return the fact of a movement; what takes place is of the transfer's own kind."""
    is_money = transfer.unit == MONEY
    return Fact(
        shop=shop.slug,
        kind=transfer.kind if step == "posted" else "transfer",
        occurred_at=now,
        source="springtide",
        external_id=fact_ids.build_of_movement(transfer.id, step),
        customer_key=transfer.customer_key,
        visitor_key=transfer.visitor_key,
        campaign_key=transfer.campaign_key,
        quantity=0 if is_money else transfer.amount,
        amount_minor=transfer.amount if is_money else 0,
        reference=transfer.reference,
        props={
            "source": transfer.source,
            "target": transfer.target,
            "unit": transfer.unit,
            "step": step,
        },
    )
