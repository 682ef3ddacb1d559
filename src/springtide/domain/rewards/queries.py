"""Reads of the rewards: their definitions, what was claimed, what a customer holds."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, Text, func, select, type_coerce

from springtide.domain.access.model import Shop
from springtide.domain.rewards.model import Claim, Granted, Reward, Terms, UnknownReward
from springtide.domain.rewards.states import ClaimState, RewardState
from springtide.domain.rewards.store import audience as _audience
from springtide.domain.rewards.store import claims as _claims
from springtide.domain.rewards.store import rewards as _rewards
from springtide.kit.bulk import rows_by
from springtide.kit.canonical import to_json
from springtide.kit.ids import outward


def reward(tx: Connection, *, shop: Shop, reward_id: UUID) -> Reward:
    """Return a reward; raises UnknownReward."""
    found = rewards_by_ids(tx, shop=shop, ids=[reward_id])
    if reward_id not in found:
        raise UnknownReward(key=outward("rwd", reward_id))
    return found[reward_id]


def rewards_by_ids(tx: Connection, *, shop: Shop, ids: Iterable[UUID]) -> dict[UUID, Reward]:
    """Return the rewards of these ids that the shop has."""
    rows = rows_by(tx, _rewards, "id", ids, shop_id=shop.id)
    return {row[0]: _reward(row, shop) for row in rows}


def rewards_page(
    tx: Connection, *, shop: Shop, campaign_id: UUID | None = None, limit: int = 100
) -> list[Reward]:
    """Return the shop's rewards, the newest first; of one campaign where one is given."""
    query = select(_rewards).where(_rewards.c.shop_id == shop.id)
    if campaign_id is not None:
        query = query.where(_rewards.c.campaign_id == campaign_id)
    rows = tx.execute(query.order_by(_rewards.c.saved_at.desc(), _rewards.c.id).limit(limit))
    return [_reward(tuple(row), shop) for row in rows]


def rewards_of_kind(
    tx: Connection, *, shop: Shop, kind: str, is_open: bool = False
) -> list[Reward]:
    """Return the rewards of a kind that were published; ``is_open``: that still give."""
    query = select(_rewards).where(
        _rewards.c.shop_id == shop.id,
        _rewards.c.kind == kind,
        _rewards.c.state != RewardState.DRAFT,
    )
    if is_open:
        is_published = _rewards.c.state == RewardState.PUBLISHED
        query = query.where(is_published, _rewards.c.settled_at.is_(None))
    return [_reward(tuple(row), shop) for row in tx.execute(query)]


def rules_given(tx: Connection, *, shop: Shop, rules: Iterable[str]) -> set[str]:
    """Return which of these price rules are given to customers by a published reward."""
    published = [_rewards.c.shop_id == shop.id, _rewards.c.state != RewardState.DRAFT]
    params = type_coerce(_rewards.c.params, Text)
    found = set()
    for rule in set(rules):
        named = params.contains(to_json(rule), autoescape=True)
        if tx.execute(select(_rewards.c.id).where(*published, named).limit(1)).first():
            found.add(rule)
    return found


def claims_by_keys(tx: Connection, *, shop_id: UUID, keys: Iterable[str]) -> list[Claim]:
    """Return the granted claims of these keys."""
    return [claim_of_row(row)[0] for row in rows_by(tx, _claims, "key", keys, shop_id=shop_id)]


def claims_by_ids(tx: Connection, *, reward_id: UUID, ids: Iterable[UUID]) -> list[Claim]:
    """Return a reward's claims of these ids, the oldest first."""
    rows = rows_by(tx, _claims, "id", ids, reward_id=reward_id)
    return sorted((claim_of_row(row)[0] for row in rows), key=lambda claim: claim.id)


def claims_of_reward(
    tx: Connection, *, reward_id: UUID, before: UUID | None = None, limit: int = 50
) -> list[Claim]:
    """Return what was claimed of a reward, the newest first."""
    query = select(_claims).where(_claims.c.reward_id == reward_id)
    if before is not None:
        query = query.where(_claims.c.id < before)
    rows = tx.execute(query.order_by(_claims.c.id.desc()).limit(limit))
    return [claim_of_row(tuple(row))[0] for row in rows]


