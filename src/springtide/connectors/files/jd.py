"""JD's order export: a row a line, the order's money and its buyer on each of them (masked)."""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"订单号", "商品ID", "商品名称", "订购数量", "下单时间", "京东价", "订单金额"}
_WORDS = {
    "order_key": "订单号",
    "status": "订单状态",
    "product_key": "商品ID",
    "sku_key": "货号",
    "product_name": "商品名称",
    "quantity": "订购数量",
    "price": "京东价",
    "created_at": "下单时间",
    "paid_at": "付款确认时间",
    "customer_key": "下单帐号",
    "customer_name": "客户姓名",
    "due": "订单金额",
    "freight": "运费金额",
    "paid": "应付金额",
}
# The names are not confirmed by JD: these are from general knowledge of the trade. A deleted order
# keeps the state it had.
_STANDING = {
    "等待付款": "unpaid",
    "等待出库": "paid",
    "等待确认收货": "shipped",
    "完成": "done",
    "已完成": "done",
    "已取消": "closed",
}
_DELETED = "(删除)"
_STATES = _STANDING | {f"{_DELETED}{state}": "closed" for state in _STANDING}
_REPLACED = {
    # 订单金额 is what the goods cost after discounts, and the freight.
    "due": "greatest(told_due - coalesce(told_freight, 0), 0)",
    # There is no refund in the file: an order that was paid and deleted was paid back.
    "refund": f"case when starts_with(told_status, '{_DELETED}') and told_paid_at is not null "
    "then told_paid end",
}


class Jd:
    """Orders of a JD shop."""

    kind: ClassVar[str] = "jd"
    label: ClassVar[str] = N_("JD orders")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for JD's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines and say how they are read."""
        columns = stage.load(head, header_row(head, _COLUMNS))
        return OrderTable(
            source="jd",
            columns={name.strip(): column for name, column in columns.items()},
            words=_WORDS,
            options=options,
            of_order=frozenset({"status", "due", "paid", "paid_at", "refund"}),
            states=_STATES,
            replaced=_REPLACED,
        ).reading()
