"""Douyin's orders and after-sales tell of the same refunds: each counts once, in any order."""

from datetime import UTC, datetime

import pytest

from tests.kit.bench import Bench

_ORDERS = (
    "主订单编号,子订单编号,选购商品,商品数量,商品ID,商品单价,订单应付金额,运费,商家优惠,订单提交时间,"
    "支付完成时间,订单状态,售后状态\n"
    "46310,46311,茶,1,77,10.00,10.00,0.00,0.00,2025-06-01 10:00,2025-06-01 10:01,已完成,退款成功\n"
    "46310,46312,杯,1,78,20.00,20.00,0.00,0.00,2025-06-01 10:00,2025-06-01 10:01,已完成,退款成功\n"
    "46320,46321,茶,1,77,10.00,10.00,0.00,0.00,2025-06-02 10:00,2025-06-02 10:01,已完成,-\n"
)
_HEADER = (
    "售后单号,订单号,商品单号,商品名称,商品ID,应付金额（元）,售后类型,退商品金额（元）,退运费金额（元）,"
    "售后状态,售后申请时间\n"
)
_AFTER_SALES = (
    _HEADER + "1,46310,46311,茶,77,10.00,退货退款,4.00,0.50,退款成功,2025-06-03 09:00:00\n"
    "2,46310,46311,茶,77,10.00,仅退款,9.00,0.00,售后关闭,2025-06-04 09:00:00\n"
    "3,46320,46321,茶,77,10.00,换货,0.00,0.00,售后完成,2025-06-05 09:00:00\n"
)
_LATER = _HEADER + "4,46310,46311,茶,77,10.00,仅退款,3.00,0.00,退款成功,2025-06-09 09:00:00\n"
#: By what was paid back: the tea by its after-sales, the cup by its state.
_FIRST = [("refund:46310:46311:1", 450), ("refund:46310:46312", 2_000)]


def _refunds(bench: Bench) -> list[tuple[str, int]]:
    return sorted(bench.rows("external_id, amount_minor", "refund"))


@pytest.mark.parametrize("files", [(_ORDERS, _AFTER_SALES), (_AFTER_SALES, _ORDERS)])
def test_an_after_sale_counts_in_place_of_the_state_that_told_it(
    bench: Bench, files: tuple[str, str]
) -> None:
    for number, text in enumerate(files):
        done = bench.bring(text, f"{number}.csv")
        assert done.rows.rejected == 0
    assert _refunds(bench) == _FIRST
    for text in files:
        again = bench.bring(text, "again.csv")
        assert (again.rows.new, again.rows.changed) == (0, 0)
    bench.bring(_LATER)
    assert _refunds(bench) == sorted([*_FIRST, ("refund:46310:46311:4", 300)])


def test_orders_exported_after_the_after_sales_take_nothing_back(bench: Bench) -> None:
    bench.bring(_AFTER_SALES, "a.csv", told_at=datetime(2025, 6, 10, tzinfo=UTC))
    bench.bring(_ORDERS, "o.csv", told_at=datetime(2025, 6, 20, tzinfo=UTC))
    assert _refunds(bench) == _FIRST
    bench.bring(_AFTER_SALES, "b.csv", told_at=datetime(2025, 6, 11, tzinfo=UTC))
    assert _refunds(bench) == _FIRST


def test_an_after_sale_without_money_or_time_is_rejected_only_if_it_paid_back(
    bench: Bench,
) -> None:
    done = bench.bring(
        _HEADER + "1,46310,46311,茶,77,10.00,仅退款,,,退款成功,2025-06-03 09:00:00\n"
        "2,46310,46311,茶,77,10.00,仅退款,4.00,,退款成功,soon\n"
        "3,46310,46311,茶,77,10.00,仅退款,,,待商家处理,2025-06-03 09:00:00\n"
        ",46310,46311,茶,77,10.00,仅退款,4.00,,退款成功,2025-06-03 09:00:00\n"
    )
    assert [row[:2] for row in bench.rejects(done)] == [
        (2, "退商品金额（元）"), (3, "售后申请时间"), (5, "售后单号"),
    ]  # fmt: skip
    assert _refunds(bench) == []
