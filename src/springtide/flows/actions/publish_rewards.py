"""Publish rewards: the campaign's drafts open with its sale; withdrawal stops what still runs."""

from typing import Any, ClassVar
from uuid import UUID

import msgspec

from springtide.domain.access.act import Act
from springtide.domain.rewards.model import Closed
from springtide.domain.rewards.operations import stop_reward
from springtide.domain.rewards.queries import rewards_page
from springtide.domain.rewards.states import RewardState
from springtide.domain.rewards.tickets import UnknownDraw
from springtide.flows.claims.gifts import publish
from springtide.flows.timeline.action import Context, campaign_of
from springtide.kit.errors import N_

#: Rewards of one campaign.
REWARDS_MAX = 500


class PublishRewardsParams(msgspec.Struct):
    """Nothing to choose: the rewards are the campaign's own."""


class PublishRewards:
    """Publishes the campaign's drafts; undo stops its rewards, also those published by hand."""

    kind: ClassVar[str] = "publish_rewards"
    label: ClassVar[str] = N_("Publish rewards and games")
    params: ClassVar[type] = PublishRewardsParams
    is_long: ClassVar[bool] = False
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ("publish_rules",)
    opens: ClassVar[str] = "open_sale"

    def check(self, context: Context, params: PublishRewardsParams) -> None:
        """Nothing can be wrong: rewards are checked when they are saved."""

    def do(self, context: Context, params: PublishRewardsParams) -> Any:
        """Publish them, a transaction each; what is over by now stays a draft.

        A budget that needs a second person stops here, until it has one on the reward's page.
        """
        drafts = context.step("drafts", lambda tx: _of(context, tx, RewardState.DRAFT))
        return {"rewards": [each for each in drafts if self._publish(context, each)]}

    def _publish(self, context: Context, reward_id: str) -> bool:
        def work(tx: Any) -> bool:
            return _publish(context, tx, reward_id)

        return bool(context.step(f"publish {reward_id}", work))

    def undo(self, context: Context, receipt: Any) -> None:
        """Stop all of the campaign that are published; what customers hold stays theirs."""
        state = RewardState.PUBLISHED
        for reward_id in context.step("published", lambda tx: _of(context, tx, state)):
            self._stop(context, reward_id)

    def _stop(self, context: Context, reward_id: str) -> None:
        def work(tx: Any) -> None:
            stop_reward(Act.of(tx, context.shop, context.actor), reward_id=UUID(reward_id))

        context.step(f"stop {reward_id}", work)


def _of(context: Context, tx: Any, state: RewardState) -> list[str]:
    found = rewards_page(tx, shop=context.shop, campaign_id=campaign_of(context), limit=REWARDS_MAX)
    return [str(each.id) for each in found if each.state is state]


def _publish(context: Context, tx: Any, reward_id: str) -> bool:
    try:
        publish(Act.of(tx, context.shop, context.actor), reward_id=UUID(reward_id), may_ask=False)
    except (Closed, UnknownDraw):
        return False
    return True
