"""The decision over a batch: accounts as they stand, changed chain by chain in memory.

Pure: what is decided here is kept by ``operations`` in one transaction, under the locks of the
accounts, and the database checks every bound once more.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from springtide.domain.ledger.model import (
    AMOUNT_MAX,
    ID_LENGTH_MAX,
    KEY_LENGTH_MAX,
    OWNER_LENGTH_MAX,
    STEPS_MAX,
    BadTransfer,
    BoundReached,
    Chain,
    Expire,
    IdReused,
    NoSuchAccount,
    NoSuchTransfer,
    Opening,
    Post,
    ReservationExpired,
    Step,
    Transfer,
    TransferEnded,
    TransferState,
)
from springtide.kit.errors import N_, Refusal

_NEVER = datetime.max.replace(tzinfo=UTC)


class OpenAccount:
    """An account in the batch; ``is_new`` until it is kept."""

    __slots__ = ("awaiting", "balance", "held", "high", "in_lots", "is_new", "key", "low", "owner",
                 "unit")  # fmt: skip

    def __init__(self, opening: Opening, balance: int = 0, held: int = 0, awaiting: int = 0,
                 *, is_new: bool = True) -> None:  # fmt: skip
        self.key, self.unit, self.owner = opening.key, opening.unit, opening.owner
        self.low, self.high, self.in_lots = opening.low, opening.high, opening.in_lots
        self.balance, self.held, self.awaiting = balance, held, awaiting
        self.is_new = is_new

    @property
    def available(self) -> int:
        """What is posted and not held."""
        return self.balance - self.held

    @property
    def room(self) -> int | None:
        """What may still come in; None without an upper bound."""
        return None if self.high is None else self.high - self.balance - self.awaiting

    def gives(self, amount: int) -> bool:
        """Tell whether so much may leave."""
        return self.low is None or self.balance - self.held - amount >= self.low

    def takes(self, amount: int) -> bool:
        """Tell whether so much may come in."""
        return self.high is None or self.balance + self.awaiting + amount <= self.high


class OpenTransfer:
    """A transfer in the batch; ``is_new`` until it is kept."""

    __slots__ = ("amount", "at", "campaign_key", "customer_key", "ended_at", "expires_at", "id",
                 "is_new", "kind", "lot_expires_at", "lots", "reference", "reserve", "seq",
                 "source", "state", "target", "unit", "visitor_key")  # fmt: skip

    def __init__(self, step: Transfer, unit: str, at: datetime) -> None:
        self.seq: int | None = None
        self.id, self.source, self.target = step.id, step.source, step.target
        self.unit, self.amount, self.reserve, self.kind = unit, step.amount, step.reserve, step.kind
        self.state = TransferState.RESERVED if step.reserve else TransferState.POSTED
        self.expires_at, self.lot_expires_at = step.expires_at, step.lot_expires_at
        self.reference, self.campaign_key = step.reference, step.campaign_key
        self.customer_key, self.visitor_key = step.customer_key, step.visitor_key
        self.at = at
        self.ended_at: datetime | None = None if step.reserve else at
        self.lots: dict[str, int] = {}
        self.is_new = True


class OpenLot:
    """A lot in the batch."""

    __slots__ = ("account", "amount", "expires_at", "granted_at", "id", "is_new", "left")

    def __init__(self, id_: str, account: str, amount: int, left: int, granted_at: datetime,
                 expires_at: datetime | None, *, is_new: bool = True) -> None:  # fmt: skip
        self.id, self.account, self.amount, self.left = id_, account, amount, left
        self.granted_at, self.expires_at, self.is_new = granted_at, expires_at, is_new


class Batch:
    """A batch in the making: ``apply`` decides chain after chain, first come first served."""

    def __init__(
        self,
        accounts: Mapping[str, OpenAccount],
        *,
        now: datetime,
        transfers: Mapping[str, OpenTransfer] | None = None,
        lots: Iterable[OpenLot] = (),
    ) -> None:
        self.now = now
        self.accounts = dict(accounts)
        self.transfers = dict(transfers or {})
        self.lots = {lot.id: lot for lot in lots}
        #: What is to be kept: accounts and lots that changed, movements in order.
        self.touched: dict[str, OpenAccount] = {}
        self.touched_lots: dict[str, OpenLot] = {}
        self.movements: list[tuple[OpenTransfer, str]] = []
        self.given_back: list[OpenTransfer] = []

    def apply(self, chain: Chain) -> Refusal | None:
        """Take all steps of a chain, or none and return why.

        A chain whose transfers are all known, with the same content, is done already. Of a
        chain in which only some are known, those are done and the others are taken.
        """
        try:
            self._check(chain)
        except Refusal as wrong:
            return wrong
        undo = _Undo(self)
        for opening in chain.openings:
            refused = self._open(opening, undo)
            if refused is not None:
                undo.back()
                return refused
        for step in chain.steps:
            refused = self._take(step, undo)
            if refused is not None:
                undo.back()
                return refused
        return None

    def spendable(self, key: str) -> int:
        """Return what may leave an account now: of one in lots, what has not expired yet.

        Lots whose time is over stay on the account until they are ended. 0 without the account.
        """
        account = self.accounts.get(key)
        if account is None:
            return 0
        if not account.in_lots:
            return account.available
        return sum(lot.left for lot in self._live_lots(key))

    def _live_lots(self, key: str) -> list[OpenLot]:
        return [
            each
            for each in self.lots.values()
            if each.account == key
            and each.left
            and (each.expires_at is None or each.expires_at > self.now)
        ]

    def _check(self, chain: Chain) -> None:
        if len(chain.steps) > STEPS_MAX:
            raise BadTransfer(id="", why=N_("it has too many steps"))
        for step in chain.steps:
            if not isinstance(step, Transfer):
                continue
            if not 0 < step.amount <= AMOUNT_MAX:
                raise BadTransfer(id=step.id[:60], why=N_("its amount is out of range"))
            if step.source == step.target:
                raise BadTransfer(id=step.id[:60], why=N_("it leads back to its own account"))
            if not 0 < len(step.id) <= ID_LENGTH_MAX:
                raise BadTransfer(id=step.id[:60], why=N_("its id is empty or too long"))
        for opening in chain.openings:
            wrong = opening_problem(opening)
            if wrong is not None:
                raise wrong

    def _open(self, opening: Opening, undo: "_Undo") -> Refusal | None:
        account = self.accounts.get(opening.key)
        if account is None:
            account = self.accounts[opening.key] = OpenAccount(opening)
            undo.remember(account)
            undo.opened.append(opening.key)
        elif (account.low, account.high) != (opening.low, opening.high):
            undo.remember(account)
            account.low, account.high = opening.low, opening.high
            if not (account.gives(0) and account.takes(0)):
                return BoundReached(account=account.key, amount=0)
        return None

    def _take(self, step: Step, undo: "_Undo") -> Refusal | None:
        if isinstance(step, Transfer):
            return self._move(step, undo)
        transfer = self.transfers.get(step.of)
        if transfer is None:
            return NoSuchTransfer(id=step.of[:60])
        if isinstance(step, Post):
            return self._end(transfer, TransferState.POSTED, undo)
        wanted = TransferState.EXPIRED if isinstance(step, Expire) else TransferState.VOIDED
        return self._end(transfer, wanted, undo)

    def _move(self, step: Transfer, undo: "_Undo") -> Refusal | None:
        known = self.transfers.get(step.id)
        if known is not None:
            same = (known.source, known.target, known.amount, known.reserve) == (
                step.source, step.target, step.amount, step.reserve)  # fmt: skip
            return None if same else IdReused(id=step.id[:60])
        source, target = self.accounts.get(step.source), self.accounts.get(step.target)
        if source is None or target is None:
            return NoSuchAccount(account=step.source if source is None else step.target)
        if source.unit != target.unit:
            return BadTransfer(id=step.id[:60], why=N_("its accounts have different units"))
        amount = step.amount
        if not source.gives(amount):
            return BoundReached(account=source.key, amount=amount)
        if not target.takes(amount):
            return BoundReached(account=target.key, amount=amount)
        transfer = OpenTransfer(step, source.unit, self.now)
        if source.in_lots and not self._spend(transfer, source, step.lot, undo):
            return BoundReached(account=source.key, amount=amount)
        undo.remember(source)
        undo.remember(target)
        if step.reserve:
            source.held += amount
            target.awaiting += amount
            self.movements.append((transfer, "reserved"))
        else:
            source.balance -= amount
            target.balance += amount
            self._grant(transfer, target, undo)
            self.movements.append((transfer, "posted"))
        self.transfers[step.id] = transfer
        undo.moved.append(step.id)
        return None

    def _end(self, transfer: OpenTransfer, wanted: TransferState, undo: "_Undo") -> Refusal | None:
        if transfer.state is not TransferState.RESERVED:
            if transfer.state is wanted:
                return None
            return TransferEnded(id=transfer.id[:60], state=str(transfer.state))
        expires_at = transfer.expires_at
        is_over = expires_at is not None and expires_at <= self.now
        if wanted is TransferState.POSTED and is_over:
            return ReservationExpired(id=transfer.id[:60])
        if wanted is TransferState.EXPIRED and not is_over:
            return BadTransfer(id=transfer.id[:60], why=N_("its time is not over"))
        source, target = self.accounts[transfer.source], self.accounts[transfer.target]
        undo.remember(source)
        undo.remember(target)
        undo.ended.append(transfer)
        transfer.state, transfer.ended_at = wanted, self.now
        source.held -= transfer.amount
        target.awaiting -= transfer.amount
        if wanted is TransferState.POSTED:
            source.balance -= transfer.amount
            target.balance += transfer.amount
            self._grant(transfer, target, undo)
        elif transfer.lots:
            for lot_id, amount in transfer.lots.items():
                self._change_lot(self.lots[lot_id], amount, undo)
            self.given_back.append(transfer)
        self.movements.append((transfer, str(wanted)))
        return None

    def _spend(
        self, transfer: OpenTransfer, source: OpenAccount, lot: str | None, undo: "_Undo"
    ) -> bool:
        """Take from the lots of an account, the oldest first; tell whether they were enough."""
        if lot is not None:
            found = [self.lots[lot]] if lot in self.lots else []
        else:
            found = self._live_lots(source.key)
            found.sort(key=_turn)
        missing = transfer.amount
        if sum(each.left for each in found) < missing:
            return False
        for each in found:
            part = min(each.left, missing)
            if part:
                self._change_lot(each, -part, undo)
                transfer.lots[each.id] = part
                missing -= part
        return True

    def _grant(self, transfer: OpenTransfer, target: OpenAccount, undo: "_Undo") -> None:
        if target.in_lots:
            lot = OpenLot(transfer.id, target.key, transfer.amount, transfer.amount, self.now,
                          transfer.lot_expires_at)  # fmt: skip
            self.lots[lot.id] = lot
            self.touched_lots[lot.id] = lot
            undo.granted.append(lot.id)

    def _change_lot(self, lot: OpenLot, by: int, undo: "_Undo") -> None:
        undo.lots.append((lot, lot.left))
        lot.left += by
        self.touched_lots[lot.id] = lot


def _turn(lot: OpenLot) -> tuple[datetime, datetime, str]:
    """Return when a lot is spent: the oldest first, of one instant the one that ends first."""
    return lot.granted_at, lot.expires_at or _NEVER, lot.id


class _Undo:
    """What a chain changed in the batch, to take it back whole."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._movements = len(batch.movements)
        self._given_back = len(batch.given_back)
        self._accounts: dict[str, tuple[int, int, int, int | None, int | None, bool]] = {}
        self.opened: list[str] = []
        self.moved: list[str] = []
        self.ended: list[OpenTransfer] = []
        self.granted: list[str] = []
        self.lots: list[tuple[OpenLot, int]] = []

    def remember(self, account: OpenAccount) -> None:
        """Keep an account as it is now, once, and note that it changes."""
        if account.key not in self._accounts:
            was_touched = account.key in self._batch.touched
            self._accounts[account.key] = (
                account.balance, account.held, account.awaiting, account.low, account.high,
                was_touched)  # fmt: skip
            self._batch.touched[account.key] = account

    def back(self) -> None:
        """Take all back."""
        batch = self._batch
        del batch.movements[self._movements :]
        del batch.given_back[self._given_back :]
        for key, kept in self._accounts.items():
            account = batch.accounts[key]
            account.balance, account.held, account.awaiting, account.low, account.high = kept[:5]
            if not kept[5]:
                del batch.touched[key]
        for lot, left in reversed(self.lots):
            lot.left = left
        for transfer in self.ended:
            transfer.state, transfer.ended_at = TransferState.RESERVED, None
        for lot_id in self.granted:
            del batch.lots[lot_id]
            del batch.touched_lots[lot_id]
        for transfer_id in self.moved:
            del batch.transfers[transfer_id]
        for key in self.opened:
            del batch.accounts[key]


def opening_problem(opening: Opening) -> Refusal | None:
    """Return why an account cannot be kept under its names, or None."""
    if not 0 < len(opening.key) <= KEY_LENGTH_MAX:
        return BadTransfer(id=opening.key[:60], why=N_("its id is empty or too long"))
    if len(opening.owner) > OWNER_LENGTH_MAX:
        return BadTransfer(id=opening.key[:60], why=N_("its owner's name is too long"))
    return None
