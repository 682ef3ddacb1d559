"""签到: points for coming each day, more for coming many days in a row."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.rewards import checks
from springtide.domain.rewards.days import (
    Balanced,
    day_account,
    day_of,
    days_source,
    once_today,
    was_here,
)
from springtide.domain.rewards.grants import POINTS, account_of, grant
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

DAYS_MAX = 31
POINTS_MAX = 1_000_000


class CheckIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Points by the day of the streak; after the last day of the list its points go on."""

    kind: ClassVar[str] = "check_in"
    title: ClassVar[str] = N_("Check-in")
    about: ClassVar[str] = N_("Points once a day, more for many days in a row.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = True

    points: Annotated[tuple[int, ...], unit(N_("Points on day 1, 2, 3 …"), "numbers")]

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse days without points and streaks without end."""
        wrong = checks.found(points=checks.in_range(len(self.points), 1, DAYS_MAX))
        for each in self.points:
            problem = checks.in_range(each, 1, POINTS_MAX)
            if problem:
                wrong["points"] = problem
        return wrong

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """Points enough for every check-in on the best day."""
        return (Filling(reward.account(POINTS), POINTS, max(self.points) * reward.terms.quantity),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The days of the streak, the customer's points, what they are paid from."""
        owner, today = attempt.customer_key, day_of(reward, now)
        days = [day_account(reward, owner, today - timedelta(days=n)) for n in self._back()]
        points = account_of(Granted("points"), owner)
        return (*days, *points, reward.account(POINTS), days_source(reward))

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Give the points of this day of the streak, once a day."""
        day = once_today(reward, attempt, claim_key, batch)
        streak = self.streak(
            reward, attempt.customer_key, day_of(reward, batch.now), batch.accounts
        )
        granted = Granted("points", self.worth(streak), name=reward.name, number=streak + 1)
        expires_at = reward.use_until(batch.now)
        source = reward.account(POINTS)
        given = grant(
            reward, attempt, granted, claim_key=claim_key, source=source, expires_at=expires_at
        )
        return Played(granted, (*day.steps, *given.steps), (*day.openings, *given.openings))

    def streak(
        self, reward: Reward, owner: str, today: date, accounts: Mapping[str, Balanced]
    ) -> int:
        """Return how many days in a row before today a customer came, as far as they count."""
        for back in self._back()[1:]:
            if not was_here(reward, owner, today - timedelta(days=back), accounts):
                return back - 1
        return len(self.points)

    def worth(self, streak: int) -> int:
        """Return the points of the day after so many in a row."""
        return self.points[min(streak, len(self.points) - 1)]

    def _back(self) -> range:
        return range(len(self.points) + 1)
