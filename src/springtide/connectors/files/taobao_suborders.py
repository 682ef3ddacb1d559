"""Taobao's and Tmall's sub-order report (子订单报表): a row a line, with the line's own money.

What was paid for a line holds its share of the freight. The buyer stands in the order report
alone, and so does the freight.
"""

from typing import ClassVar

from springtide.connectors.files.taobao_items import SERVICE
from springtide.connectors.files.taobao_orders import PAID, SOURCE, STATES, STATUS
from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.connectors.tabular.prior_lines import known_orders
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.sql import quoted

_COLUMNS = {"子订单编号", "主订单编号", "订单状态", "订单创建时间"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "主订单编号",
    "line_key": "子订单编号",
    "status": "订单状态",
    "customer_key": "买家会员名",
    "customer_name": "收件人姓名",
    "product_key": ("商品ID", "商品编码"),
    "code": "商家编码",
    "outer": "外部系统编号",
    "product_name": ("商品标题", "标题", "宝贝标题"),
    "price": ("商品价格", "价格"),
    "quantity": ("购买数量", "宝贝数量"),
    "created_at": "订单创建时间",
    "paid_at": "订单付款时间",
    "due": "买家应付货款",
    "paid": ("买家实付金额", "子单实际支付金额", "买家实际支付金额"),
    "refund": "退款金额",
}


class TaobaoSuborders:
    """Taobao's and Tmall's sub-order report."""

    kind: ClassVar[str] = "taobao_suborders"
    label: ClassVar[str] = N_("Taobao/Tmall sub-order report")
    needs: ClassVar[tuple[str, ...]] = ("taobao_orders",)

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 95 for the report's columns."""
        return 95 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        return OrderTable(
            source=SOURCE,
            columns={name.strip(): column for name, column in loaded.items()},
            words=_WORDS,
            options=options,
            states=STATES,
            replaced={
                "status": STATUS,
                "product_key": "coalesce(told_product_key, told_code, told_outer)",
                "sku_key": "coalesce(told_outer, told_code)",
                "paid": PAID.format(due="told_due"),
            },
            lines=_LINES,
            gathered={"created_at": "min"},
            withdraws=_REPLACED,
            completes=True,
            left_out=SERVICE,
        ).reading()


_SHIPPING = quoted(fact_ids.SHIPPING)
# What the order report told of the same goods and money.
_REPLACED = (
    f"{fact_ids.HAS_NUMBERED_LINE} or {fact_ids.is_sql('payment', 'order_key', _SHIPPING)} "
    f"or {fact_ids.is_sql('refund', 'order_key')}"
)
_LINES = f"""
select good.* exclude (customer_key, freight),
    coalesce(good.customer_key, orders.customer_key) as customer_key, orders.freight
from good left join ({known_orders(SOURCE)}) as orders on good.order_key = orders.of_order"""
