"""买就送 / 消费返积分: a reward for buying, on its way when paid, given when it is received."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import What, account_of, grant, unit_of
from springtide.domain.rewards.model import (
    Attempt,
    Bought,
    Filling,
    Granted,
    NotClaimable,
    NothingEarned,
    Played,
    Reward,
    Terms,
    unit,
)
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX, share_bps

TIERS_MAX = 20
#: What a tier earns, in basis points of what the others do.
PERCENT_LEAST_BPS, PERCENT_MOST_BPS = 10_000, 100_000


class TierTwice(Refusal):
    """A tier with two percentages."""

    code = "reward_tier_twice"
    text = N_("The tier “{tier}” stands here twice.")


class TierPercent(Refusal):
    """A tier that earns less than the others, or far too much."""

    code = "reward_tier_percent"
    text = N_("From 100 % (as everybody) to 1000 %, please.")


class TierEarns(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one tier earns."""

    tier: Annotated[str, unit(N_("Tier"), "tier")]
    percent_bps: Annotated[int, unit(N_("Percent of it, such as 200"), "percent")]


class BuyToGet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Points, packet money or tickets for an order, once or for each so much money of it."""

    kind: ClassVar[str] = "buy_to_get"
    title: ClassVar[str] = N_("Buy to get")
    about: ClassVar[str] = N_(
        "Points, a packet or draw tickets for buying: given when paid, or on receipt."
    )
    # Orders of the last minutes are paid, and received, after the end.
    lasts: ClassVar[timedelta] = timedelta(days=15)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    what: Annotated[What, unit(N_("Kind"), "choice")]
    amount: Annotated[int, unit(N_("Worth"), "number")]
    budget: Annotated[int, unit(N_("Budget"), "number")]
    per_minor: Annotated[int, unit(N_("For each so much money (0: once an order)"), "money")] = 0
    threshold_minor: Annotated[int, unit(N_("From (0: any order)"), "money")] = 0
    products: Annotated[tuple[str, ...], unit(N_("Products (none: all)"), "products")] = ()
    rule: Annotated[str | None, unit(N_("Spent by the rule"), "rule")] = None
    draw: Annotated[str | None, unit(N_("Tickets of the draw"), "draw")] = None
    given: Annotated[Literal["receipt", "payment"], unit(N_("Given"), "choice")] = "receipt"
    by_tier: Annotated[tuple[TierEarns, ...], unit(N_("Tiers that earn more"), "steps")] = ()

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse what gives nothing, packets without their rule, tickets without their draw."""
        wrong = checks.gift(self.what, self.amount, self.rule, self.draw) | checks.found(
            budget=checks.in_range(self.budget, max(self.amount, 1), AMOUNT_MINOR_MAX),
            per_minor=checks.in_range(self.per_minor, 0, AMOUNT_MINOR_MAX),
            threshold_minor=checks.in_range(self.threshold_minor, 0, AMOUNT_MINOR_MAX),
            products=checks.in_range(len(self.products), 0, checks.PRODUCTS_MAX),
            by_tier=checks.in_range(len(self.by_tier), 0, TIERS_MAX),
        )
        seen: set[str] = set()
        for index, each in enumerate(self.by_tier):
            twice = TierTwice(tier=each.tier) if each.tier in seen else None
            is_right = PERCENT_LEAST_BPS <= each.percent_bps <= PERCENT_MOST_BPS
            problems = {
                "tier": checks.tier_problem(each.tier) or twice,
                "percent_bps": None if is_right else TierPercent(),
            }
            wrong |= checks.found(**{f"by_tier.{index}.{name}": p for name, p in problems.items()})
            seen.add(each.tier)
        return wrong

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """The budget, in what it gives."""
        return (Filling(self._budget(reward), unit_of(self._granted()), self.budget),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The budget and the customer's account."""
        return (self._budget(reward), *account_of(self._granted(), attempt.customer_key))

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Promise what an order earns till it is received or returned, or give it at once."""
        if attempt.bought is None:
            raise NotClaimable
        tier = attempt.tier if any(each.tier == attempt.tier for each in self.by_tier) else None
        amount = self.earned(attempt.bought, tier)
        if not amount:
            raise NothingEarned
        granted = msgspec.structs.replace(
            self._granted(), amount=amount, name=reward.name, tier=tier
        )
        given = grant(
            reward,
            attempt,
            granted,
            claim_key=claim_key,
            source=self._budget(reward),
            expires_at=reward.use_until(batch.now),
        )
        reference = earned_by(attempt.bought.order_key)
        steps = tuple(
            msgspec.structs.replace(step, reserve=self.given == "receipt", reference=reference)
            for step in given.steps
        )
        return Played(granted, steps, given.openings)

    def earned(self, bought: Bought, tier: str | None) -> int:
        """Return what the kept money of an order earns a customer of a tier."""
        money = sum(
            amount
            for product, amount in bought.money.items()
            if not self.products or product in self.products
        )
        if money < max(self.threshold_minor, 1):
            return 0
        amount = self.amount * (money // self.per_minor) if self.per_minor else self.amount
        rates = {each.tier: each.percent_bps for each in self.by_tier}
        return share_bps(amount, rates.get(tier or "", PERCENT_LEAST_BPS))

    def _granted(self) -> Granted:
        return Granted(self.what, rule=self.rule, draw=self.draw)

    def _budget(self, reward: Reward) -> str:
        return reward.account("budget")


def earned_by(order_key: str) -> str:
    """Return the reference of what an order earned."""
    return f"earned:{order_key}"
