"""Taobao's and Tmall's item report (宝贝报表, ExportOrderDetailList…): a row a line of an order.

It tells what was bought at which price, not when, by whom, or what was paid: that stands in the
order report, whose money is split over the lines.
"""

from typing import ClassVar

from springtide.connectors.files.taobao_orders import SOURCE, STATES, STATUS
from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.connectors.tabular.prior_lines import known_orders
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import Check, Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"订单编号", "购买数量", "外部系统编号", "套餐信息", "商家编码"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "订单编号",
    "status": "订单状态",
    "product_key": "商家编码",
    "outer": "外部系统编号",
    "product_name": ("标题", "商品标题", "宝贝标题"),
    "price": ("价格", "商品价格"),
    "quantity": "购买数量",
}
_CODE = "coalesce(told_product_key, told_outer)"
_UNKNOWN_ORDER = N_("its order is not known yet: bring in the order report first, then this row")
# Services such as delivery into the home stand among the lines, at no price.
SERVICE = (
    "coalesce(told_price, 0) = 0 "
    "and regexp_matches(told_product_name, '送货入户|上门安装|安装服务')"
)


class TaobaoItems:
    """Taobao's and Tmall's item report."""

    kind: ClassVar[str] = "taobao_items"
    label: ClassVar[str] = N_("Taobao/Tmall item report")
    needs: ClassVar[tuple[str, ...]] = ("taobao_orders",)

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 85 for the report's columns; the sub-order report has them too, and more."""
        return 85 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the lines and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        table = OrderTable(
            source=SOURCE,
            columns={name.strip(): column for name, column in loaded.items()},
            words=_WORDS,
            options=options,
            of_order=frozenset({"due", "discount", "paid", "paid_at", "refund", "refunded_at"}),
            states=STATES,
            replaced={
                "status": STATUS,
                "product_key": f"coalesce({_CODE}, left(told_product_name, 120))",
                "sku_key": "coalesce(told_outer, told_product_key)",
                **dict.fromkeys(("due", "paid", "refund"), "cast(null as bigint)"),
                "is_known": _IS_KNOWN,
            },
            lines=_LINES,
            gathered={},
            withdraws=fact_ids.HAS_NUMBERED_LINE,
            completes=True,
            is_dated=False,
            left_out=SERVICE,
        )
        unknown = Check("订单编号", _UNKNOWN_ORDER, "not is_known")
        return table.reading(checks=(unknown,))


_IS_KNOWN = (
    f"order_key in (select order_key from known where source = '{SOURCE}' and kind = 'order')"
)
_KNOWN = (
    "created_at", "paid_at", "refunded_at", "customer_key", "due", "freight", "paid", "refund"
)  # fmt: skip
_LINES = f"""
select good.* exclude ({", ".join(_KNOWN)}, discount, deposit), orders.* exclude (of_order),
    cast(0 as bigint) as deposit
from good join ({known_orders(SOURCE)}) as orders on good.order_key = orders.of_order
where not has_own_lines"""
