"""Accounts, what moves between them, and why a movement is refused."""

from datetime import datetime
from enum import StrEnum

import msgspec

from springtide.kit.errors import N_, Refusal

KEY_LENGTH_MAX = 200
ID_LENGTH_MAX = 180
OWNER_LENGTH_MAX = 120
#: The largest amount of one transfer, in the unit's smallest parts.
AMOUNT_MAX = 10**12
#: Steps of one chain, so that a batch stays bounded.
STEPS_MAX = 500
#: The unit whose amounts are minor units of the shop's currency; all others are counted.
MONEY = "money"


class TransferState(StrEnum):
    """How far a transfer came; a reserved one ends in exactly one of the other three."""

    RESERVED = "reserved"
    POSTED = "posted"
    VOIDED = "voided"
    EXPIRED = "expired"


#: A transfer of the ledger.
TRANSFER_STATES = {
    "reserved": N_("Reserved"),
    "posted": N_("Posted"),
    "voided": N_("Given back"),
    "expired": N_("Expired"),
}


class Opening(msgspec.Struct, frozen=True):
    """An account as it is to be: opened where it is missing, its bounds set where they differ.

    ``low`` bounds the balance less what is held, ``high`` the balance with what is awaited; None
    is no bound. An account ``in_lots`` remembers what came when, spends the oldest first, and
    loses what expires.
    """

    key: str
    unit: str
    owner: str = ""
    low: int | None = 0
    high: int | None = None
    in_lots: bool = False


class Transfer(msgspec.Struct, frozen=True):
    """An amount from one account to another, at once or (``reserve``) held till its end.

    ``id`` is the caller's own: the same id is the same transfer. ``expires_at`` ends a reserved
    transfer by itself. ``lot_expires_at`` is when what comes into an account in lots is lost;
    ``lot`` takes from that lot alone. The rest is told in the fact of the movement.
    """

    id: str
    source: str
    target: str
    amount: int
    reserve: bool = False
    expires_at: datetime | None = None
    lot_expires_at: datetime | None = None
    lot: str | None = None
    kind: str = "transfer"
    reference: str | None = None
    customer_key: str | None = None
    visitor_key: str | None = None
    campaign_key: str | None = None


class Post(msgspec.Struct, frozen=True):
    """The end of a reserved transfer: it takes place."""

    of: str


class Void(msgspec.Struct, frozen=True):
    """The end of a reserved transfer: it does not take place."""

    of: str


class Expire(msgspec.Struct, frozen=True):
    """The end of a reserved transfer whose time is over."""

    of: str


Step = Transfer | Post | Void | Expire


class Chain(msgspec.Struct, frozen=True):
    """Steps that happen together or not at all, and the accounts that they may have to open."""

    steps: tuple[Step, ...]
    openings: tuple[Opening, ...] = ()


class Account(msgspec.Struct, frozen=True):
    """An account as it stands: what is posted, what is held back, what is on its way."""

    key: str
    unit: str
    owner: str
    low: int | None
    high: int | None
    balance: int
    held: int
    awaiting: int
    in_lots: bool

    @property
    def available(self) -> int:
        """What may still leave, where there is no lower bound but zero."""
        return self.balance - self.held


class Entry(msgspec.Struct, frozen=True):
    """One line of an account's statement; ``amount`` is signed as the account sees it."""

    seq: int
    id: str
    other: str
    amount: int
    state: TransferState
    kind: str
    reference: str | None
    customer_key: str | None
    at: datetime
    ended_at: datetime | None
    balance: int


class Lot(msgspec.Struct, frozen=True):
    """What came at one time into an account in lots, and what is left of it."""

    id: str
    amount: int
    left: int
    granted_at: datetime
    expires_at: datetime | None


class BoundReached(Refusal):
    """A transfer that would break a bound of an account."""

    code = "ledger_bound"
    status = 409
    text = N_("Account {account} has not enough room or not enough left for {amount}.")


class IdReused(Refusal):
    """The id of a transfer came before, for another one."""

    code = "ledger_id_reused"
    status = 409
    text = N_("The id {id} was used for another transfer.")


class BadTransfer(Refusal):
    """A transfer that is none: an amount of zero, one account, two units."""

    code = "ledger_bad_transfer"
    text = N_("Transfer {id} cannot be: {why}")


class NoSuchAccount(Refusal):
    """An account that nobody opened."""

    code = "ledger_no_account"
    status = 404
    text = N_("There is no account {account}.")


class NoSuchTransfer(Refusal):
    """A transfer that nobody reserved."""

    code = "ledger_no_transfer"
    status = 404
    text = N_("There is no transfer {id}.")


class TransferEnded(Refusal):
    """A reserved transfer that ended another way."""

    code = "ledger_ended"
    status = 409
    text = N_("Transfer {id} has already ended: {state}.")


class ReservationExpired(Refusal):
    """A reserved transfer whose time is over."""

    code = "ledger_expired"
    status = 409
    text = N_("The reservation {id} has expired.")
