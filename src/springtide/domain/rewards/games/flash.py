"""秒杀: stock promised for an opening moment; reserved for a short time, paid or given back."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.rewards import checks
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
from springtide.kit.text import TextMissing


class Flash(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """So many pieces of a product at the price of a rule, for those who come first."""

    kind: ClassVar[str] = "flash"
    title: ClassVar[str] = N_("Flash stock")
    about: ClassVar[str] = N_("Pieces at a price, first come first served; unpaid ones come back.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = True
    repeats: ClassVar[bool] = False

    product_key: Annotated[str, unit(N_("Product"), "product")]
    rule: Annotated[str, unit(N_("Priced by the rule"), "rule")]
    pay_minutes: Annotated[int, unit(N_("Minutes to pay"), "minutes")] = 15

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse stock without a product, its rule or time to pay."""
        missing = None if self.product_key.strip() else TextMissing()
        return checks.refuse_rule(self.rule) | checks.found(
            product_key=missing, pay_minutes=checks.in_range(self.pay_minutes, 1, 1_440)
        )

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """Nothing but the pieces themselves."""
        return ()

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """None of its own."""
        return ()

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Reserve the pieces that were asked for."""
        until = batch.now + timedelta(minutes=self.pay_minutes)
        granted = Granted(
            "flash",
            amount=attempt.quantity,
            rule=self.rule,
            name=reward.name,
            product_key=self.product_key,
        )
        return Played(granted, reserved_until=until, expires_at=until)
