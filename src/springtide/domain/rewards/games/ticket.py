"""抽奖券: tickets of a draw for who claims them, mostly for points."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import account_of, grant, unit_of
from springtide.domain.rewards.model import (
    Attempt,
    Filling,
    Granted,
    Played,
    Reward,
    Terms,
    unit,
)
from springtide.kit.errors import N_, Refusal


class Ticket(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """So many tickets of one draw for each claim."""

    kind: ClassVar[str] = "ticket"
    title: ClassVar[str] = N_("Draw tickets")
    about: ClassVar[str] = N_("Tickets of a draw to claim, for points or for nothing.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    draw: Annotated[str, unit(N_("Tickets of the draw"), "draw")]
    amount: Annotated[int, unit(N_("Tickets each time"), "number")] = 1

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse no ticket, and more than the ledger counts."""
        return checks.gift("tickets", self.amount, None, self.draw) | checks.found(
            quantity=checks.each_of(terms, self.amount)
        )

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """Tickets for every claim."""
        amount = self.amount * reward.terms.quantity
        return (Filling(reward.account("budget"), unit_of(self._granted()), amount),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The tickets, and the customer's."""
        return (reward.account("budget"), *account_of(self._granted(), attempt.customer_key))

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Give the tickets."""
        granted = msgspec.structs.replace(self._granted(), name=reward.name)
        expires_at = reward.use_until(batch.now)
        given = grant(
            reward,
            attempt,
            granted,
            claim_key=claim_key,
            source=reward.account("budget"),
            expires_at=expires_at,
        )
        return Played(granted, given.steps, given.openings, expires_at=expires_at)

    def _granted(self) -> Granted:
        return Granted("tickets", self.amount, draw=self.draw)
