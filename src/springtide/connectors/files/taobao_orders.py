"""Taobao's and Tmall's order report (订单报表, ExportOrderList…): a row an order.

It does not say which products were bought for how much: the item report or the sub-order report
does. Lines of theirs that are known already get this report's buyer and money.
"""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.orders import OrderTable
from springtide.connectors.tabular.prior_lines import known_lines
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import Head, Note, Reading, ReadOptions, Stage
from springtide.kit.errors import N_
from springtide.kit.money import exponent

SOURCE = "taobao"
#: States of orders and of lines; in workbooks their comma is a half-width one.
STATES = {
    "等待买家付款": "unpaid",
    "买家已付款，等待卖家发货": "paid",
    "卖家部分发货": "paid",
    "卖家已发货，等待买家确认": "shipped",
    "交易成功": "done",
    "交易关闭": "closed",
    "退款成功": "refunded",
}
STATUS = "replace(told_status, ',', '，')"
#: What was paid: the file may have taken off what was paid back, which is told once more then.
PAID = (
    "case when told_refund > 0 and told_paid + told_refund = {due} "
    "then told_paid + told_refund else told_paid end"
)
# "阶段1金额4.95,交易状态买家已付款;阶段2…": the deposit of a presale, once it is paid.
DEPOSIT = (
    "case when told_stages is not null "
    "and not regexp_matches(told_stages, '^[^;；]*(等待买家付款|未付款|关闭)') then "
    r"try_cast(round(try_cast(regexp_extract(told_stages, '^[^;；]*?(\d+\.?\d*)\s*[,，;；元]', 1) "
    "as decimal(18, 4)) * {unit}) as bigint) end"
)

_COLUMNS = {"订单编号", "总金额", "买家实际支付金额", "订单创建时间"}
_WORDS: dict[str, str | tuple[str, ...]] = {
    "order_key": "订单编号",
    "status": "订单状态",
    "customer_key": ("买家会员名", "买家会员昵称"),
    "customer_name": "收货人姓名",
    "product_name": "宝贝标题",
    "quantity": "宝贝总数量",
    "created_at": "订单创建时间",
    "paid_at": "订单付款时间",
    "due": ("买家应付货款", "总金额"),
    "freight": "买家应付邮费",
    "paid": "买家实际支付金额",
    "refund": "退款金额",
    "stages": ("分阶段订单信息", "分阶段信息"),
}
_NO_PRODUCTS = N_(
    "This report does not say which products the orders hold: bring in the item report or the "
    "sub-order report too ({orders} orders without products)."
)


class TaobaoOrders:
    """Taobao's and Tmall's order report."""

    kind: ClassVar[str] = "taobao_orders"
    label: ClassVar[str] = N_("Taobao/Tmall order report")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for the report's columns."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the orders and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        columns = {name.strip(): column for name, column in loaded.items()}
        freight = "coalesce(told_freight, 0)"
        # Where the goods' money is not told, the total is: with the freight.
        due = "told_due" if "买家应付货款" in columns else f"greatest(told_due - {freight}, 0)"
        pieces = {} if "宝贝总数量" in columns else {"quantity": "cast(0 as bigint)"}
        table = OrderTable(
            source=SOURCE,
            columns=columns,
            words=_WORDS,
            options=options,
            of_order=frozenset({"status", "due", "discount", "paid", "paid_at", "refund"}),
            states=STATES,
            replaced=pieces
            | {
                "status": STATUS,
                "due": due,
                "paid": PAID.format(due=f"{due} + {freight}"),
                "deposit": DEPOSIT.format(unit=10 ** exponent(options.currency)),
            },
            lines=_LINES,
            gathered={"known_refund": "sum"},
            number=f"coalesce(known_no, '{fact_ids.ALL_LINES}')",
            settled=_SETTLED,
            version="case when is_own then version end",
            withdraws=f"not {fact_ids.HAS_OWN_LINE}",
        )
        return table.reading(notes=(Note(_NO_PRODUCTS, _UNTOLD),))


_UNTOLD = (
    "select count(distinct order_key) as orders from derived "
    f"where line_no = '{fact_ids.ALL_LINES}'"
)

_LINES = f"""
select good.* exclude (product_key, sku_key, quantity, gross),
    lines.product_key, lines.sku_key, coalesce(lines.quantity, good.quantity) as quantity,
    lines.line_due + lines.line_discount as gross, lines.line_no as known_no,
    coalesce(lines.is_own, false) as is_own, lines.line_due as own_due,
    lines.line_discount as own_discount, lines.line_paid as own_paid, lines.version,
    coalesce(lines.line_refund, 0) as known_refund
from good left join ({known_lines(SOURCE)}) as lines on good.order_key = lines.of_order"""

# The sub-order report tells the money of each line itself, the freight among it.
_SETTLED = {
    "line_due": "case when is_own then own_due else line_due end",
    "line_discount": "case when is_own then own_discount else line_discount end",
    "line_paid": "case when is_own then coalesce(own_paid, line_paid) else line_paid end",
    "freight_paid": "case when is_own and own_paid is not null then 0 else freight_paid end",
    "refund": "case when is_own then greatest(refund - known_refund, 0) else refund end",
}
