"""Set prices: the heroes' campaign prices hold, from the burst to the end of the day."""

from typing import Any, ClassVar

import msgspec

from springtide.domain.access.act import Act
from springtide.domain.campaigns.queries import campaign
from springtide.domain.pricing.operations import (
    check_campaign_prices,
    restore_prices,
    set_campaign_prices,
)
from springtide.flows.timeline.action import Context, campaign_of
from springtide.kit.errors import N_


class SetPricesParams(msgspec.Struct):
    """Nothing to choose: prices and times are the campaign's own."""


class SetPrices:
    """Puts the heroes' campaign prices into the price book; undo puts back what stood before."""

    kind: ClassVar[str] = "set_prices"
    label: ClassVar[str] = N_("Set campaign prices")
    params: ClassVar[type] = SetPricesParams
    is_long: ClassVar[bool] = False
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = "open_sale"

    def check(self, context: Context, params: SetPricesParams) -> None:
        """Refuse a price that its product may not have; the first one is named."""
        with context.house.db.read() as tx:
            heroes = campaign(tx, shop_id=context.shop.id, campaign_id=campaign_of(context)).heroes
            prices = {hero.product_key: hero.price_minor for hero in heroes}
            for refusal in check_campaign_prices(tx, shop=context.shop, prices=prices).values():
                raise refusal

    def do(self, context: Context, params: SetPricesParams) -> Any:
        """Set them, with the instants at which they begin and cease to hold."""
        now = context.now

        def work(tx: Any) -> Any:
            sale = campaign(tx, shop_id=context.shop.id, campaign_id=campaign_of(context))
            return set_campaign_prices(
                Act.of(tx, context.shop, context.actor, now),
                campaign_id=sale.id,
                prices={hero.product_key: hero.price_minor for hero in sale.heroes},
                starts_at=sale.selling.starts_at,
                ends_at=sale.selling.ends_at,
            )

        return context.step("prices", work)

    def undo(self, context: Context, receipt: Any) -> None:
        """Put back what stood before."""
        now = context.now
        if receipt:
            context.step(
                "prices",
                lambda tx: restore_prices(
                    Act.of(tx, context.shop, context.actor, now), receipt=receipt
                ),
            )
