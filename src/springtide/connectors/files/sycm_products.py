"""生意参谋's product ranking: a row a product and day, under title rows."""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

SOURCE = "sycm"
_COLUMNS = {"统计日期", "商品ID", "商品名称", "商品访客数", "商品浏览量"}


class SycmProducts:
    """生意参谋: product ranking."""

    kind: ClassVar[str] = "sycm_products"
    label: ClassVar[str] = N_("Sycm: product ranking")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for the ranking's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the products and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        return MeasureTable(
            source=SOURCE,
            section="product",
            columns={name.strip(): column for name, column in loaded.items()},
            words={
                "day": "统计日期",
                "product_key": "商品ID",
                "product_name": "商品名称",
                "code": "货号",
            },
            options=options,
            head=head,
            stage=stage,
            texts=frozenset({"商品状态", "商品标签"}),
            # A product that is no longer there has no id.
            left_out="product_key is null",
        ).reading()
