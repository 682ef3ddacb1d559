"""拼团: a price that needs a number of buyers; the more they are, the lower it is."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import Opening, Transfer
from springtide.domain.rewards import checks
from springtide.domain.rewards.model import (
    Attempt,
    Filling,
    Granted,
    Group,
    Played,
    Reward,
    Terms,
    unit,
)
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.text import TextMissing

TIERS_MAX = 10
PEOPLE_MAX = 1_000
HOURS_MAX = 72


class GroupUnknown(Refusal):
    """A group that nobody opened here."""

    code = "group_unknown"
    status = 404
    text = N_("There is no such group here. Open one of your own.")


class GroupOver(Refusal):
    """A group that was decided, or whose time is over."""

    code = "group_over"
    status = 409
    text = N_("This group is closed. Join another one, or open your own.")


class GroupFull(Refusal):
    """A group whose places are all taken."""

    code = "group_full"
    status = 409
    text = N_("This group is full. Join another one, or open your own.")


class GroupTwice(Refusal):
    """A customer who has a place in this group."""

    code = "group_twice"
    status = 409
    text = N_("You are in this group already. Send its link to your friends.")


class TiersUneven(Refusal):
    """Sizes that do not grow, or prices that do not fall with them."""

    code = "group_tiers"
    text = N_("Each step needs more people than the one before it, and a lower price.")


class Tier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many people, and the price of a piece for each of them."""

    people: Annotated[int, unit(N_("From so many people"), "pieces")]
    unit_minor: Annotated[int, unit(N_("Price of a piece"), "money")]


class GroupBuy(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Places in groups; all pay the first price, and get back what a larger group saves."""

    kind: ClassVar[str] = "group_buy"
    title: ClassVar[str] = N_("Group buy")
    about: ClassVar[str] = N_(
        "A price that needs a number of buyers: short groups are paid back by themselves."
    )
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    product_key: Annotated[str, unit(N_("Product"), "product")]
    rule: Annotated[str, unit(N_("Priced by the rule"), "rule")]
    tiers: Annotated[tuple[Tier, ...], unit(N_("Prices by size"), "steps")]
    hours: Annotated[int, unit(N_("Hours to fill a group"), "number")] = 24
    pay_minutes: Annotated[int, unit(N_("Minutes to pay"), "minutes")] = 15

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse sizes and prices that are no ladder, and groups without a product or time."""
        wrong = checks.refuse_rule(self.rule) | checks.found(
            product_key=None if self.product_key.strip() else TextMissing(),
            tiers=checks.in_range(len(self.tiers), 1, TIERS_MAX),
            hours=checks.in_range(self.hours, 1, HOURS_MAX),
            pay_minutes=checks.in_range(self.pay_minutes, 1, 1_440),
        )
        before: Tier | None = None
        for row, tier in enumerate(self.tiers):
            each = checks.found(
                people=checks.in_range(tier.people, 2, PEOPLE_MAX),
                unit_minor=checks.in_range(tier.unit_minor, 1, AMOUNT_MINOR_MAX),
            )
            wrong |= {f"tiers.{row}.{field}": problem for field, problem in each.items()}
            if before and not (before.people < tier.people and before.unit_minor > tier.unit_minor):
                wrong.setdefault("tiers", TiersUneven())
            before = tier
        return wrong

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """Nothing but the places in all."""
        return ()

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The group's places, and the customer's own in it."""
        places = reward.account("places")
        if attempt.group is None:
            return (places,)
        return (
            places,
            group_account(reward.key, attempt.group),
            self._own(reward, attempt.group, attempt.customer_key),
        )

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Open a group, or take a place in one; reserved until it is paid."""
        group = attempt.joining
        opens = None
        if attempt.group is None:
            ends_at = min(batch.now + timedelta(hours=self.hours), reward.closes_at)
            opens = group = Group(
                claim_key,
                reward.id,
                attempt.customer_key,
                self.product_key,
                self.size,
                "open",
                batch.now,
                ends_at,
            )
        if group is None or group.reward_id != reward.id:
            raise GroupUnknown
        if not group.is_open or batch.now >= group.ends_at:
            raise GroupOver
        until = min(batch.now + timedelta(minutes=self.pay_minutes), group.ends_at)
        steps, openings = self._places(reward, attempt, claim_key, group, until, batch)
        granted = Granted(
            "group",
            amount=1,
            rule=self.rule,
            name=reward.name,
            product_key=self.product_key,
            group=group.key,
        )
        return Played(
            granted, steps, openings, reserved_until=until, expires_at=until, opens_group=opens
        )

    @property
    def size(self) -> int:
        """How many a group may have."""
        return self.tiers[-1].people

    def price_of(self, people: int) -> int | None:
        """Return the price of a piece, in minor units, for so many; None where they are short."""
        return min((t.unit_minor for t in self.tiers if t.people <= people), default=None)

    def _places(
        self,
        reward: Reward,
        attempt: Attempt,
        claim_key: str,
        group: Group,
        until: datetime,
        batch: Batch,
    ) -> tuple[tuple[Transfer, ...], tuple[Opening, ...]]:
        """Return the steps that take a place, bounded by the group's size and one a customer."""
        source, unit_ = reward.account("places"), f"{reward.key}:places"
        bounds = (
            ("group", group_account(reward.key, group.key), self.size, GroupFull),
            ("member", self._own(reward, group.key, attempt.customer_key), 1, GroupTwice),
        )
        steps, openings = [], [Opening(source, unit_, low=None)]
        # Whoever is in is told so, even when the group is full.
        for name, account, most, refusal in reversed(bounds):
            known = batch.accounts.get(account)
            if known is not None and known.balance + known.awaiting >= most:
                raise refusal
            steps.append(
                Transfer(
                    f"{claim_key}:{name}",
                    source,
                    account,
                    1,
                    reserve=True,
                    expires_at=until,
                    reference=claim_key,
                    customer_key=attempt.customer_key,
                    campaign_key=reward.campaign_key,
                )
            )
            openings.append(Opening(account, unit_, high=most))
        return tuple(steps), tuple(openings)

    def _own(self, reward: Reward, group: str, owner: str) -> str:
        return reward.account("member", group, owner)


def group_account(reward_key: str, group: str) -> str:
    """Return the account whose balance is who paid for a place in a group."""
    return f"{reward_key}:group:{group}"