def all_grants(tx: Connection, *, reward_id: UUID) -> list[tuple[str, Granted]]:
    """Return who was granted what of a reward, all of it."""
    query = select(_claims.c.customer_key, _claims.c.granted)
    rows = tx.execute(query.where(_claims.c.reward_id == reward_id))
    return [(row.customer_key, msgspec.convert(row.granted, Granted)) for row in rows]


def shop_of_reward(tx: Connection, *, reward_id: UUID) -> UUID | None:
    """Return whose reward it is."""
    return tx.execute(select(_rewards.c.shop_id).where(_rewards.c.id == reward_id)).scalar()


def invited_page(tx: Connection, *, reward_id: UUID, after: str, limit: int) -> list[str]:
    """Return whom a targeted reward is for, by key, from after a key on."""
    query = select(_audience.c.customer_key).where(
        _audience.c.reward_id == reward_id, _audience.c.customer_key > after
    )
    return list(tx.execute(query.order_by(_audience.c.customer_key).limit(limit)).scalars())


def invited_count(tx: Connection, *, reward_id: UUID) -> int:
    """Return how many a targeted reward is for."""
    query = select(func.count()).select_from(_audience).where(_audience.c.reward_id == reward_id)
    return int(tx.execute(query).scalar_one())


def claim_count(tx: Connection, *, reward_id: UUID) -> int:
    """Return how many claims of a reward were granted."""
    query = select(func.count()).select_from(_claims).where(_claims.c.reward_id == reward_id)
    return int(tx.execute(query).scalar_one())


def claim_keys(tx: Connection, *, reward_id: UUID, limit: int) -> list[str]:
    """Return the keys of a reward's granted claims, at most so many."""
    query = select(_claims.c.key).where(_claims.c.reward_id == reward_id).limit(limit)
    return list(tx.execute(query).scalars())


def held_by(tx: Connection, *, shop_id: UUID, customer_key: str, now: datetime) -> list[Claim]:
    """Return what a customer holds and may still use, the oldest first; paid presales too."""
    rows = tx.execute(
        select(_claims)
        .where(
            _claims.c.shop_id == shop_id,
            _claims.c.customer_key == customer_key,
            _claims.c.state.in_((ClaimState.HELD, ClaimState.DEPOSITED)),
            (_claims.c.expires_at.is_(None)) | (_claims.c.expires_at > now),
        )
        .order_by(_claims.c.id)
        .limit(500)
    )
    return [claim_of_row(tuple(row))[0] for row in rows]


def claim_of_row(row: Sequence[Any]) -> tuple[Claim, str]:
    """Return the claim of a row of the table, and what was asked."""
    (reward_id, id_, _, key, asked, customer_key, granted, _, _, state, claimed_at, expires_at,
     order_key) = row  # fmt: skip
    claim = Claim(
        id=id_,
        key=key,
        reward_id=reward_id,
        customer_key=customer_key,
        granted=msgspec.convert(granted, Granted),
        state=ClaimState(state),
        claimed_at=claimed_at,
        expires_at=expires_at,
        order_key=order_key,
    )
    return claim, asked


def _reward(row: Sequence[Any], shop: Shop) -> Reward:
    (id_, shop_id, campaign_id, kind, name, params, terms, state, opens_at, closes_at, seed, _,
     _) = row  # fmt: skip
    return Reward(
        id=id_,
        shop_id=shop_id,
        key=outward("rwd", id_),
        campaign_id=campaign_id,
        campaign_key=None if campaign_id is None else outward("cmp", campaign_id),
        kind=kind,
        name=name,
        params=params,
        terms=msgspec.convert(terms, Terms),
        state=RewardState(state),
        opens_at=opens_at,
        closes_at=closes_at,
        seed=seed,
        zone_name=shop.zone_name,
    )
