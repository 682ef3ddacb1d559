"""Groups that buy together: kept when they open, decided when they are full or their time is over.

Joined places are an account of the ledger, bounded by the group's size; this table says when a
group ends and what became of it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select, update

from springtide.domain.access.model import Shop
from springtide.domain.ledger.operations import open_batch
from springtide.domain.ledger.queries import accounts_by_keys, transfers_into
from springtide.domain.rewards.games.group_buy import GroupUnknown, group_account
from springtide.domain.rewards.model import Claim, Group, GroupState
from springtide.domain.rewards.queries import claims_by_ids
from springtide.domain.rewards.store import groups as _groups
from springtide.kit.bulk import insert_rows, rows_by
from springtide.kit.errors import N_
from springtide.kit.ids import inward, outward

#: A group that buys together.
GROUP_STATES = {"open": N_("Open"), "done": N_("Filled"), "short": N_("Short, paid back")}

DONE: Final = "done"
SHORT: Final = "short"


def group(tx: Connection, *, shop_id: UUID, key: str) -> Group:
    """Return a group; raises GroupUnknown."""
    found = groups_by_keys(tx, shop_id=shop_id, keys=[key])
    if key not in found:
        raise GroupUnknown
    return found[key]


def groups_by_keys(tx: Connection, *, shop_id: UUID, keys: Iterable[str]) -> dict[str, Group]:
    """Return the groups of these keys that there are."""
    rows = rows_by(tx, _groups, "key", keys, shop_id=shop_id)
    return {row[1]: _group(row) for row in rows}


def groups_of(
    tx: Connection, *, reward_id: UUID, open_at: datetime | None = None, limit: int = 50
) -> list[Group]:
    """Return a reward's groups, the newest first; with ``open_at`` those that are open then."""
    query = select(_groups).where(_groups.c.reward_id == reward_id)
    if open_at is not None:
        query = query.where(_groups.c.state == "open", _groups.c.ends_at > open_at)
    rows = tx.execute(query.order_by(_groups.c.opened_at.desc(), _groups.c.key).limit(limit))
    return [_group(tuple(row)) for row in rows]


def places_of(
    tx: Connection, *, shop_id: UUID, found: Iterable[Group]
) -> list[tuple[Group, int, int]]:
    """Return groups, each with how many have paid, and how many places are still to be taken."""
    keys = {each: group_account(outward("rwd", each.reward_id), each.key) for each in found}
    accounts = accounts_by_keys(tx, shop_id=shop_id, keys=keys.values())
    places = []
    for each, key in keys.items():
        account = accounts[key]
        if each.reached is None:
            left = each.size - account.balance - account.awaiting
            places.append((each, account.balance, left))
        else:
            places.append((each, each.reached, 0))
    return places


def keep_groups(tx: Connection, *, shop_id: UUID, opened: Sequence[Group]) -> None:
    """Write groups that were opened."""
    insert_rows(
        tx,
        _groups,
        [
            (shop_id, g.key, g.reward_id, g.opened_by, g.product_key, g.size, g.state, g.opened_at,
             g.ends_at, g.reached, None)
            for g in opened
        ],
    )  # fmt: skip


def due_groups(tx: Connection, *, shop_id: UUID, now: datetime, limit: int) -> list[Group]:
    """Return groups whose time is over and of which something is left to do, the first first."""
    rows = tx.execute(
        select(_groups)
        .where(
            _groups.c.shop_id == shop_id,
            _groups.c.ends_at <= now,
            _groups.c.settled_at.is_(None),
        )
        .order_by(_groups.c.ends_at)
        .limit(limit)
    )
    return [_group(tuple(row)) for row in rows]


def end_now(tx: Connection, *, shop_id: UUID, keys: Iterable[str], now: datetime) -> None:
    """Let open groups end at once: all their places are paid."""
    tx.execute(
        update(_groups)
        .where(
            _groups.c.shop_id == shop_id,
            _groups.c.key.in_(list(keys)),
            _groups.c.state == "open",
            _groups.c.ends_at > now,
        )
        .values(ends_at=now)
    )


def decide(tx: Connection, *, shop: Shop, found: Group, least: int, now: datetime) -> Group | None:
    """Decide a group whose time is over, once: done with at least so many who paid, or short.

    None while a place is still reserved. Under the lock of its account, so that a payment comes
    before or after.
    """
    reward_key = outward("rwd", found.reward_id)
    account = group_account(reward_key, found.key)
    batch = open_batch(tx, shop_id=shop.id, accounts=[account], now=now)
    current = group(tx, shop_id=shop.id, key=found.key)
    if not current.is_open:
        return current
    place = batch.accounts[account]
    if place.awaiting:
        return None
    state: GroupState = DONE if place.balance >= least else SHORT
    tx.execute(
        update(_groups)
        .where(_groups.c.shop_id == shop.id, _groups.c.key == found.key)
        .values(state=state, reached=place.balance)
    )
    return msgspec.structs.replace(current, state=state, reached=place.balance)


def mark_settled(tx: Connection, *, shop_id: UUID, key: str, now: datetime) -> None:
    """Note that nothing is left to do for a group."""
    tx.execute(
        update(_groups)
        .where(_groups.c.shop_id == shop_id, _groups.c.key == key)
        .values(settled_at=now)
    )


def members_of(tx: Connection, *, shop_id: UUID, found: Group) -> list[Claim]:
    """Return the claims that paid for a place in a group, the first first."""
    account = group_account(outward("rwd", found.reward_id), found.key)
    moved = transfers_into(tx, shop_id=shop_id, key=account)
    ids = [inward("clm", each.id.partition(":")[0]) for each in moved]
    return claims_by_ids(tx, reward_id=found.reward_id, ids=ids)


def _group(row: Sequence[Any]) -> Group:
    (_, key, reward_id, opened_by, product_key, size, state, opened_at, ends_at, reached, _) = row
    return Group(key, reward_id, opened_by, product_key, size, state, opened_at, ends_at, reached)
