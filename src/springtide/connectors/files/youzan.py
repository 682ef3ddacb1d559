"""Youzan's order export: a row an order, its products by name alone.

Its columns are known in part: further ones of the usual names are read too.
"""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"订单号", "全部商品名称", "订单实付金额", "订单状态"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "订单号",
    "status": "订单状态",
    "customer_key": ("买家手机号", "收货人手机号/提货人手机号"),
    "customer_name": ("收货人/提货人", "收货人姓名"),
    "product_name": "全部商品名称",
    "quantity": ("商品总数量", "商品数量"),
    "created_at": ("订单创建时间", "下单时间", "买家付款时间"),
    "paid_at": "买家付款时间",
    "due": ("商品金额合计", "订单实付金额"),
    "freight": ("运费", "订单运费"),
    "paid": "订单实付金额",
    "refund": ("已退款金额", "订单已退款金额"),
}
_STATES = {
    "待付款": "unpaid",
    "等待买家付款": "unpaid",
    "待成团": "paid",
    "待发货": "paid",
    "等待商家发货": "paid",
    "待接单": "paid",
    "已发货": "shipped",
    "商家已发货": "shipped",
    "交易完成": "done",
    "已完成": "done",
    "交易成功": "done",
    "交易关闭": "closed",
    "已关闭": "closed",
}


class Youzan:
    """Youzan's order export."""

    kind: ClassVar[str] = "youzan"
    label: ClassVar[str] = N_("Youzan orders")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for Youzan's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the orders and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}
        freight = "coalesce(told_freight, 0)"
        of_goods = "商品金额合计" in columns
        pieces = (
            {} if {"商品总数量", "商品数量"} & set(columns) else {"quantity": "cast(0 as bigint)"}
        )
        return OrderTable(
            source="youzan",
            columns=columns,
            words=_WORDS,
            options=options,
            of_order=frozenset({"status", "due", "paid", "paid_at", "refund"}),
            states=_STATES,
            replaced=pieces
            | {"due": "told_due" if of_goods else f"greatest(told_due - {freight}, 0)"},
        ).reading()
