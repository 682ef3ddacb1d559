"""A customer's points: what they hold and what expires next; adjusted by hand, with a reason."""

from datetime import datetime, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.operations import record_act
from springtide.domain.ledger.model import BoundReached, Chain, Opening, Transfer
from springtide.domain.ledger.operations import move
from springtide.domain.ledger.queries import accounts_by_keys, lots_of
from springtide.domain.rewards.checks import OutOfRange
from springtide.domain.rewards.grants import POINTS, points_account
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import uuid7
from springtide.kit.text import text_problem

ADJUSTED = AuditAction("points.adjust", N_("Points adjusted"), AuditGroup.REWARDS)

ADJUST_MAX = 10_000_000
REASON_LENGTH_MAX = 200
#: What is given by hand lasts a year.
LASTS = timedelta(days=365)
_ADJUSTED = "points:adjusted"


class PointsMissing(Refusal):
    """More points taken than there are."""

    code = "points_missing"
    status = 409
    text = N_("The customer has not so many points to take.")


class Balance(msgspec.Struct, frozen=True):
    """A customer's points: to spend, in unpaid orders, promised; and what expires next."""

    available: int
    held: int
    promised: int
    next_amount: int
    next_expiry: datetime | None


def balance_of(tx: Connection, *, shop_id: UUID, customer_key: str) -> Balance | None:
    """Return a customer's points; None for who never had any."""
    key = points_account(customer_key)
    account = accounts_by_keys(tx, shop_id=shop_id, keys=[key]).get(key)
    if account is None:
        return None
    lots = [lot for lot in lots_of(tx, shop_id=shop_id, key=key) if lot.expires_at is not None]
    first = min((lot.expires_at for lot in lots if lot.expires_at), default=None)
    amount = sum(lot.left for lot in lots if lot.expires_at == first)
    return Balance(account.available, account.held, account.awaiting, amount, first)


def checked_adjustment(amount: int, reason: str) -> None:
    """Refuse (Invalid) an amount or a reason that points are not adjusted by."""
    problems: dict[str, Refusal] = {}
    if not 1 <= abs(amount) <= ADJUST_MAX:
        problems["amount"] = OutOfRange(least=-ADJUST_MAX, most=ADJUST_MAX)
    wrong = text_problem(reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    if wrong:
        problems["reason"] = wrong
    if problems:
        raise Invalid(problems)


def adjust_points(act: Act, *, customer_key: str, amount: int, reason: str) -> None:
    """Give points (``amount`` above zero) or take them, for a stated reason.

    Raises Invalid (``amount``, ``reason``), PointsMissing for taking more than there is. Whether
    one person may give so many alone is seen to by flows/giving.
    """
    checked_adjustment(amount, reason)
    record_act(
        act,
        action=ADJUSTED,
        subject=f"customer {customer_key}",
        after={"amount": amount, "reason": reason},
    )
    own = points_account(customer_key)
    source, target = (_ADJUSTED, own) if amount > 0 else (own, _ADJUSTED)
    step = Transfer(
        f"adjust:{uuid7(act.now)}",
        source,
        target,
        abs(amount),
        lot_expires_at=act.now + LASTS,
        reference=reason[:200],
        customer_key=customer_key,
    )
    openings = (
        Opening(_ADJUSTED, POINTS, low=None),
        Opening(own, POINTS, customer_key, in_lots=True),
    )
    try:
        move(act.tx, shop=act.shop, chain=Chain((step,), openings), now=act.now)
    except BoundReached as error:
        raise PointsMissing from error
