"""Douyin's after-sale export: what was paid back for a sub-order, also in part, and when.

The order export tells a refund by its state alone, as one of all that was paid. Where after-sales
of a sub-order are known, they count in its place, whichever file comes first.
"""

from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.facts import fact_ids
from springtide.domain.imports.normalise import ROUNDED, SCIENTIFIC
from springtide.domain.imports.ports import (
    Check,
    Emit,
    Head,
    Reading,
    ReadOptions,
    Stage,
    StagedColumn,
)
from springtide.kit.errors import N_
from springtide.kit.money import exponent

SOURCE = "douyin"
#: The sub-orders with known after-sales that paid back, as ``refund:order:line``.
KNOWN_REFUNDS = (
    f"select {fact_ids.WITHOUT_AFTER_SALE} from known "
    f"where source = '{SOURCE}' and kind = 'refund' "
    f"and {fact_ids.IS_OF_AFTER_SALE}"
)

_COLUMNS = {"售后单号", "订单号", "商品单号", "售后状态"}
_KEYS = {"after_sale": "售后单号", "order_key": "订单号", "line_key": "商品单号"}
_TEXTS = _KEYS | {"product_key": "商品ID", "state": "售后状态"}
_GOODS = ("退商品金额(元)", "退款金额(元)", "退商品金额", "退款金额")
_FREIGHT = ("退运费金额(元)", "退运费(元)", "退运费金额")
_AT = ("退款成功时间", "售后完结时间", "售后完成时间", "售后申请时间")
# Exchanges end well too, and pay nothing back.
_DONE = (
    "regexp_matches(state, '退款成功|退款完成|售后完成|售后成功') and coalesce(paid_back, 1) > 0"
)


class DouyinRefunds:
    """Douyin's after-sale export."""

    kind: ClassVar[str] = "douyin_refunds"
    label: ClassVar[str] = N_("Douyin after-sales")
    needs: ClassVar[tuple[str, ...]] = ("douyin",)

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 90 for the columns of Douyin's after-sales."""
        return 90 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the after-sales and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        brackets = str.maketrans("（）", "()")
        known = {name.strip().translate(brackets): name for name in loaded}

        def column(*names: str) -> tuple[str, StagedColumn]:
            """Return the first of the columns that is there, by the name it has in the file."""
            own = next((known[name] for name in names if name in known), names[0])
            return own.strip(), loaded.get(own, values.NOTHING)

        money = exponent(options.currency)
        (at_name, at), (goods_name, goods) = column(*_AT), column(*_GOODS)
        found = {word: values.text(*column(name)[1]) for word, name in _TEXTS.items()}
        found |= values.minor("goods", goods, exponent=money)
        found |= values.minor("freight", column(*_FREIGHT)[1], exponent=money)
        found["paid_back"] = "goods + coalesce(freight, 0)"
        found["is_done"] = f"coalesce({_DONE}, false)"
        found |= values.instants("moment", at, zone=options.zone)
        checks = (
            *(Check(name, N_("is missing"), f"{word} is null") for word, name in _KEYS.items()),
            *(
                Check(name, ROUNDED, f"regexp_full_match({word}, '{SCIENTIFIC}')")
                for word, name in _KEYS.items()
            ),
            Check(goods_name, N_("is not an amount"), "is_done and goods is null"),
            Check(goods_name, N_("is negative"), "goods < 0"),
            Check(
                at_name, N_("is not a possible time"), f"is_done and {values.impossible('moment')}"
            ),
        )
        refund = Emit(
            {
                "kind": "'refund'",
                "external_id": fact_ids.build_sql("refund", "order_key", "line_key", "after_sale"),
                "occurred_at": "moment",
                "order_key": "order_key",
                "product_key": "product_key",
                "amount_minor": "paid_back",
                "reference": "after_sale",
            },
            "is_done",
        )
        return Reading(
            SOURCE,
            found,
            checks,
            (refund,),
            labels=_TEXTS | {"external_id": "售后单号", "amount_minor": goods_name},
            # The refund that the order's state had told.
            withdraws=f"external_id in (select {fact_ids.WITHOUT_AFTER_SALE} from emitted)",
            completes=True,
            state="state",
        )
