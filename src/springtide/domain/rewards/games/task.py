"""每日任务: so many views, favourites, carts or orders in one day give something, once a day."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import msgspec

from springtide.domain.facts.kinds import said
from springtide.domain.ledger.batch import Batch
from springtide.domain.rewards import checks
from springtide.domain.rewards.days import (
    day_account,
    day_of,
    days_source,
    once_today,
)
from springtide.domain.rewards.grants import What, account_of, grant, unit_of
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

WANTED_MAX = 100
if TYPE_CHECKING:
    Deed = str
else:
    #: What counts: kinds of facts that say so, and paid orders.
    Deed = Literal[(*said("task"), "order")]


class TaskUnfinished(Refusal):
    """A task of which something is missing today."""

    code = "task_unfinished"
    status = 409
    text = N_("Not done yet: {done} of {wanted} today.")


class Task(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Different products to view, favourite or put in the cart, or paid orders, on one day."""

    kind: ClassVar[str] = "task"
    title: ClassVar[str] = N_("Daily task")
    about: ClassVar[str] = N_("Something to do each day in the shop, for points or tickets.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    deed: Annotated[Deed, unit(N_("What a customer does"), "choice")]
    wanted: Annotated[
        int, unit(N_("How many in one day (different products, or paid orders)"), "pieces")
    ]
    what: Annotated[What, unit(N_("Kind"), "choice")]
    amount: Annotated[int, unit(N_("Worth"), "number")]
    products: Annotated[tuple[str, ...], unit(N_("Products (none: all)"), "products")] = ()
    rule: Annotated[str | None, unit(N_("Spent by the rule"), "rule")] = None
    draw: Annotated[str | None, unit(N_("Tickets of the draw"), "draw")] = None

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse what nobody can do, and what gives nothing."""
        count, is_order = len(self.products), self.deed == "order"
        most = WANTED_MAX if is_order or not self.products else min(count, WANTED_MAX)
        return checks.gift(self.what, self.amount, self.rule, self.draw) | checks.found(
            wanted=checks.in_range(self.wanted, 1, most),
            products=checks.in_range(count, 0, checks.PRODUCTS_MAX),
            quantity=checks.each_of(terms, self.amount),
        )

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """Enough for every time."""
        amount = self.amount * reward.terms.quantity
        return (Filling(reward.account("budget"), unit_of(self._granted()), amount),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The budget, the customer's account, and their day."""
        owner = attempt.customer_key
        return (
            reward.account("budget"),
            days_source(reward),
            day_account(reward, owner, day_of(reward, now)),
            *account_of(self._granted(), owner),
        )

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Give to who has done enough today, once a day."""
        day = once_today(reward, attempt, claim_key, batch)
        done = attempt.done
        # What was counted before midnight is of yesterday by now.
        count = done.count if done and done.day == day_of(reward, batch.now) else 0
        if count < self.wanted:
            raise TaskUnfinished(done=count, wanted=self.wanted)
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
        return Played(
            granted,
            (*day.steps, *given.steps),
            (*day.openings, *given.openings),
            expires_at=expires_at,
        )

    def _granted(self) -> Granted:
        return Granted(self.what, self.amount, self.rule, draw=self.draw)
