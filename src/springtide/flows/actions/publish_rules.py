"""Publish rules: the campaign's promotion rules count in every cart while the sale lasts."""

from typing import Any, ClassVar

import msgspec

from springtide.domain.access.act import Act
from springtide.domain.campaigns.queries import campaign
from springtide.domain.pricing.operations import activate_rules, deactivate_rules
from springtide.flows.timeline.action import Context, campaign_of
from springtide.kit.errors import N_


class PublishRulesParams(msgspec.Struct):
    """Nothing to choose: the rules and times are the campaign's own."""


class PublishRules:
    """Switches the campaign's promotion rules on; undo switches those off again."""

    kind: ClassVar[str] = "publish_rules"
    label: ClassVar[str] = N_("Publish promotion rules")
    params: ClassVar[type] = PublishRulesParams
    is_long: ClassVar[bool] = False
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ("set_prices",)
    opens: ClassVar[str] = "open_sale"

    def check(self, context: Context, params: PublishRulesParams) -> None:
        """Nothing can be wrong: rules are checked when they are saved."""

    def do(self, context: Context, params: PublishRulesParams) -> Any:
        """Switch them on."""
        now = context.now

        def work(tx: Any) -> Any:
            sale = campaign(tx, shop_id=context.shop.id, campaign_id=campaign_of(context))
            return activate_rules(
                Act.of(tx, context.shop, context.actor, now),
                campaign_id=sale.id,
                starts_at=sale.selling.starts_at,
                ends_at=sale.selling.ends_at,
            )

        return context.step("rules", work)

    def undo(self, context: Context, receipt: Any) -> None:
        """Switch them off."""
        now = context.now
        if receipt:
            context.step(
                "rules",
                lambda tx: deactivate_rules(
                    Act.of(tx, context.shop, context.actor, now), receipt=receipt
                ),
            )
