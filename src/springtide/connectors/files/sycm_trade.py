"""生意参谋's trade: a row a day and device, or a row a category and device."""

from typing import ClassVar

from springtide.connectors.files.sycm_products import SOURCE
from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_DAYS = {"日期", "终端", "支付金额", "支付买家数"}
_CATEGORIES = {"终端", "一级类目", "支付金额", "支付买家数"}


class SycmTrade:
    """生意参谋: trade by day or by category."""

    kind: ClassVar[str] = "sycm_trade"
    label: ClassVar[str] = N_("Sycm: trade")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for either table's columns."""
        return 90 if any(head.row_with(form) is not None for form in (_DAYS, _CATEGORIES)) else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the rows and say how they are read."""
        is_daily = head.row_with(_DAYS) is not None
        loaded = stage.load(head, header_row(head, _DAYS if is_daily else _CATEGORIES))
        return MeasureTable(
            source=SOURCE,
            section="trade" if is_daily else "trade by category",
            columns={name.strip(): column for name, column in loaded.items()},
            words={
                "day": ("日期", "统计日期"),
                "about": ("终端", "一级类目", "二级类目", "叶子类目"),
            },
            options=options,
            head=head,
            stage=stage,
        ).reading()
