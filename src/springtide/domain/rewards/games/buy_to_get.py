"""买就送 / 消费返积分: a reward for buying, on its way when paid, given when it is received."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

import msgspec

from springtide.domain.ledger.model import MONEY
from springtide.domain.ledger.sheet import Sheet
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import POINTS, account_of, grant
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
from springtide.kit.money import AMOUNT_MINOR_MAX

PRODUCTS_MAX = 500


class BuyToGet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Points or packet money for an order, once or for each so much money of it."""

    kind: ClassVar[str] = "buy_to_get"
    title: ClassVar[str] = N_("Buy to get")
    about: ClassVar[str] = N_(
        "Points or a packet for buying: promised when paid, given on receipt."
    )
    # Orders of the last minutes are paid, and received, after the end.
    lasts: ClassVar[timedelta] = timedelta(days=15)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    what: Annotated[Literal["points", "packet"], unit(N_("Kind"), "choice")]
    amount: Annotated[int, unit(N_("Worth"), "number")]
    budget: Annotated[int, unit(N_("Budget"), "number")]
    per_minor: Annotated[int, unit(N_("For each so much money (0: once an order)"), "money")] = 0
    threshold_minor: Annotated[int, unit(N_("From (0: any order)"), "money")] = 0
    products: Annotated[tuple[str, ...], unit(N_("Products (none: all)"), "products")] = ()
    rule: Annotated[str | None, unit(N_("Spent by the rule"), "rule")] = None

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse what gives nothing, and packets without their rule."""
        wrong = checks.found(
            amount=checks.in_range(self.amount, 1, AMOUNT_MINOR_MAX),
            budget=checks.in_range(self.budget, max(self.amount, 1), AMOUNT_MINOR_MAX),
            per_minor=checks.in_range(self.per_minor, 0, AMOUNT_MINOR_MAX),
            threshold_minor=checks.in_range(self.threshold_minor, 0, AMOUNT_MINOR_MAX),
            products=checks.in_range(len(self.products), 0, PRODUCTS_MAX),
        )
        return wrong | (checks.refuse_rule(self.rule or "") if self.what == "packet" else {})

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """The budget, in points or in money."""
        return (Filling(self._budget(reward), self._unit, self.budget),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The budget and the customer's account."""
        granted = Granted(self.what, rule=self.rule)
        return (self._budget(reward), *account_of(granted, attempt.customer_key))

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, sheet: Sheet) -> Played:
        """Promise what an order earns: reserved, until it is received or returned."""
        if attempt.bought is None:
            raise NotClaimable
        amount = self.earned(attempt.bought)
        if not amount:
            raise NothingEarned
        granted = Granted(self.what, amount, self.rule, reward.name)
        days = reward.terms.use_days
        given = grant(
            reward,
            attempt,
            granted,
            claim_key=claim_key,
            source=self._budget(reward),
            expires_at=None if days is None else sheet.now + timedelta(days=days),
        )
        reference = earned_by(attempt.bought.order_key)
        steps = tuple(
            msgspec.structs.replace(step, reserve=True, reference=reference) for step in given.steps
        )
        return Played(granted, steps, given.openings)

    def earned(self, bought: Bought) -> int:
        """Return what the kept money of an order earns."""
        money = sum(
            amount
            for product, amount in bought.money.items()
            if not self.products or product in self.products
        )
        if money < max(self.threshold_minor, 1):
            return 0
        return self.amount * (money // self.per_minor) if self.per_minor else self.amount

    @property
    def _unit(self) -> str:
        return MONEY if self.what == "packet" else POINTS

    def _budget(self, reward: Reward) -> str:
        return reward.account("budget")


def earned_by(order_key: str) -> str:
    """Return the reference of what an order earned."""
    return f"earned:{order_key}"
