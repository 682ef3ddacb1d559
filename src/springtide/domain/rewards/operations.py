"""Writes of the rewards: saved, published, filled up, stopped, settled when they are over."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, insert, or_, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Shop
from springtide.domain.access.operations import record_act
from springtide.domain.ledger.model import Chain, Opening, Transfer
from springtide.domain.ledger.operations import keep, move, open_batch
from springtide.domain.rewards.checks import BadWindow, name_problem, terms_problems
from springtide.domain.rewards.checks import found as found_problems
from springtide.domain.rewards.games import checked_game, read_game
from springtide.domain.rewards.model import Closed, Filling, Reward, RewardFrozen, Terms
from springtide.domain.rewards.queries import reward as read_reward
from springtide.domain.rewards.states import RewardState
from springtide.domain.rewards.store import audience
from springtide.domain.rewards.store import rewards as rewards_table
from springtide.domain.rewards.tickets import refuse_ticketless, wrong_draw
from springtide.kit import ids
from springtide.kit.db import insert_into
from springtide.kit.errors import N_, Invalid

SAVED = AuditAction("reward.saved", N_("Reward saved"), AuditGroup.REWARDS)
PUBLISHED = AuditAction("reward.published", N_("Reward published"), AuditGroup.REWARDS)
STOPPED = AuditAction("reward.stopped", N_("Reward stopped"), AuditGroup.REWARDS)


def save_reward(
    act: Act,
    *,
    reward_id: UUID | None = None,
    campaign_id: UUID | None = None,
    kind: str,
    name: str,
    params: Mapping[str, Any],
    terms: Terms,
    opens_at: datetime,
    closes_at: datetime,
) -> Reward:
    """Save a new reward, or a draft anew; what is published is refused (RewardFrozen).

    Raises Invalid by field: ``name``, ``closes_at``, terms and parameters by their names.
    """
    problems = terms_problems(terms) | found_problems(name=name_problem(name))
    if closes_at <= opens_at:
        problems["closes_at"] = BadWindow()
    if problems:
        raise Invalid(problems)
    game = checked_game(kind, params, terms)
    if wrong := wrong_draw(act.tx, shop=act.shop, game=game, now=act.now):
        raise Invalid({"draw": wrong})
    values = {
        "campaign_id": campaign_id,
        "kind": kind,
        "name": name,
        "params": dict(params),
        "terms": msgspec.to_builtins(terms),
        "opens_at": opens_at,
        "closes_at": closes_at,
        "saved_at": act.now,
    }
    before = None
    if reward_id is None:
        reward_id = ids.uuid7(act.now)
        state, seed = RewardState.DRAFT, secrets.token_hex(32)
        row = {"id": reward_id, "shop_id": act.shop.id, "state": state, "seed": seed}
        act.tx.execute(insert(rewards_table).values(**row, **values))
    else:
        found = _locked(act.tx, act.shop, reward_id)
        if found.state is not RewardState.DRAFT:
            raise RewardFrozen
        refuse_ticketless(act.tx, shop=act.shop, key=found.key, game=game)
        before = _told(found)
        act.tx.execute(
            update(rewards_table).where(rewards_table.c.id == reward_id).values(**values)
        )
    saved = read_reward(act.tx, shop=act.shop, reward_id=reward_id)
    after = _told(saved)
    record_act(act, action=SAVED, subject=saved.key, before=before, after=after)
    return saved


def publish_reward(act: Act, *, reward_id: UUID) -> Reward:
    """Open a reward's accounts, fill them, and freeze it; again changes nothing.

    Raises Closed, and UnknownDraw for tickets of a draw that was stopped meanwhile.
    """
    found = _locked(act.tx, act.shop, reward_id)
    if found.state is RewardState.PUBLISHED:
        return found
    if found.state is RewardState.STOPPED or act.now >= found.closes_at:
        raise Closed
    if wrong := wrong_draw(
        act.tx, shop=act.shop, game=read_game(found.kind, found.params), now=act.now
    ):
        raise wrong
    act.tx.execute(
        update(rewards_table)
        .where(rewards_table.c.id == reward_id)
        .values(state=RewardState.PUBLISHED)
    )
    published = read_reward(act.tx, shop=act.shop, reward_id=reward_id)
    record_act(
        act, action=PUBLISHED, subject=published.key, before=_told(found), after=_told(published)
    )
    steps, openings = [], []
    for filling in _fillings(published):
        source = f"{filling.account}:source"
        openings += [
            Opening(source, filling.unit, low=None, high=0),
            Opening(filling.account, filling.unit),
        ]
        steps.append(
            Transfer(
                f"fill:{filling.account}",
                source,
                filling.account,
                filling.amount,
                reference=published.key,
                campaign_key=published.campaign_key,
            )
        )
    move(act.tx, shop=act.shop, chain=Chain(tuple(steps), tuple(openings)), now=act.now)
    return published


def stop_reward(act: Act, *, reward_id: UUID) -> Reward:
    """Stop a reward at once and give back what is left; what was claimed stays claimed."""
    found = _locked(act.tx, act.shop, reward_id)
    if found.state is RewardState.STOPPED:
        return found
    act.tx.execute(
        update(rewards_table)
        .where(rewards_table.c.id == reward_id)
        .values(state=RewardState.STOPPED)
    )
    stopped = read_reward(act.tx, shop=act.shop, reward_id=reward_id)
    record_act(act, action=STOPPED, subject=stopped.key, before=_told(found), after=_told(stopped))
    _settle(act.tx, shop=act.shop, found=stopped, now=act.now)
    return stopped


def settle_over(tx: Connection, *, shop: Shop, now: datetime, limit: int = 50) -> int:
    """Give back what is left of rewards that are over or stopped; return how many are settled.

    One of which something is still reserved waits for the end of that.
    """
    table = rewards_table
    due = tx.execute(
        select(table.c.id)
        .where(
            table.c.shop_id == shop.id,
            or_(
                table.c.state == RewardState.STOPPED,
                (table.c.state == RewardState.PUBLISHED) & (table.c.closes_at <= now),
            ),
            table.c.settled_at.is_(None),
        )
        .order_by(table.c.closes_at)
        .limit(limit)
    ).scalars()
    found = [read_reward(tx, shop=shop, reward_id=reward_id) for reward_id in due.all()]
    return sum([_settle(tx, shop=shop, found=each, now=now) for each in found if _over(each, now)])


def _over(found: Reward, now: datetime) -> bool:
    """Tell whether nothing more can be needed of what is left."""
    lasts = read_game(found.kind, found.params).lasts
    return found.state is RewardState.STOPPED or now >= found.closes_at + lasts


def invite(tx: Connection, *, reward_id: UUID, customer_keys: Iterable[str]) -> int:
    """Put customers on the list of a targeted reward; return how many names were given."""
    rows = [{"reward_id": reward_id, "customer_key": key} for key in dict.fromkeys(customer_keys)]
    if rows:
        tx.execute(insert_into(tx, audience).on_conflict_do_nothing(), rows)
    return len(rows)


def _settle(tx: Connection, *, shop: Shop, found: Reward, now: datetime) -> bool:
    """Return what nobody claimed to where it came from; tell whether that was all.

    Under the locks of the accounts: a claim that is decided meanwhile comes before or after.
    """
    names = [filling.account for filling in _fillings(found)]
    wanted = [*names, *(f"{name}:source" for name in names)]
    batch = open_batch(tx, shop_id=shop.id, accounts=wanted, now=now)
    is_all = True
    for name in names:
        # A draft that was stopped has none.
        account = batch.accounts.get(name)
        if account is None:
            continue
        is_all = is_all and not account.held
        if account.available > 0:
            back = Transfer(
                f"left:{ids.uuid7(now)}",
                name,
                f"{name}:source",
                account.available,
                reference=found.key,
                campaign_key=found.campaign_key,
            )
            refused = batch.apply(Chain((back,)))
            if refused is not None:
                raise refused
    keep(tx, shop=shop, batch=batch)
    if is_all:
        row = rewards_table.c.id == found.id
        tx.execute(update(rewards_table).where(row).values(settled_at=now))
    return is_all


def budget_of(found: Reward) -> dict[str, int]:
    """Return what a reward may give in all, by unit of the ledger (points, minor units)."""
    budget: dict[str, int] = {}
    for filling in _fillings(found)[1:]:
        budget[filling.unit] = budget.get(filling.unit, 0) + filling.amount
    return budget


def _fillings(found: Reward) -> Sequence[Filling]:
    game = read_game(found.kind, found.params)
    claims = Filling(found.left, f"{found.key}:claims", found.terms.quantity)
    return (claims, *game.fillings(found))


def _locked(tx: Connection, shop: Shop, reward_id: UUID) -> Reward:
    tx.execute(select(rewards_table.c.id).where(rewards_table.c.id == reward_id).with_for_update())
    return read_reward(tx, shop=shop, reward_id=reward_id)


def _told(found: Reward) -> dict[str, Any]:
    return {
        "name": found.name,
        "kind": found.kind,
        "params": dict(found.params),
        "terms": msgspec.to_builtins(found.terms),
        "state": str(found.state),
        "opens_at": found.opens_at.isoformat(),
        "closes_at": found.closes_at.isoformat(),
    }
