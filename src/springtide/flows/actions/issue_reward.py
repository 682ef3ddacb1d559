"""Issue a reward: invite the customers of a choice, and give it to each of them if wanted."""

import hashlib
from collections import Counter
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from springtide.domain.rewards.claiming import claim_batch
from springtide.domain.rewards.model import Attempt, Claim
from springtide.domain.rewards.operations import invite
from springtide.domain.rewards.queries import invited_page, reward
from springtide.flows.claims.audience import chosen
from springtide.flows.claims.eligibility import asks_of, looked_up
from springtide.flows.timeline.action import Context
from springtide.kit.errors import N_
from springtide.kit.ids import inward

BATCH = 250


class IssueRewardParams(msgspec.Struct):
    """The reward's key, for whom (``favourite``, ``cart``, ``payment``, ``tier:…``), how it goes.

    ``days`` is how far back a deed counts. Without ``give`` they are only invited.
    """

    reward: str
    who: str
    days: int = 30
    give: bool = False


class IssueReward:
    """Invites, and gives batch by batch; a customer's claim has a key, so again gives nothing."""

    kind: ClassVar[str] = "issue_reward"
    label: ClassVar[str] = N_("Invite customers to a reward")
    params: ClassVar[type] = IssueRewardParams
    is_long: ClassVar[bool] = True
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: IssueRewardParams) -> None:
        """What may be wrong is said by the page before the job is made."""

    def do(self, context: Context, params: IssueRewardParams) -> Any:
        """Invite them all, then give."""
        reward_id = inward("rwd", params.reward)
        keys = chosen(
            context.house.facts,
            shop=context.shop,
            who=params.who,
            days=params.days,
            now=context.now,
        )
        for start in range(0, len(keys), BATCH):
            context.checkpoint()
            with context.house.db.write() as tx:
                invite(tx, reward_id=reward_id, customer_keys=keys[start : start + BATCH])
        receipt: dict[str, Any] = {"invited": len(keys)}
        if params.give:
            receipt["given"] = self._give(context, params.reward, reward_id, len(keys))
        return context.step("receipt", lambda _tx: receipt)

    def _give(self, context: Context, key: str, reward_id: UUID, total: int) -> dict[str, int]:
        with context.house.db.read() as tx:
            asks = asks_of(reward(tx, shop=context.shop, reward_id=reward_id))
        counts: Counter[str] = Counter()
        after = ""
        while True:
            context.checkpoint()
            with context.house.db.read() as tx:
                customers = invited_page(tx, reward_id=reward_id, after=after, limit=BATCH)
            if not customers:
                return dict(counts)
            attempts = looked_up(
                lambda: context.house.facts,
                shop=context.shop,
                asks={reward_id: asks},
                attempts=[_attempt(key, reward_id, customer) for customer in customers],
                now=context.now,
            )
            with context.house.db.write() as tx:
                outcomes = claim_batch(tx, shop=context.shop, attempts=attempts, now=context.now)
            counts.update("granted" if isinstance(e, Claim) else e.code for e in outcomes)
            after = customers[-1]
            context.report(sum(counts.values()), max(total, sum(counts.values())))

    def undo(self, context: Context, receipt: Any) -> None:
        """What customers hold stays theirs."""


def _attempt(key: str, reward_id: UUID, customer: str) -> Attempt:
    name = f"issue:{key}:{customer}"
    return Attempt(
        key=name,
        reward_id=reward_id,
        customer_key=customer,
        asked=hashlib.blake2b(name.encode(), digest_size=16).hexdigest(),
        is_given=True,
    )
