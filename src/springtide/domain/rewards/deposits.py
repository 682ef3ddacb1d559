"""Deposits of presales: paid in time, part of the balance's order, or decided by who failed."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, or_, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Shop
from springtide.domain.access.operations import record_act
from springtide.domain.ledger.model import (
    ID_LENGTH_MAX,
    MONEY,
    BoundReached,
    Chain,
    Opening,
    Post,
    ReservationExpired,
    Step,
    Transfer,
    TransferEnded,
)
from springtide.domain.ledger.operations import reserved_for, reversed_chain, transact
from springtide.domain.ledger.queries import lots_of, transfers_by_ids
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.presale import Presale
from springtide.domain.rewards.grants import packet_account
from springtide.domain.rewards.model import CLAIM_STEPS, Claim, Reward
from springtide.domain.rewards.queries import claim_of_row, reward, rewards_by_ids
from springtide.domain.rewards.refunds import owed
from springtide.domain.rewards.states import ClaimState, RewardState
from springtide.domain.rewards.store import claims as _claims
from springtide.domain.rewards.store import rewards as _rewards
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.ids import inward, joined, outward
from springtide.kit.text import text_problem

DEPOSIT_PAID = AuditAction("deposit.pay", N_("Deposit paid"), AuditGroup.ORDERS)

PAYMENT_LENGTH_MAX = 200


class DepositLate(Refusal):
    """A deposit for a piece that went back meanwhile."""

    code = "deposit_late"
    status = 409
    text = N_("The time to pay this deposit is over; pay it back, and let the buyer claim again.")


class DepositPaid(Refusal):
    """A deposit that another payment paid."""

    code = "deposit_paid"
    status = 409
    text = N_("The deposit of {claim} is paid already, by {payment}.")


class WrongDeposit(Refusal):
    """Another amount than the deposit."""

    code = "wrong_deposit"
    text = N_("The deposit of {claim} is {deposit_minor} minor units, not {amount_minor}.")


def pay_deposit(act: Act, *, claim_key: str, payment_key: str, amount_minor: int) -> Claim:
    """Record a presale's deposit: the piece is taken, and what the deposit is worth is given.

    The same payment again is the same. Raises NotFound, DepositPaid, DepositLate, WrongDeposit,
    Invalid for a payment without a name.
    """
    problem = text_problem(payment_key, length_max=PAYMENT_LENGTH_MAX, is_needed=True)
    if problem:
        raise Invalid({"payment_key": problem})
    claim = _locked(act.tx, act.shop, claim_key)
    granted = claim.granted
    if amount_minor != granted.deposit_minor:
        raise WrongDeposit(
            claim=claim_key, deposit_minor=granted.deposit_minor, amount_minor=amount_minor
        )
    known = transfers_by_ids(act.tx, shop_id=act.shop.id, ids=[f"{claim_key}:deposit"])
    if known:
        if known[0].reference != payment_key:
            raise DepositPaid(claim=claim_key, payment=known[0].reference)
        return claim
    found = reward(act.tx, shop=act.shop, reward_id=claim.reward_id)
    game = _presale(found)
    reserved = reserved_for(act.tx, shop_id=act.shop.id, references=[claim_key])
    is_stopped = found.state is RewardState.STOPPED
    if claim.state is not ClaimState.HELD or not reserved or is_stopped:
        raise DepositLate
    moved, openings = game.deposit(found, claim_key, claim.customer_key, payment_key)
    steps: tuple[Step, ...] = (*(Post(each) for each in reserved), *moved)
    (refused,) = transact(act.tx, shop=act.shop, chains=[Chain(steps, openings)], now=act.now)
    if isinstance(refused, (ReservationExpired, TransferEnded)):
        raise DepositLate from refused
    if refused is not None:
        raise refused
    act.tx.execute(
        update(_claims)
        .where(_claims.c.reward_id == claim.reward_id, _claims.c.id == claim.id)
        .values(state=ClaimState.DEPOSITED, expires_at=game.ends(found))
    )
    record_act(
        act,
        action=DEPOSIT_PAID,
        subject=f"claim {claim_key}",
        before={"state": str(claim.state)},
        after={"amount_minor": amount_minor, "payment_key": payment_key},
    )
    return _locked(act.tx, act.shop, claim_key)


def used_chain(claims: Sequence[Claim], order_key: str) -> Chain:
    """Return what moves the deposits of an order whose balance is paid."""
    steps: list[Step] = []
    openings = []
    for claim in claims:
        key, name = outward("clm", claim.id), outward("rwd", claim.reward_id)
        target = f"{name}:settled"
        steps.append(
            Transfer(
                f"{key}:settled",
                f"{name}:deposits",
                target,
                claim.granted.deposit_minor,
                reference=order_key,
                customer_key=claim.customer_key,
            )
        )
        openings.append(Opening(target, MONEY))
    return Chain(tuple(steps), tuple(openings))


def returned_chain(
    tx: Connection, *, shop_id: UUID, claims: Sequence[Claim], order_key: str
) -> Chain | None:
    """Return what moves when an order with presales is returned whole.

    Their deposits are paid back with the order, and what they were worth to the budget.
    """
    if not claims:
        return None
    rewards = {
        f"packet:{claim.granted.rule}:{order_key}": outward("rwd", claim.reward_id)
        for claim in claims
    }
    steps: list[Step] = []
    openings = []
    for claim in claims:
        key, name = outward("clm", claim.id), outward("rwd", claim.reward_id)
        steps.append(
            Transfer(
                f"{key}:repaid",
                f"{name}:settled",
                f"{name}:repaid",
                claim.granted.deposit_minor,
                reference=order_key,
                customer_key=claim.customer_key,
            )
        )
        openings.append(Opening(f"{name}:repaid", MONEY))
    for spent in transfers_by_ids(tx, shop_id=shop_id, ids=rewards):
        budget = f"{rewards[spent.id]}:{MONEY}"
        steps.append(
            Transfer(
                joined("back", spent.id, length_max=ID_LENGTH_MAX),
                spent.target,
                budget,
                spent.amount,
            )
        )
    return Chain(tuple(steps), tuple(openings))


def failed_presales(tx: Connection, *, shop_id: UUID, now: datetime, limit: int) -> list[str]:
    """Return the claims of paid presales whose balance nobody can pay any more."""
    found = tx.execute(
        select(_claims.c.id)
        .join(_rewards, _rewards.c.id == _claims.c.reward_id)
        .where(
            _claims.c.shop_id == shop_id,
            _claims.c.what == "presale",
            _claims.c.state == ClaimState.DEPOSITED,
            or_(_claims.c.expires_at <= now, _rewards.c.state == RewardState.STOPPED),
        )
        .order_by(_claims.c.id)
        .limit(limit)
    ).scalars()
    return [outward("clm", each) for each in found]


def end_presale(tx: Connection, *, shop: Shop, claim_key: str, now: datetime) -> bool:
    """Decide the deposit of a presale by who failed, once; tell whether it was done now.

    Stopped by the shop it is paid back, or twice; not paid by the buyer it is kept, or paid back.
    The piece and what is left of the deposit's worth go back.
    """
    claim = _locked(tx, shop, claim_key)
    found = rewards_by_ids(tx, shop=shop, ids=[claim.reward_id])[claim.reward_id]
    if claim.state is not ClaimState.DEPOSITED:
        return False
    game = _presale(found)
    is_stopped = found.state is RewardState.STOPPED and now < game.ends(found)
    (refused,) = transact(
        tx, shop=shop, chains=[_ended(tx, shop, found, game, claim, is_stopped, now)], now=now
    )
    if isinstance(refused, BoundReached):
        return False  # what it is worth moved at this moment: the next look finds it settled
    if refused is not None:
        raise refused
    tx.execute(
        update(_claims)
        .where(_claims.c.reward_id == claim.reward_id, _claims.c.id == claim.id)
        .values(state=ClaimState.OVER)
    )
    return True


def _ended(
    tx: Connection,
    shop: Shop,
    found: Reward,
    game: Presale,
    claim: Claim,
    is_stopped: bool,
    now: datetime,
) -> Chain:
    """Return what moves when a presale ends without its order."""
    key, owner, amount = outward("clm", claim.id), claim.customer_key, game.deposit_minor
    deposits = found.account("deposits")
    steps: list[Step] = []
    openings: list[Opening] = []
    if is_stopped or game.if_buyer_fails == "pay_back":
        step, opening = owed(key, deposits, amount, about=key, customer_key=owner)
        steps, openings = [step], [opening]
    else:
        kept = found.account("forfeited")
        steps = [Transfer(f"{key}:forfeited", deposits, kept, amount, customer_key=owner)]
        openings = [Opening(kept, MONEY)]
    if is_stopped and game.if_shop_fails == "pay_double":
        penalty = found.account("penalty")
        step, opening = owed(f"{key}.penalty", penalty, amount, about=key, customer_key=owner)
        steps.append(step)
        openings += [opening, Opening(penalty, MONEY, low=None)]
    own, lot = packet_account(game.rule, owner), f"{key}:given"
    left = sum(each.left for each in lots_of(tx, shop_id=shop.id, key=own) if each.id == lot)
    if left:
        steps.append(
            Transfer(f"{key}:worthless", own, found.account(MONEY), left, lot=lot, reference=key)
        )
    ids = [f"{key}:{step_name}" for step_name in CLAIM_STEPS]
    back = reversed_chain(tx, shop_id=shop.id, ids=ids, now=now)
    return Chain((*steps, *(back.steps if back else ())), tuple(openings))


def _presale(found: Reward) -> Presale:
    game = read_game(found.kind, found.params)
    if not isinstance(game, Presale):
        raise NotFound(what="presale", key=found.key)
    return game


def _locked(tx: Connection, shop: Shop, claim_key: str) -> Claim:
    """Return a presale's claim, held until the transaction ends; raises NotFound."""
    rows = tx.execute(
        select(_claims)
        .where(
            _claims.c.shop_id == shop.id,
            _claims.c.id == inward("clm", claim_key),
            _claims.c.what == "presale",
        )
        .with_for_update()
    ).all()
    if not rows:
        raise NotFound(what="claim", key=claim_key[:40])
    return claim_of_row(tuple(rows[0]))[0]
