"""Files that come late: of what several tell of one fact, the one exported last counts."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from springtide.domain.imports import watermarks
from tests.kit.bench import Bench

_DAY = datetime(2025, 6, 10, tzinfo=UTC)
_HEADER = "order_id,product_id,order_date,amount\n"
_A = _HEADER + "o1,tea,2025-06-01,10.00\no1,cup,2025-06-01,5.00\no2,tea,2025-06-02,7.00\n"
_B = _HEADER + "o1,tea,2025-06-01,99.00\no1,cup,2025-06-01,5.00\no2,tea,2025-06-02,7.00\n"
_RIGHT = [("tea", 1_000), ("cup", 500), ("tea", 700)]


def _bring(bench: Bench, text: str, day: int) -> tuple[int, int, int]:
    done = bench.bring(text, f"{day}.csv", told_at=_DAY + timedelta(days=day))
    return done.rows.new, done.rows.changed, done.rows.unchanged


def _sold(bench: Bench) -> list[tuple[str, int]]:
    return sorted(bench.rows("product_key, amount_minor"))


@pytest.mark.parametrize("days", list(permutations((1, 2, 3))))
def test_what_was_told_first_and_last_stands_in_any_order(
    bench: Bench, days: tuple[int, ...]
) -> None:
    for day in days:
        _bring(bench, {1: _A, 2: _B, 3: _A}[day], day)
    assert _sold(bench) == sorted(_RIGHT)
    # Once more, as files are dragged in again: nothing is new in any of them.
    for day in days:
        assert _bring(bench, {1: _A, 2: _B, 3: _A}[day], day)[:2] == (0, 0)
    assert _sold(bench) == sorted(_RIGHT)


def test_what_a_later_file_no_longer_has_stays_away(bench: Bench) -> None:
    header = (
        "商品,订单号,订单状态,商品总价(元),用户实付金额(元),商品数量(件),支付时间,商品id,"
        "订单成交时间\n"
    )
    paid = header + "茶,1,待发货,10.00,10.00,1,2025/6/1 13:41,77,2025/6/1 13:40\n"
    unpaid = header + "茶,1,已取消,10.00,10.00,1,,77,2025/6/1 13:40\n"
    _bring(bench, paid, 1)
    assert _bring(bench, unpaid, 3) == (0, 1, 0)
    assert bench.rows("amount_minor", "payment") == []
    done = bench.bring(paid, "late.csv", told_at=_DAY + timedelta(days=2))
    assert (done.rows.new, done.rows.changed, done.report["older"]) == (0, 0, 1)
    assert bench.rows("amount_minor", "payment") == []
    assert _bring(bench, paid, 4) == (0, 1, 0)
    assert bench.rows("amount_minor", "payment") == [(1_000,)]


def test_a_late_file_is_told_to_be_older_and_a_later_one_counts(bench: Bench) -> None:
    _bring(bench, _A, 1)
    _bring(bench, _A, 3)
    done = bench.bring(_B, "late.csv", told_at=_DAY + timedelta(days=2))
    assert (done.rows.changed, done.report["older"]) == (0, 1)
    assert _bring(bench, _B, 4) == (0, 1, 2)
    assert ("tea", 9_900) in _sold(bench)


def test_only_what_was_told_again_is_noted_and_few_files_stay(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bench.target.lake.folder / "confirmed"
    _bring(bench, _A, 1)
    _bring(bench, _A, 1)
    assert not folder.exists()
    monkeypatch.setattr(watermarks, "FILES_MAX", 2)
    for day in (2, 3, 4):
        _bring(bench, _A, day)
    assert len(list(folder.rglob("*.parquet"))) == 2
