"""Lists of products entered for a platform's campaign (报名): 聚划算, 官方大促, 百亿补贴."""

from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import (
    Check,
    Emit,
    Head,
    Reading,
    ReadOptions,
    Stage,
    StagedColumn,
)
from springtide.kit.errors import N_
from springtide.kit.money import exponent

_COLUMNS = {"活动名称", "活动时间", "商品id", "一口价", "活动价格", "活动状态"}


class CampaignEntries:
    """Products entered for a campaign."""

    kind: ClassVar[str] = "campaign_entries"
    label: ClassVar[str] = N_("Products entered for a campaign")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for the list's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the products and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}

        def column(name: str) -> StagedColumn:
            return columns.get(name, values.NOTHING)

        places = exponent(options.currency)
        found = {
            "campaign": values.text(*column("活动名称")),
            "product": values.text(*column("商品id")),
            "title": values.text(*column("商品名称")),
            "state": values.text(*column("活动状态")),
            "during": values.text(*column("活动时间")),
            **values.instants("entered", column("报名时间"), zone=options.zone),
            # The list without a time of entry tells when the campaign begins.
            "begins": r"regexp_extract(during, '^\d{4}-\d{1,2}-\d{1,2}( \d{1,2}:\d\d(:\d\d)?)?')",
            **values.instants("start", StagedColumn("begins", "VARCHAR"), zone=options.zone),
            "moment": "coalesce(entered, start)",
            **values.minor("regular", column("一口价"), exponent=places),
            **values.minor("price", column("活动价格"), exponent=places),
            **values.minor("lowest", column("最低成交价"), exponent=places),
            **values.integers("stock", column("库存")),
        }
        checks = (
            Check("活动名称", N_("is missing"), "campaign is null"),
            Check("商品id", N_("is missing"), "product is null"),
            Check("报名时间", N_("is not a possible time"), values.impossible("moment")),
            Check("活动价格", N_("is not an amount"), "price is null"),
            Check("一口价", N_("is not an amount"), "regular is null"),
        )
        emit = Emit(
            {
                "kind": "'entry'",
                "occurred_at": "moment",
                "external_id": fact_ids.build_sql("entry", "left(campaign, 100)", "product"),
                "campaign_key": "left(campaign, 200)",
                "product_key": "product",
                "amount_minor": "price",
                "discount_minor": "greatest(regular - price, 0)",
                "quantity": "coalesce(stock, 0)",
                "reference": "state",
                "props": "json_object('during', during, 'lowest_minor', lowest)",
            }
        )
        products = (
            "select product, max(title), null, null, null, null from good "
            "where product is not null group by product"
        )
        return Reading("campaign_entries", found, checks, (emit,), products=products)
