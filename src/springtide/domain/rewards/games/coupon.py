"""领券: a coupon, spent by the price rule that says what it is worth."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.rewards.checks import refuse_rule
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


class Coupon(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A coupon for whoever claims it in time."""

    kind: ClassVar[str] = "coupon"
    title: ClassVar[str] = N_("Coupon to claim")
    about: ClassVar[str] = N_("A coupon for each customer who takes it, while there are some.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = False

    rule: Annotated[str, unit(N_("Spent by the rule"), "rule")]

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse a coupon without its rule."""
        return refuse_rule(self.rule)

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """Nothing but the coupons themselves."""
        return ()

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """None of its own."""
        return ()

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Give one."""
        expires_at = reward.use_until(batch.now)
        granted = Granted("coupon", rule=self.rule, name=reward.name)
        return Played(granted, expires_at=expires_at)
