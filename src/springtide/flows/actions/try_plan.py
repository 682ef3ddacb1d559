"""Try a plan on past orders in the background: a job of a campaign's page, on no timeline."""

from datetime import date, time, timedelta
from typing import Any, ClassVar

import msgspec

from springtide.domain.pricing.queries import whole_book
from springtide.flows.timeline.action import Context
from springtide.flows.trials.campaign_plan import plan_of_campaign
from springtide.flows.trials.what_if import what_if
from springtide.kit.errors import N_
from springtide.kit.ids import inward
from springtide.kit.time import Window, at_wall_time


class TryPlanParams(msgspec.Struct):
    """The campaign's key; first and last day of the orders, of the shop.

    Not on the campaign's own timeline: a trial is nothing to undo.
    """

    campaign: str
    since: date
    until: date


class TryPlan:
    """Prices past orders under the campaign's plan as it stands; the receipt is the report."""

    kind: ClassVar[str] = "try_plan"
    label: ClassVar[str] = N_("Try the plan on past orders")
    params: ClassVar[type] = TryPlanParams
    is_long: ClassVar[bool] = True
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: TryPlanParams) -> None:
        """Nothing can be wrong before the orders are read."""

    def do(self, context: Context, params: TryPlanParams) -> Any:
        """Price them; nothing is changed by it."""
        kept = context.kept("report")
        if kept is not None:
            return kept
        house, shop = context.house, context.shop
        with house.db.read() as tx:
            plan = plan_of_campaign(tx, shop=shop, campaign_id=inward("cmp", params.campaign))
            book = whole_book(tx, shop_id=shop.id)

        def progress(done: int, total: int) -> None:
            context.checkpoint()
            context.report(done, total, "")

        report = what_if(
            house.facts,
            shop=shop,
            plan=plan.compiled(shop.zone_name),
            names=plan.names(),
            prices=plan.prices,
            book=book,
            window=Window(
                at_wall_time(params.since, time(0), shop.tz),
                at_wall_time(params.until + timedelta(days=1), time(0), shop.tz),
            ),
            progress=progress,
        )
        plain = msgspec.to_builtins(report)
        return context.step("report", lambda _tx: plain)

    def undo(self, context: Context, receipt: Any) -> None:
        """Nothing: a report changes nothing."""
