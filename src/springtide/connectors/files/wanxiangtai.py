"""Paid traffic of 万相台 and 直通车: what was spent and what came of it, by day and subject."""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

# The account; the newer reports by product, plan and audience; keywords.
_FORMS = (
    {"日期", "消耗", "曝光量", "点击量"},
    {"日期", "花费", "展现量", "点击量"},
    {"日期", "计划ID", "人群名字", "点击量"},
    {"关键词", "花费", "展现量", "点击量"},
)
_TEXTS = frozenset(
    {"优化目标", "效果模型", "统计口径", "转化周期", "主体类型", "主体名称", "场景ID", "场景名字",
     "计划名字", "计划名称", "单元名称", "推广单元", "匹配方式"}
)  # fmt: skip
_TOTALS = "starts_with({day}, '总计') or starts_with({day}, '合计') or starts_with({day}, '汇总')"


class Wanxiangtai:
    """万相台 and 直通车: paid traffic."""

    kind: ClassVar[str] = "wanxiangtai"
    label: ClassVar[str] = N_("Paid traffic (Wanxiangtai, Zhitongche)")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 85 for the columns of one of the reports."""
        return 85 if any(head.row_with(form) is not None for form in _FORMS) else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the rows and say how they are read."""
        form = next((form for form in _FORMS if head.row_with(form) is not None), _FORMS[0])
        loaded = stage.load(head, header_row(head, form))
        columns = {name.strip(): column for name, column in loaded.items()}
        first = next(iter(columns.values()))
        return MeasureTable(
            source="wanxiangtai",
            section="account" if "消耗" in columns else "keyword" if "关键词" in form else "report",
            columns=columns,
            words={
                "day": "日期",
                "product_key": ("主体ID", "商品ID"),
                "product_name": ("主体名称", "商品名称"),
                "campaign_key": ("计划ID", "计划名称", "计划名字"),
                "about": ("关键词", "人群名字", "优化目标", "统计口径", "转化周期", "场景名字"),
            },
            options=options,
            head=head,
            stage=stage,
            texts=_TEXTS,
            left_out=_TOTALS.format(day=first.sql),
        ).reading()
