"""A batch of claims decided together: read, played and kept with a fixed number of statements.

First come, first served: attempts are played one after the other over accounts that are locked
for the batch, so what one takes the next does not find. Answers are given after the commit.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import BoundReached, Chain, Opening, Transfer
from springtide.domain.ledger.operations import keep, open_batch
from springtide.domain.rewards.codes import codes_brought, wrong_code
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.grants import POINTS, points_account
from springtide.domain.rewards.groups import groups_by_keys, keep_groups
from springtide.domain.rewards.model import (
    AddressLimit,
    Attempt,
    Claim,
    Closed,
    CustomerLimit,
    DeviceLimit,
    Game,
    Group,
    NotForTier,
    NotInPieces,
    NotInvited,
    NotOpen,
    NotToday,
    Played,
    Reward,
    SoldOut,
    TooFast,
    TooFewPoints,
    UnknownReward,
)
from springtide.domain.rewards.queries import claim_of_row, rewards_by_ids
from springtide.domain.rewards.states import ClaimState, RewardState
from springtide.domain.rewards.store import audience
from springtide.domain.rewards.store import claims as claims_table
from springtide.domain.rewards.store import codes as codes_table
from springtide.kit.bulk import insert_rows, rows_by, update_rows
from springtide.kit.errors import N_, Refusal
from springtide.kit.idempotency import KeyReused
from springtide.kit.ids import outward, uuid7

Outcome = Claim | Refusal


class DeviceMissing(Refusal):
    """A claim that does not say its device, where devices are counted."""

    code = "reward_device_missing"
    status = 409
    text = N_("Each device has its share of this: say which one claims (device).")


class AddressMissing(Refusal):
    """A claim that does not say its buyer's address, where addresses are counted."""

    code = "reward_address_missing"
    status = 409
    text = N_("Each address has its share of this: say which one claims (address).")


def claim_batch(
    tx: Connection, *, shop: Shop, attempts: Sequence[Attempt], now: datetime
) -> list[Outcome]:
    """Decide a batch of claims in order; return what each gets, or why it gets nothing.

    The key of a claim that was granted before has the same answer again, and no other effect.
    Call it in a fresh write transaction, and answer nobody before it is committed.
    """
    rewards = rewards_by_ids(tx, shop=shop, ids={each.reward_id for each in attempts})
    games = {id_: read_game(reward.kind, reward.params) for id_, reward in rewards.items()}
    invited = _invited(tx, rewards, attempts)
    opened: list[Group] = []
    codes = codes_brought(rewards, attempts)
    accounts = _accounts_of(rewards, games, attempts, now)
    batch = open_batch(tx, shop_id=shop.id, accounts=accounts, now=now)
    owners = {
        row[1]: (row[2], row[4])
        for row in rows_by(tx, codes_table, "code", codes.values(), shop_id=shop.id)
    }
    groups = groups_by_keys(tx, shop_id=shop.id, keys={a.group for a in attempts if a.group})
    # Under the locks: what another process granted for a key meanwhile is committed by now.
    keys = [attempt.key for attempt in attempts]
    known = {
        row[_KEY]: claim_of_row(row) for row in rows_by(tx, claims_table, "key", keys,
                                                         shop_id=shop.id)
    }  # fmt: skip
    fresh: dict[str, tuple[Claim, Attempt]] = {}
    asked = {row_key: claim[1] for row_key, claim in known.items()}
    outcomes: list[Outcome] = []
    for attempt in attempts:
        if attempt.key in asked:
            outcomes.append(_again(attempt, asked, known, fresh))
            continue
        reward = rewards.get(attempt.reward_id)
        if reward is None:
            outcomes.append(UnknownReward(key=outward("rwd", attempt.reward_id)))
            continue
        wrong = _not_for(reward, attempt, invited) or wrong_code(
            reward, attempt, codes.get((attempt.key, attempt.asked)), owners
        )
        if attempt.group:
            attempt = msgspec.structs.replace(attempt, joining=groups.get(attempt.group))
        outcome = _claim(reward, games[reward.id], attempt, batch, wrong, opened)
        outcomes.append(outcome)
        if isinstance(outcome, Claim):
            if (code := codes.get((attempt.key, attempt.asked))) is not None:
                owners[code] = (reward.id, outcome.id)
            fresh[attempt.key] = (outcome, attempt)
            asked[attempt.key] = attempt.asked
    _keep_claims(tx, shop.id, fresh.values(), codes)
    keep_groups(tx, shop_id=shop.id, opened=opened)
    keep(tx, shop=shop, batch=batch)
    return outcomes


