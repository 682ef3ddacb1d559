"""Douyin's order export: a row a sub-order with its own money; buyers are encrypted.

What the platform takes off the price it bears itself, so only the shop's own part is a discount.
"""

from typing import ClassVar

from springtide.connectors.files.douyin_refunds import KNOWN_REFUNDS, SOURCE
from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"主订单编号", "子订单编号", "选购商品", "订单提交时间"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "主订单编号",
    "line_key": "子订单编号",
    "status": "订单状态",
    "product_key": "商品ID",
    "sku_key": ("商家编码", "货号"),
    "product_name": "选购商品",
    "quantity": "商品数量",
    "price": ("商品单价", "商品金额"),
    "created_at": "订单提交时间",
    "paid_at": "支付完成时间",
    "paid": "订单应付金额",
    "freight": "运费",
    "discount": "商家优惠",
    "source_path": ("流量来源", "流量渠道"),
    "after_sale": "售后状态",
}
_STATES = {
    "待支付": "unpaid",
    "待确认": "unpaid",
    "待发货": "paid",
    "备货中": "paid",
    "部分发货": "paid",
    "已支付": "paid",
    "已发货": "shipped",
    "已完成": "done",
    "已关闭": "closed",
}


class Douyin:
    """Douyin's order export."""

    kind: ClassVar[str] = "douyin"
    label: ClassVar[str] = N_("Douyin orders")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for Douyin's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the sub-orders and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        return OrderTable(
            source=SOURCE,
            columns={name.strip(): column for name, column in loaded.items()},
            words=_WORDS,
            options=options,
            states=_STATES,
            replaced={
                # Each sub-order has its part of the order's freight, which its payment holds too.
                "freight": _FREIGHT,
                "refund": _REFUND,
            },
        ).reading()


_FREIGHT = "cast(sum(coalesce(told_freight, 0)) over (partition by told_order_key) as bigint)"
# There is no refund in money: what was paid and then closed, or paid back after the sale, is one.
# After-sales tell it, where they are known.
_REFUND = (
    "case when told_paid_at is not null and (told_status = '已关闭' "
    "or regexp_matches(told_after_sale, '(退款成功|全额退款)')) "
    f"and concat('refund:', told_order_key, ':', told_line_key) not in ({KNOWN_REFUNDS}) "
    "then told_paid end"
)
