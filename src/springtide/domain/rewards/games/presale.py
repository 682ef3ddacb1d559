"""预售: a deposit first, which may swell, and the balance on the day; whoever fails bears it."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import MONEY, Opening, Transfer
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import packet_account
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
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.text import TextMissing

HOURS_MAX = 24 * 60


class Presale(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Pieces for a deposit; it counts as ``worth_minor`` when the balance is paid."""

    kind: ClassVar[str] = "presale"
    title: ClassVar[str] = N_("Presale")
    about: ClassVar[str] = N_("A deposit first, that may swell; the balance in its own time.")
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = False

    product_key: Annotated[str, unit(N_("Product"), "product")]
    rule: Annotated[str, unit(N_("Spent by the rule"), "rule")]
    deposit_minor: Annotated[int, unit(N_("Deposit"), "money")]
    worth_minor: Annotated[int, unit(N_("Counts as (swollen)"), "money")]
    balance_after_hours: Annotated[int, unit(N_("Balance begins hours after the end"), "number")]
    balance_hours: Annotated[int, unit(N_("Hours to pay the balance"), "number")] = 24
    pay_minutes: Annotated[int, unit(N_("Minutes to pay the deposit"), "minutes")] = 15
    if_buyer_fails: Annotated[
        Literal["keep_deposit", "pay_back"], unit(N_("If the buyer does not pay"), "choice")
    ] = "keep_deposit"
    if_shop_fails: Annotated[
        Literal["pay_double", "pay_back"], unit(N_("If the shop stops it"), "choice")
    ] = "pay_double"

    @property
    def lasts(self) -> timedelta:
        """Deposits are decided when the time of the balance is over."""
        return timedelta(hours=self.balance_after_hours + self.balance_hours)

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse a deposit that shrinks, and a balance without time."""
        most = AMOUNT_MINOR_MAX
        return checks.refuse_rule(self.rule) | checks.found(
            product_key=None if self.product_key.strip() else TextMissing(),
            deposit_minor=checks.in_range(self.deposit_minor, 1, most),
            worth_minor=checks.in_range(self.worth_minor, max(self.deposit_minor, 1), most),
            balance_after_hours=checks.in_range(self.balance_after_hours, 0, HOURS_MAX),
            balance_hours=checks.in_range(self.balance_hours, 1, HOURS_MAX),
            pay_minutes=checks.in_range(self.pay_minutes, 1, 1_440),
        )

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """What the deposits of all pieces are worth."""
        return (Filling(reward.account(MONEY), MONEY, self.worth_minor * reward.terms.quantity),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """None of its own: money moves when the deposit is paid."""
        return ()

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Reserve a piece until its deposit is paid."""
        until = min(batch.now + timedelta(minutes=self.pay_minutes), self.begins(reward))
        granted = Granted(
            "presale",
            amount=self.worth_minor,
            rule=self.rule,
            name=reward.name,
            product_key=self.product_key,
            deposit_minor=self.deposit_minor,
            usable_from=self.begins(reward),
        )
        return Played(granted, reserved_until=until, expires_at=until)

    def begins(self, reward: Reward) -> datetime:
        """Return when balances may be paid from."""
        return reward.closes_at + timedelta(hours=self.balance_after_hours)

    def ends(self, reward: Reward) -> datetime:
        """Return until when balances may be paid."""
        return reward.closes_at + self.lasts

    def deposit(
        self, reward: Reward, claim_key: str, owner: str, payment_key: str
    ) -> tuple[tuple[Transfer, ...], tuple[Opening, ...]]:
        """Return what a deposit moves: the money that came, and what it is worth."""
        paid, deposits = reward.account("paid"), reward.account("deposits")
        own = packet_account(self.rule, owner)
        steps = (
            Transfer(
                f"{claim_key}:deposit",
                paid,
                deposits,
                self.deposit_minor,
                kind="deposit",
                reference=payment_key,
                customer_key=owner,
                campaign_key=reward.campaign_key,
            ),
            Transfer(
                f"{claim_key}:given",
                reward.account(MONEY),
                own,
                self.worth_minor,
                lot_expires_at=self.ends(reward),
                reference=reward.key,
                customer_key=owner,
                campaign_key=reward.campaign_key,
            ),
        )
        openings = (
            Opening(paid, MONEY, low=None),
            Opening(deposits, MONEY),
            Opening(own, MONEY, owner, in_lots=True),
        )
        return steps, openings
