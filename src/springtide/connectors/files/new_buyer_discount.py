"""生意参谋's discount for new buyers (新客折扣): a row a product and day."""

from typing import ClassVar

from springtide.connectors.files.sycm_products import SOURCE
from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"统计日期", "商品id", "新客拉新费率", "新客支付金额"}


class NewBuyerDiscount:
    """生意参谋: discount for new buyers."""

    kind: ClassVar[str] = "new_buyer_discount"
    label: ClassVar[str] = N_("Sycm: discount for new buyers")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for the table's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the products and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        return MeasureTable(
            source=SOURCE,
            section="new buyers",
            columns={name.strip(): column for name, column in loaded.items()},
            words={"day": "统计日期", "product_key": "商品id", "product_name": "商品名称"},
            options=options,
            head=head,
            stage=stage,
        ).reading()
