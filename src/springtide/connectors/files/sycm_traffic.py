"""生意参谋's sources of traffic: a row a source of the period that the title rows name."""

from typing import ClassVar

from springtide.connectors.files.sycm_products import SOURCE
from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

# One level and its detail in older files, up to four levels in newer ones.
_FORMS = ({"来源", "来源明细", "访客数"}, {"一级来源", "二级来源", "访客数"})
_LEVELS = ("一级来源", "二级来源", "三级来源", "四级来源", "来源", "来源明细")


class SycmTraffic:
    """生意参谋: sources of traffic."""

    kind: ClassVar[str] = "sycm_traffic"
    label: ClassVar[str] = N_("Sycm: traffic sources")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for either form's columns."""
        return 90 if any(head.row_with(form) is not None for form in _FORMS) else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the sources and say how they are read."""
        form = next((form for form in _FORMS if head.row_with(form) is not None), _FORMS[0])
        loaded = stage.load(head, header_row(head, form))
        return MeasureTable(
            source=SOURCE,
            section="traffic",
            columns={name.strip(): column for name, column in loaded.items()},
            words={"day": ("统计日期", "日期"), "source_path": _LEVELS, "about": "终端"},
            options=options,
            head=head,
            stage=stage,
            left_out="source_path is null or source_path in ('汇总', '总计', '合计', '全部')",
        ).reading()
