"""红包: money for each who claims it, the same for all or by chance, out of one budget."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import MONEY
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import account_of, grant
from springtide.domain.rewards.model import (
    Attempt,
    Filling,
    Granted,
    Played,
    Reward,
    SoldOut,
    Terms,
    unit,
)
from springtide.domain.rewards.packet_split import double_mean, even_odds
from springtide.kit.errors import N_, Refusal

Split = Literal["equal", "double_mean", "even_odds"]
#: Shares of one packet whose odds are the same at every place: all are drawn at once.
EVEN_ODDS_MAX = 200_000


class UnevenSplit(Refusal):
    """Equal shares that do not come out even."""

    code = "packet_uneven"
    text = N_("{total} minor units cannot be parted into {count} equal shares.")


class Packet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A packet of money for so many people."""

    kind: ClassVar[str] = "packet"
    title: ClassVar[str] = N_("Red packet to claim")
    about: ClassVar[str] = N_("Money out of one budget: the same for all, or by chance.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = False

    rule: Annotated[str, unit(N_("Spent by the rule"), "rule")]
    total_minor: Annotated[int, unit(N_("Budget"), "money")]
    split: Annotated[Split, unit(N_("How it is parted"), "choice")] = "equal"
    least_minor: Annotated[int, unit(N_("Least share"), "money")] = 1

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse a budget that does not come out."""
        count = max(terms.quantity, 1)
        wrong = checks.refuse_rule(self.rule)
        wrong |= checks.budget(self.total_minor, count, self.least_minor)
        if not wrong and self.split == "equal" and self.total_minor % count:
            wrong["total_minor"] = UnevenSplit(total=self.total_minor, count=count)
        if self.split == "even_odds" and count > EVEN_ODDS_MAX:
            wrong["quantity"] = checks.OutOfRange(least=1, most=EVEN_ODDS_MAX)
        return wrong

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """The budget."""
        return (Filling(reward.account("money"), MONEY, self.total_minor),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The budget and the customer's packet money."""
        granted = Granted("packet", rule=self.rule)
        return (reward.account("money"), *account_of(granted, attempt.customer_key))

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Give the next share."""
        left = batch.accounts[reward.left].available
        if left < 1:
            raise SoldOut(left=0)
        amount = self.share(reward, left, batch.accounts[reward.account("money")].available)
        granted = Granted("packet", amount=amount, rule=self.rule, name=reward.name)
        expires_at = reward.use_until(batch.now)
        given = grant(
            reward,
            attempt,
            granted,
            claim_key=claim_key,
            source=reward.account("money"),
            expires_at=expires_at,
        )
        return Played(granted, given.steps, given.openings, expires_at=expires_at)

    def share(self, reward: Reward, left: int, money: int) -> int:
        """Return the next share in minor units, of the money left for so many."""
        count = reward.terms.quantity
        place = count - left
        if self.split == "equal":
            return self.total_minor // count
        if self.split == "double_mean":
            return double_mean(
                reward.seed,
                f"{reward.key}:{place}",
                left=money,
                count=left,
                least=self.least_minor,
            )
        shares = even_odds(reward.seed, total=self.total_minor, count=count, least=self.least_minor)
        return shares[place]
