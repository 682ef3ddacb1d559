"""分享有礼: a gift for who shares and for the friend who comes, once each and for real friends."""

import hashlib
from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import MONEY, Opening, Transfer
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import POINTS, account_of, grant
from springtide.domain.rewards.model import (
    Attempt,
    CustomerLimit,
    DeviceLimit,
    Filling,
    Granted,
    Played,
    Reward,
    Terms,
    unit,
)
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX

#: How long a friend has to buy before the sharer's gift is off.
BUY_WITHIN = timedelta(days=15)


class ShareMissing(Refusal):
    """A friend who comes without a share."""

    code = "share_missing"
    status = 409
    text = N_("This is for friends who were invited: follow their link.")


class OwnShare(Refusal):
    """A share followed by who made it."""

    code = "share_own"
    status = 409
    text = N_("Your own link brings you nothing. Send it to a friend.")


class SharedBack(Refusal):
    """Two who share with each other."""

    code = "share_back"
    status = 409
    text = N_("You two have invited each other already.")


class Share(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Points or packet money for sharer and friend, when the friend visits or buys."""

    kind: ClassVar[str] = "share"
    title: ClassVar[str] = N_("Share with gift")
    about: ClassVar[str] = N_("A gift for who brings a friend, and for the friend.")
    # Friends of the last minutes still have their time to buy.
    lasts: ClassVar[timedelta] = BUY_WITHIN
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = False

    what: Annotated[Literal["points", "packet"], unit(N_("Kind"), "choice")]
    sharer_amount: Annotated[int, unit(N_("For who shares"), "number")]
    budget: Annotated[int, unit(N_("Budget"), "number")]
    friend_amount: Annotated[int, unit(N_("For the friend"), "number")] = 0
    when: Annotated[Literal["visit", "order"], unit(N_("When the friend"), "choice")] = "visit"
    friends_max: Annotated[int, unit(N_("Friends of one sharer"), "pieces")] = 20
    rule: Annotated[str | None, unit(N_("Spent by the rule"), "rule")] = None

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse gifts of nothing, and a budget that is not enough for one."""
        once = self.sharer_amount + self.friend_amount
        wrong = checks.found(
            sharer_amount=checks.in_range(self.sharer_amount, 1, AMOUNT_MINOR_MAX),
            friend_amount=checks.in_range(self.friend_amount, 0, AMOUNT_MINOR_MAX),
            friends_max=checks.in_range(self.friends_max, 1, 1_000_000),
        )
        if not wrong:
            wrong |= checks.found(budget=checks.in_range(self.budget, once, AMOUNT_MINOR_MAX))
        if terms.per_customer != 1:
            wrong["per_customer"] = checks.OutOfRange(least=1, most=1)
        return wrong | (checks.refuse_rule(self.rule or "") if self.what == "packet" else {})

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """The budget, in points or in money."""
        unit_ = MONEY if self.what == "packet" else POINTS
        return (Filling(reward.account("budget"), unit_, self.budget),)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """The budget, both customers' accounts, and what bounds them."""
        granted = Granted(self.what, rule=self.rule)
        sharer = attempt.shared_by or attempt.customer_key
        return (
            reward.account("budget"),
            reward.account("friends"),
            *account_of(granted, attempt.customer_key),
            *account_of(granted, sharer),
            *(account for account, _ in self._bounds(reward, attempt)),
        )

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Give both their gifts; the sharer's is only promised where the friend has to buy."""
        sharer = attempt.shared_by
        if sharer is None:
            raise ShareMissing
        if sharer == attempt.customer_key:
            raise OwnShare
        steps, openings = self._bounded(reward, attempt, claim_key, batch)
        granted = Granted(self.what, self.friend_amount, self.rule, reward.name)
        expires_at = reward.use_until(batch.now)
        source = reward.account("budget")
        friend = grant(
            reward, attempt, granted, claim_key=claim_key, source=source, expires_at=expires_at
        )
        by = msgspec.structs.replace(attempt, customer_key=sharer, visitor_key=None)
        gift = grant(
            reward,
            by,
            msgspec.structs.replace(granted, amount=self.sharer_amount),
            claim_key=f"{claim_key}:sharer",
            source=source,
            expires_at=expires_at,
        )
        promised = gift.steps
        if self.when == "order":
            promised = tuple(
                msgspec.structs.replace(
                    step,
                    reserve=True,
                    expires_at=batch.now + BUY_WITHIN,
                    reference=brought(attempt.customer_key),
                )
                for step in gift.steps
            )
        return Played(
            granted,
            (*steps, *friend.steps, *promised),
            (*openings, *friend.openings, *gift.openings),
            expires_at=expires_at,
        )

    def _bounds(self, reward: Reward, attempt: Attempt) -> list[tuple[str, int]]:
        """Return what bounds a share: the pair once, the device once, so many friends."""
        names = sorted((attempt.customer_key, attempt.shared_by or ""))
        pair = hashlib.blake2b("\0".join(names).encode(), digest_size=16).hexdigest()
        found = [
            (reward.account("pair", pair), 1),
            (reward.account("sharer", attempt.shared_by or ""), self.friends_max),
        ]
        if attempt.device:
            found.append((reward.account("came", attempt.device), 1))
        return found

    def _bounded(
        self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch
    ) -> tuple[tuple[Transfer, ...], tuple[Opening, ...]]:
        refusals: list[Refusal] = [
            SharedBack(), CustomerLimit(limit=self.friends_max), DeviceLimit(limit=1),
        ]  # fmt: skip
        source, unit_ = reward.account("friends"), f"{reward.key}:friends"
        steps, openings = [], [Opening(source, unit_, low=None)]
        bounds = self._bounds(reward, attempt)
        for place, (account, most) in enumerate(bounds):
            known = batch.accounts.get(account)
            if known is not None and known.balance >= most:
                raise refusals[place]
            steps.append(Transfer(f"{claim_key}:b{place}", source, account, 1))
            openings.append(Opening(account, unit_, high=most))
        return tuple(steps), tuple(openings)


def brought(friend: str) -> str:
    """Return the reference of what is promised to who brought a friend."""
    return f"brought:{friend}"