def _keep_claims(
    tx: Connection,
    shop_id: UUID,
    fresh: Collection[tuple[Claim, Attempt]],
    codes: Mapping[tuple[str, str], str],
) -> None:
    insert_rows(tx, claims_table, [_row(shop_id, claim, attempt) for claim, attempt in fresh])
    used = [
        (shop_id, code, claim.id)
        for claim, attempt in fresh
        if (code := codes.get((attempt.key, attempt.asked))) is not None
    ]
    update_rows(tx, codes_table, ("claim_id",), used)


def _again(
    attempt: Attempt,
    asked: Mapping[str, str],
    known: Mapping[str, tuple[Claim, str]],
    fresh: Mapping[str, tuple[Claim, Attempt]],
) -> Outcome:
    if asked[attempt.key] != attempt.asked:
        return KeyReused(key=attempt.key.partition(":")[2])
    found = known[attempt.key][0] if attempt.key in known else fresh[attempt.key][0]
    return msgspec.structs.replace(found, replayed=True)


def _claim(
    reward: Reward,
    game: Game,
    attempt: Attempt,
    batch: Batch,
    wrong: Refusal | None,
    opened: list[Group],
) -> Outcome:
    now = batch.now
    shut = _shut(reward, attempt, now)
    if shut is not None:
        return shut
    if attempt.quantity != 1 and not game.in_pieces:
        return NotInPieces()
    if wrong is not None:
        return wrong
    left = batch.accounts[reward.left]
    if left.available < attempt.quantity:
        return SoldOut(left=left.available)
    claim_id = uuid7(now)
    claim_key = outward("clm", claim_id)
    try:
        played = game.play(reward, attempt, claim_key, batch)
    except Refusal as refused:
        return refused
    refused_by = batch.apply(_chain(reward, attempt, claim_key, played, now))
    if refused_by is not None:
        return _told(refused_by, reward, attempt, now)
    if played.opens_group is not None:
        opened.append(played.opens_group)
    return Claim(
        id=claim_id,
        key=attempt.key,
        reward_id=reward.id,
        customer_key=attempt.customer_key,
        granted=played.granted,
        state=ClaimState.HELD,
        claimed_at=now,
        expires_at=played.expires_at,
    )


def shut_at(reward: Reward, now: datetime) -> Refusal | None:
    """Return why nobody may claim at an instant, or None."""
    if reward.state is RewardState.DRAFT or now < reward.opens_at:
        return NotOpen(opens_at=reward.opens_at.isoformat())
    if reward.state is RewardState.STOPPED or now >= reward.closes_at:
        return Closed()
    days = reward.terms.weekdays
    if days and now.astimezone(ZoneInfo(reward.zone_name)).weekday() not in days:
        return NotToday()
    return None


def _not_for(
    reward: Reward, attempt: Attempt, invited: Collection[tuple[UUID, str]]
) -> Refusal | None:
    """Return why a reward is not for a customer, or None."""
    terms = reward.terms
    if terms.is_targeted and (reward.id, attempt.customer_key) not in invited:
        return NotInvited()
    if terms.tiers and attempt.tier not in terms.tiers:
        return NotForTier(tiers=list(terms.tiers))
    if attempt.is_given:
        return None
    # Who does not say what is counted would go without any bound.
    if terms.per_device is not None and not attempt.device:
        return DeviceMissing()
    if terms.per_address is not None and not attempt.address:
        return AddressMissing()
    return None


def _shut(reward: Reward, attempt: Attempt, now: datetime) -> Refusal | None:
    """Return why an attempt comes at the wrong time; an order counts when it was placed."""
    return shut_at(reward, now if attempt.bought is None else attempt.bought.placed_at)


