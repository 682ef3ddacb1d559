"""1688's order export: a row a line, the order's cells on the first of them alone."""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"订单编号", "货品标题", "数量", "实付款(元)", "订单状态"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "订单编号",
    "status": "订单状态",
    "customer_key": "买家会员名",
    "customer_name": "买家公司名",
    "product_key": "Offer ID",
    "code": ("单品货号", "货号"),
    "product_name": "货品标题",
    "price": "单价(元)",
    "quantity": "数量",
    "created_at": "订单创建时间",
    "paid_at": "订单付款时间",
    "gross_total": "货品总价(元)",
    "freight": "运费(元)",
    "paid": "实付款(元)",
    "refund": "退款金额(元)",
}
_STATES = {
    "等待买家付款": "unpaid",
    "等待卖家发货": "paid",
    "等待买家确认收货": "shipped",
    "交易成功": "done",
    "交易关闭": "closed",
    "已退款": "refunded",
}


class Alibaba1688:
    """1688's order export."""

    kind: ClassVar[str] = "alibaba_1688"
    label: ClassVar[str] = N_("1688 orders")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for 1688's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}
        return OrderTable(
            source="1688",
            columns=columns,
            words=_WORDS,
            options=options,
            of_order=frozenset({"status", "due", "paid", "paid_at", "refund"}),
            is_filled=True,
            states=_STATES,
            replaced={
                "product_key": "coalesce(told_product_key, told_code)",
                "sku_key": "told_code",
                # What is shown as paid is what is due, of unpaid orders too: goods and freight.
                "due": "told_paid - coalesce(told_freight, 0)",
                "refund": _REFUND,
            },
        ).reading()


# An order that was paid and closed was paid back; a refund in part is not in the file.
_REFUND = (
    "case when told_refund is not null then told_refund "
    "when told_status in ('交易关闭', '已退款') and told_paid_at is not null then told_paid end"
)
