"""The platform's own report of a campaign (活动分析): a sheet a section, joined by 活动id."""

from typing import ClassVar, NamedTuple

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_


class _Section(NamedTuple):
    name: str
    columns: set[str]
    day: str


_DAY = "统计日期"
# The most particular first.
_SECTIONS = (
    _Section("summary", {"活动名称", "活动类型", "累计支付金额", "活动id"}, "活动期开始时间"),
    _Section("product", {"商品id", "是否活动商品", "活动id", _DAY}, _DAY),
    _Section("traffic", {"流量来源", "预热访客数", "活动id", _DAY}, _DAY),
    _Section("warm-up", {"预热加购人数", "预热访客数", _DAY, "活动id"}, _DAY),
    _Section("burst", {"活动商品支付金额", "支付金额", _DAY, "活动id"}, _DAY),
)
_TEXTS = frozenset(
    {"活动名称", "活动类型", "预热期开始时间", "预热期结束时间", "活动期结束时间", "商品链接",
     "是否活动商品"}
)  # fmt: skip


class SycmCampaign:
    """生意参谋: a campaign's report."""

    kind: ClassVar[str] = "sycm_campaign"
    label: ClassVar[str] = N_("Sycm: campaign report")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 92 for a section's columns."""
        return 92 if _section(head) else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage a section and say how it is read."""
        section = _section(head) or _SECTIONS[0]
        loaded = stage.load(head, header_row(head, section.columns))
        return MeasureTable(
            source="sycm_campaign",
            section=section.name,
            columns={name.strip(): column for name, column in loaded.items()},
            words={
                "day": section.day,
                "campaign_key": "活动id",
                "product_key": "商品id",
                "product_name": "商品标题",
                "source_path": "流量来源",
            },
            options=options,
            head=head,
            stage=stage,
            texts=_TEXTS,
        ).reading()


def _section(head: Head) -> _Section | None:
    found = (section for section in _SECTIONS if head.row_with(section.columns) is not None)
    return next(found, None)
