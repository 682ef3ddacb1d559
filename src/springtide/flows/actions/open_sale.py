"""Open the sale: orders belong to the campaign from now on; closing it closes what is unpaid."""

from datetime import timedelta
from typing import Any, ClassVar

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.campaigns.model import PhaseKind
from springtide.domain.campaigns.operations import mark_opened, mark_withdrawn
from springtide.domain.campaigns.queries import campaign
from springtide.flows.checkout.place import close_unpaid
from springtide.flows.timeline.action import Context, campaign_of
from springtide.kit.errors import N_

#: Orders closed in one transaction.
BATCH = 200
#: An order that was being placed when the sale closed is in by then.
_LATECOMERS_SECONDS = 0.3


class OpenSaleParams(msgspec.Struct):
    """Nothing to choose."""


class OpenSale:
    """Opens the campaign for orders; undo closes it, and its unpaid orders, batch by batch."""

    kind: ClassVar[str] = "open_sale"
    label: ClassVar[str] = N_("Open the sale")
    params: ClassVar[type] = OpenSaleParams
    is_long: ClassVar[bool] = False
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = PhaseKind.BURST

    def check(self, context: Context, params: OpenSaleParams) -> None:
        """Nothing can be wrong with opening."""

    def do(self, context: Context, params: OpenSaleParams) -> Any:
        """Let orders carry the campaign's key while it sells."""
        now = context.now

        def work(tx: Connection) -> Any:
            sale = mark_opened(
                Act.of(tx, context.shop, context.actor, now), campaign_id=campaign_of(context)
            )
            return {"campaign_key": sale.key}

        return context.step("open", work)

    def undo(self, context: Context, receipt: Any) -> None:
        """Take no more orders into the campaign, then close the unpaid ones."""
        context.step("close", lambda tx: _close(context, tx))
        number = 0
        for _ in range(2):
            while context.step(f"unpaid {number}", lambda tx: _close_some(context, tx)):
                number += 1
            number += 1
            context.pause(_LATECOMERS_SECONDS)


def _close(context: Context, tx: Connection) -> None:
    mark_withdrawn(Act.of(tx, context.shop, context.actor), campaign_id=campaign_of(context))


def _close_some(context: Context, tx: Connection) -> list[str]:
    now = context.now
    sale = campaign(tx, shop_id=context.shop.id, campaign_id=campaign_of(context))
    return close_unpaid(
        Act.of(tx, context.shop, context.actor, now),
        campaign_key=sale.key,
        # The sale is closed, so no order of it can be younger; a standing clock may tie.
        placed_before=now + timedelta(seconds=1),
        reason="sale_over",
        limit=BATCH,
    )
