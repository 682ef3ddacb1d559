"""A sale looked back at: its numbers and its products beside the comparable days."""

from collections.abc import Iterator
from typing import ClassVar

from springtide.connectors.tabular.writers import Column, Row
from springtide.domain.access.model import Data
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import Unit
from springtide.domain.board.plans import plan_of
from springtide.domain.board.queries import Review, Snapshots, review
from springtide.domain.campaigns.model import PhaseKind
from springtide.domain.campaigns.queries import campaign
from springtide.domain.catalog.queries import products_by_keys
from springtide.flows.exports.campaigns import OneCampaign
from springtide.flows.files.export import Source
from springtide.kit.errors import N_
from springtide.kit.ids import inward

_PARTS = {"day": N_("Sale day"), "warm_up": N_("Warm-up")}
_UNITS = {
    Unit.MONEY.value: N_("Money"),
    Unit.COUNT.value: N_("Number"),
    Unit.PEOPLE.value: N_("People"),
    Unit.BPS.value: N_("Hundredths of a percent"),
    Unit.RATIO.value: N_("Ten-thousandths"),
}


def _review(source: Source, params: OneCampaign) -> Review:
    with source.house.db.read() as tx:
        sale = campaign(tx, shop_id=source.shop.id, campaign_id=inward("cmp", params.campaign))
    return review(
        source.house.facts,
        snapshots=Snapshots(source.house.facts),
        shop=source.shop,
        plan=plan_of(sale),
        warm_up=sale.window(PhaseKind.WARM_UP),
        heroes=[hero.product_key for hero in sale.heroes],
    )


class ReviewNumbers:
    """Every number of the day and of the warm-up, beside the comparable days' average."""

    kind: ClassVar[str] = "review"
    label: ClassVar[str] = N_("Before and after")
    data: ClassVar[Data] = Data.NUMBERS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("part", N_("Part"), words=_PARTS),
        Column("metric", N_("Metric"), words={kind: each.label for kind, each in METRICS.items()}),
        Column("unit", N_("Unit"), words=_UNITS),
        Column("money", N_("Money"), "money"),
        Column("usual_money", N_("Usual money"), "money"),
        Column("number", N_("Number"), "count"),
        Column("usual_number", N_("Usual number"), "count"),
        Column("change_bps", N_("Change in hundredths of a percent"), "count"),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row a number; rates are in basis points, ratios in ten-thousandths."""
        found = _review(source, params)
        for part, numbers in (("day", found.values), ("warm_up", found.warm_up)):
            for kind, value in numbers.items():
                unit = METRICS[kind].unit
                pair = (value.amount, value.compared)
                both = (*pair, None, None) if unit == Unit.MONEY else (None, None, *pair)
                yield (part, kind, unit.value, *both, value.change_bps)


class ReviewHeroes:
    """The products that drew the traffic, beside the comparable days' average."""

    kind: ClassVar[str] = "review_heroes"
    label: ClassVar[str] = N_("Heroes before and after")
    data: ClassVar[Data] = Data.NUMBERS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("product_key", N_("Product")),
        Column("name", N_("Name")),
        Column("units", N_("Pieces"), "count"),
        Column("usual_units", N_("Usual pieces"), "count"),
        Column("paid", N_("Paid money"), "money"),
        Column("usual_paid", N_("Usual money"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row a product."""
        found = _review(source, params)
        keys = [hero.product_key for hero in found.heroes]
        with source.house.db.read() as tx:
            known = products_by_keys(tx, shop_id=source.shop.id, keys=keys)
        for hero in found.heroes:
            product = known.get(hero.product_key)
            yield (
                hero.product_key, product.name if product else None, hero.units,
                hero.usual_units, hero.paid_minor, hero.usual_paid_minor,
            )  # fmt: skip