def _chain(
    reward: Reward, attempt: Attempt, claim_key: str, played: Played, now: datetime
) -> Chain:
    """Return all that a claim moves: what is left, the limits, the cost, what the game gives."""
    terms, owner = reward.terms, attempt.customer_key
    unit = f"{reward.key}:claims"
    # What is only reserved is found again by its claim.
    reference = reward.key if played.reserved_until is None else claim_key
    target, bound = _taken(reward, owner), terms.per_customer
    steps = [
        Transfer(
            f"{claim_key}:claim",
            reward.left,
            target,
            attempt.quantity,
            reserve=played.reserved_until is not None,
            expires_at=played.reserved_until,
            kind="claim",
            reference=reference,
            customer_key=owner,
            visitor_key=attempt.visitor_key,
            campaign_key=reward.campaign_key,
        )
    ]
    openings = [Opening(target, unit, high=bound)]
    seen = reward.account("seen")
    for account, limit, _ in _limits(reward, attempt, now):
        step_id = f"{claim_key}:{len(steps)}"
        steps.append(
            Transfer(
                step_id,
                seen,
                account,
                attempt.quantity,
                reserve=played.reserved_until is not None,
                expires_at=played.reserved_until,
                reference=reference,
            )
        )
        openings += [Opening(seen, unit, low=None), Opening(account, unit, high=limit)]
    if terms.cost_points:
        spent = reward.account("spent")
        steps.append(
            Transfer(
                f"{claim_key}:cost",
                points_account(owner),
                spent,
                terms.cost_points * attempt.quantity,
                reserve=played.reserved_until is not None,
                expires_at=played.reserved_until,
                reference=reference,
                customer_key=owner,
            )
        )
        openings += [
            Opening(spent, POINTS),
            Opening(points_account(owner), POINTS, owner, in_lots=True),
        ]
    return Chain((*steps, *played.steps), (*openings, *played.openings))


def _taken(reward: Reward, owner: str) -> str:
    """Return where claims go: to the customer where there is a limit, else to one account."""
    if reward.terms.per_customer is None:
        return reward.account("given")
    return reward.account("taken", owner)


class _Limit(NamedTuple):
    """An account that bounds a claim, how much it takes, and what its end is called."""

    account: str
    high: int
    refusal: type[Refusal]


def _limits(reward: Reward, attempt: Attempt, now: datetime) -> list[_Limit]:
    """Return what bounds a claim beside the customer: the device, the address, the minute."""
    terms = reward.terms
    found = []
    if terms.per_device is not None and attempt.device:
        account = reward.account("device", attempt.device)
        found.append(_Limit(account, terms.per_device, DeviceLimit))
    if terms.per_address is not None and attempt.address:
        account = reward.account("address", attempt.address)
        found.append(_Limit(account, terms.per_address, AddressLimit))
    if terms.per_minute is not None:
        account = reward.account("minute", f"{now:%y%m%d%H%M}", attempt.customer_key)
        found.append(_Limit(account, terms.per_minute, TooFast))
    return found


def _accounts_of(
    rewards: Mapping[UUID, Reward],
    games: Mapping[UUID, Game],
    attempts: Sequence[Attempt],
    now: datetime,
) -> dict[str, None]:
    return {
        account: None
        for attempt in attempts
        if (reward := rewards.get(attempt.reward_id)) is not None
        for account in _accounts(reward, games[reward.id], attempt, now)
    }


def _accounts(reward: Reward, game: Game, attempt: Attempt, now: datetime) -> list[str]:
    owner = attempt.customer_key
    found = [reward.left, _taken(reward, owner), reward.account("seen")]
    found += [each.account for each in _limits(reward, attempt, now)]
    if reward.terms.cost_points:
        found += [points_account(owner), reward.account("spent")]
    return [*found, *game.accounts(reward, attempt, now)]


def _told(refused: Refusal, reward: Reward, attempt: Attempt, now: datetime) -> Refusal:
    """Return what a bound means to the customer who met it."""
    if not isinstance(refused, BoundReached):
        return refused
    account, terms = refused.facts["account"], reward.terms
    if account == _taken(reward, attempt.customer_key):
        return CustomerLimit(limit=terms.per_customer)
    if account == points_account(attempt.customer_key):
        return TooFewPoints(points=terms.cost_points * attempt.quantity)
    for limited, limit, refusal in _limits(reward, attempt, now):
        if account == limited:
            return refusal(limit=limit)
    return SoldOut(left=None)


def _invited(
    tx: Connection, rewards: Mapping[UUID, Reward], attempts: Sequence[Attempt]
) -> set[tuple[UUID, str]]:
    """Return who of those who try is on the list of a targeted reward."""
    found = set()
    for reward in rewards.values():
        if reward.terms.is_targeted:
            owners = {a.customer_key for a in attempts if a.reward_id == reward.id}
            rows = rows_by(tx, audience, "customer_key", owners, reward_id=reward.id)
            found |= {(reward.id, row[1]) for row in rows}
    return found


_KEY = list(claims_table.columns.keys()).index("key")


def _row(shop_id: UUID, claim: Claim, attempt: Attempt) -> tuple[object, ...]:
    granted = claim.granted
    return (
        claim.reward_id, claim.id, shop_id, claim.key, attempt.asked, claim.customer_key,
        msgspec.to_builtins(granted), granted.what, granted.rule, str(claim.state),
        claim.claimed_at, claim.expires_at, None,
    )  # fmt: skip
