"""Once a day: a day of the shop's zone is an account of the customer's, bounded to one."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol
from zoneinfo import ZoneInfo

from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import Opening, Transfer
from springtide.domain.rewards.grants import Grant
from springtide.domain.rewards.model import Attempt, CustomerLimit, Reward


def day_of(reward: Reward, now: datetime) -> date:
    """Return the day of an instant in the shop's zone."""
    return now.astimezone(ZoneInfo(reward.zone_name)).date()


def day_account(reward: Reward, owner: str, day: date) -> str:
    """Return the account of a customer's day: its balance is 1 when they have had it."""
    return reward.account("day", f"{day:%y%m%d}", owner)


def days_source(reward: Reward) -> str:
    """Return the account that days come from."""
    return reward.account("days")


class Balanced(Protocol):
    """An account, on a batch or as it was read."""

    @property
    def balance(self) -> int:
        """What is posted."""


def was_here(reward: Reward, owner: str, day: date, accounts: Mapping[str, Balanced]) -> bool:
    """Tell whether a customer has had a day."""
    account = accounts.get(day_account(reward, owner, day))
    return account is not None and account.balance > 0


def once_today(reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Grant:
    """Return the step that marks today as had; raises CustomerLimit for a second time."""
    owner, today = attempt.customer_key, day_of(reward, batch.now)
    if was_here(reward, owner, today, batch.accounts):
        raise CustomerLimit(limit=1)
    source, here = days_source(reward), day_account(reward, owner, today)
    step = Transfer(f"{claim_key}:day", source, here, 1, reference=reward.key)
    unit = f"{reward.key}:days"
    return Grant((step,), (Opening(source, unit, low=None), Opening(here, unit, owner, high=1)))
