"""Where what is given goes: money, points and tickets into lots, a coupon into the claim."""

from datetime import datetime
from typing import Literal

import msgspec

from springtide.domain.ledger.model import MONEY, Opening, Transfer
from springtide.domain.rewards.model import Attempt, Granted, Reward

POINTS = "points"
TICKETS = "tickets"
#: What a reward may give out of a budget of its own.
What = Literal["points", "packet", "tickets"]


def points_account(owner: str) -> str:
    """Return the account of a customer's points."""
    return f"points:{owner}"


def packet_account(rule: str, owner: str) -> str:
    """Return the account of a customer's packet money that one price rule spends."""
    return f"packets:{rule}:{owner}"


def tickets_account(draw: str, owner: str) -> str:
    """Return the account of a customer's tickets of one draw."""
    return f"{draw}:{TICKETS}:{owner}"


def unit_of(granted: Granted) -> str:
    """Return the ledger's unit of what is granted: money, points, or tickets of one draw."""
    if granted.what == TICKETS:
        return f"{granted.draw}:{TICKETS}"
    return MONEY if granted.what == "packet" else POINTS


class Grant(msgspec.Struct, frozen=True):
    """The steps and openings that bring something to a customer."""

    steps: tuple[Transfer, ...] = ()
    openings: tuple[Opening, ...] = ()


def account_of(granted: Granted, owner: str) -> tuple[str, ...]:
    """Return the account that a grant fills, where it fills one."""
    if granted.what == "packet" and granted.rule:
        return (packet_account(granted.rule, owner),)
    if granted.what == TICKETS and granted.draw:
        return (tickets_account(granted.draw, owner),)
    return (points_account(owner),) if granted.what == "points" else ()


def grant(
    reward: Reward,
    attempt: Attempt,
    granted: Granted,
    *,
    claim_key: str,
    source: str,
    expires_at: datetime | None,
) -> Grant:
    """Return what brings money, points or tickets from a source account to the customer."""
    accounts = account_of(granted, attempt.customer_key)
    if not accounts or not granted.amount:
        return Grant()
    (account,) = accounts
    step = Transfer(
        f"{claim_key}:given",
        source,
        account,
        granted.amount,
        lot_expires_at=expires_at,
        reference=reward.key,
        customer_key=attempt.customer_key,
        visitor_key=attempt.visitor_key,
        campaign_key=reward.campaign_key,
    )
    opening = Opening(account, unit_of(granted), attempt.customer_key, in_lots=True)
    return Grant((step,), (opening,))
