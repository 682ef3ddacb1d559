"""签到: points for coming each day, more for coming many days in a row."""

from datetime import date, datetime, timedelta
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo

import msgspec

from springtide.domain.ledger.model import Opening, Transfer
from springtide.domain.ledger.sheet import Sheet
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import POINTS, account_of, grant
from springtide.domain.rewards.model import (
    Attempt,
    CustomerLimit,
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
        owner = attempt.customer_key
        today = _day(reward, now)
        days = [self._of_day(reward, owner, today - timedelta(days=n)) for n in self._back()]
        points = account_of(Granted("points"), owner)
        return (*days, *points, reward.account(POINTS), reward.account("days"))

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, sheet: Sheet) -> Played:
        """Give the points of this day of the streak, once a day."""
        owner = attempt.customer_key
        today = _day(reward, sheet.now)
        streak = 0
        for back in self._back():
            key = self._of_day(reward, owner, today - timedelta(days=back))
            was_here = key in sheet.accounts and sheet.accounts[key].balance > 0
            if back == 0:
                if was_here:
                    raise CustomerLimit(limit=1)
                continue
            if not was_here:
                break
            streak = back
        amount = self.points[min(streak, len(self.points) - 1)]
        granted = Granted("points", amount, name=reward.name, number=streak + 1)
        days = reward.terms.use_days
        expires_at = None if days is None else sheet.now + timedelta(days=days)
        source = reward.account(POINTS)
        given = grant(
            reward, attempt, granted, claim_key=claim_key, source=source, expires_at=expires_at
        )
        here = self._of_day(reward, owner, today)
        day = Transfer(f"{claim_key}:day", reward.account("days"), here, 1, reference=reward.key)
        openings = (
            Opening(reward.account("days"), f"{reward.key}:days", low=None),
            Opening(here, f"{reward.key}:days", owner, high=1),
        )
        return Played(granted, (day, *given.steps), (*openings, *given.openings))

    def _back(self) -> range:
        return range(len(self.points) + 1)

    def _of_day(self, reward: Reward, owner: str, day: date) -> str:
        return reward.account("day", f"{day:%y%m%d}", owner)


def _day(reward: Reward, now: datetime) -> date:
    return now.astimezone(ZoneInfo(reward.zone_name)).date()
