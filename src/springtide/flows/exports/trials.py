"""The newest trial of a campaign's plan on past orders: its days, rules and products."""

from collections.abc import Iterator
from datetime import date
from typing import ClassVar

from springtide.connectors.tabular.writers import Column, Row
from springtide.domain.access.model import Data
from springtide.domain.campaigns.queries import campaign
from springtide.domain.catalog.queries import products_by_keys
from springtide.flows.exports.campaigns import OneCampaign
from springtide.flows.files.export import Source
from springtide.flows.trials.jobs import newest_done, report_of, trials_of
from springtide.flows.trials.what_if import Report
from springtide.kit.errors import N_
from springtide.kit.ids import inward


def _report(source: Source, params: OneCampaign) -> Report:
    with source.house.db.read() as tx:
        sale = campaign(tx, shop_id=source.shop.id, campaign_id=inward("cmp", params.campaign))
        done = newest_done(trials_of(tx, shop_id=source.shop.id, campaign=sale.key))
    return report_of(done) if done else Report()


class TriedDays:
    """What the orders of each day come to, at regular prices and under the plan."""

    kind: ClassVar[str] = "tried_days"
    label: ClassVar[str] = N_("Day by day")
    data: ClassVar[Data] = Data.NUMBERS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("day", N_("Day"), "day"),
        Column("orders", N_("Orders"), "count"),
        Column("regular", N_("Regular"), "money"),
        Column("planned", N_("Under the plan"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row a day."""
        for each in _report(source, params).days:
            yield (
                date.fromisoformat(each.day), each.orders, each.before_minor, each.after_minor
            )  # fmt: skip


class TriedRules:
    """What each rule, and the sale's prices, would have given."""

    kind: ClassVar[str] = "tried_rules"
    label: ClassVar[str] = N_("What each rule would have given")
    data: ClassVar[Data] = Data.NUMBERS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("rule", N_("Rule"), words={"campaign_prices": N_("Campaign prices")}),
        Column("orders", N_("Orders"), "count"),
        Column("given", N_("Money"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row a rule; the sale's prices come first, with no number of orders."""
        report = _report(source, params)
        if report.price_cut_minor:
            yield ("campaign_prices", None, report.price_cut_minor)
        for each in report.rules:
            yield (each.name, each.orders, each.amount_minor)


class TriedProducts:
    """The products that lose most against regular prices."""

    kind: ClassVar[str] = "tried_products"
    label: ClassVar[str] = N_("Products that lose most")
    data: ClassVar[Data] = Data.NUMBERS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("product_key", N_("Product")),
        Column("name", N_("Name")),
        Column("pieces", N_("Pieces"), "count"),
        Column("regular", N_("Regular"), "money"),
        Column("planned", N_("Under the plan"), "money"),
        Column("regular_margin", N_("Margin at regular prices"), "money"),
        Column("planned_margin", N_("Margin under the plan"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row a product."""
        losers = _report(source, params).losers
        with source.house.db.read() as tx:
            known = products_by_keys(
                tx, shop_id=source.shop.id, keys=[each.product_key for each in losers]
            )
        for each in losers:
            product = known.get(each.product_key)
            yield (
                each.product_key, product.name if product else None, each.pieces,
                each.before_minor, each.after_minor, each.margin_before_minor,
                each.margin_after_minor,
            )  # fmt: skip
