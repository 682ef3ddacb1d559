"""Pinduoduo's order export: a row an order of one product; no buyer, and no refund in money."""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"订单号", "订单状态", "商品数量(件)", "用户实付金额(元)", "商品id"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "订单号",
    "status": "订单状态",
    "product_key": "商品id",
    "sku_key": ("商家编码-规格维度", "商家编码-商品维度"),
    "product_name": "商品",
    "product_category": ("商品四级类目", "商品三级类目", "商品二级类目", "商品一级类目"),
    "quantity": "商品数量(件)",
    "created_at": "订单成交时间",
    "paid_at": "支付时间",
    "gross": "商品总价(元)",
    "discount": "店铺优惠折扣(元)",
    "freight": "邮费(元)",
    "paid": "用户实付金额(元)",
    "reference": "团ID",
}
_STATES = {
    "待付款": "unpaid",
    "待发货": "paid",
    "已发货，待收货": "shipped",
    "已收货": "done",
    "已取消": "closed",
    "未发货，退款成功": "refunded",
    "已发货，退款成功": "refunded",
    "已收货，退款成功": "refunded",
}


class Pinduoduo:
    """Pinduoduo's order export."""

    kind: ClassVar[str] = "pinduoduo"
    label: ClassVar[str] = N_("Pinduoduo orders")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for Pinduoduo's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the orders and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        return OrderTable(
            source="pinduoduo",
            columns={name.strip(): column for name, column in loaded.items()},
            words=_WORDS,
            options=options,
            of_order=frozenset({"status", "paid", "paid_at", "refund"}),
            states=_STATES,
            replaced={
                "status": "replace(told_status, ',', '，')",
                # An order that began with its payment has no other time.
                "created_at": "coalesce(told_created_at, told_paid_at)",
                "refund": "case when ends_with(told_status, '退款成功') then told_paid end",
            },
        ).reading()
