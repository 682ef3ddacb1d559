"""Files of orders as the platforms write them: what a right reader gets out of each."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from springtide.domain.catalog.store import products
from springtide.domain.customers.store import customers
from springtide.flows.importing import Imported, import_file
from tests.kit.bench import ACTOR, Bench

_FORMATS = Path(__file__).resolve().parents[3] / "shared" / "data" / "formats"

pytestmark = pytest.mark.skipif(not _FORMATS.is_dir(), reason="the sample files are not here")


def expected(pattern: str) -> dict[str, Any]:
    """Return what a right reader gets from a sample file."""
    document: dict[str, dict[str, Any]] = json.loads((_FORMATS / "EXPECTED.json").read_text())
    return document[pattern]


def bring(bench: Bench, pattern: str) -> Imported:
    """Import a sample file."""
    (path,) = _FORMATS.glob(pattern)
    return import_file(bench.target, path, shop=bench.shop, actor=ACTOR)


def _minor(text: str) -> int:
    return round(float(text) * 100)


def _found(bench: Bench) -> dict[str, Any]:
    freight = "ends_with(external_id, ':shipping')"
    ((orders, lines, pieces, due, discount, shipping, buyers),) = bench.reader.rows(
        f"select count(distinct order_key), count(*) filter (not {freight}), sum(quantity), "
        f"coalesce(sum(amount_minor) filter (not {freight}), 0), sum(discount_minor), "
        f"coalesce(sum(amount_minor) filter ({freight}), 0), count(distinct customer_key) "
        "from facts where kind = 'order'"
    )
    sums: dict[str, int] = dict(
        bench.reader.rows("select kind, cast(sum(amount_minor) as bigint) from facts group by 1")
    )
    paid: dict[str, int] = dict(
        bench.reader.rows("select kind, count(distinct order_key) from facts group by 1")
    )
    return {
        "orders": orders,
        "lines": lines,
        "units": pieces,
        "goods_after_discount": due,
        "discount": discount,
        "gross_before_discount": due + discount,
        "freight": shipping,
        "paid_total": sums.get("payment", 0),
        "refund_total": sums.get("refund", 0),
        "orders_with_pay_time": paid.get("payment", 0),
        "unpaid_orders": orders - paid.get("payment", 0),
        "orders_with_refund": paid.get("refund", 0),
        "closed_never_paid": paid.get("order_closed", 0),
        "buyers": buyers or None,
    }


_MONEY = (
    "goods_after_discount", "discount", "gross_before_discount", "freight", "paid_total",
    "refund_total",
)  # fmt: skip


def right(pattern: str) -> dict[str, Any]:
    """Return the part of what is expected that facts tell, money in minor units."""
    wanted = expected(pattern)
    return {
        name: _minor(value) if name in _MONEY else value
        for name, value in wanted.items()
        if name in (*_MONEY, "orders", "lines", "units", "orders_with_pay_time", "unpaid_orders",
                    "orders_with_refund", "closed_never_paid", "buyers")
    }  # fmt: skip


_COUPONS = {"discount": 2860, "goods_after_discount": 312860}
#: What a file does not tell of its orders, with what it tells in its place.
_UNTOLD: dict[str, dict[str, Any]] = {
    # The platform's coupons stand among the discounts.
    "1688/*.xlsx": {"discount": 21980, "goods_after_discount": 316700},
    # A refund in part is not in the file.
    "pdd/orders_export*.csv": {"refund_total": 7100, "orders_with_refund": 1},
    # Buyers are told by e-mail; the platform's coupons stand among the discounts.
    "shopify/orders_export_1.csv": _COUPONS | {"buyers": 13},
    "shopify/rest_orders.json": _COUPONS,
}


@pytest.mark.parametrize(
    ("pattern", "kind"),
    [
        ("jd/*.csv", "jd"),
        ("1688/*.xlsx", "alibaba_1688"),
        ("pdd/orders_export*.csv", "pinduoduo"),
        ("douyin/*_orders.csv", "douyin"),
        ("shopify/orders_export_1.csv", "shopify_orders"),
        ("shopify/rest_orders.json", "shopify_json"),
        ("woocommerce/orders.json", "woocommerce_orders"),
    ],
)
def test_an_order_file_gives_the_sums_that_the_platform_says(
    bench: Bench, pattern: str, kind: str
) -> None:
    done = bring(bench, pattern)
    assert (done.format, done.rows.rejected) == (kind, 0)
    wanted = right(pattern) | _UNTOLD.get(pattern, {})
    assert _found(bench) == wanted
    again = bring(bench, pattern)
    assert (again.rows.new, again.rows.changed) == (0, 0)
    assert _found(bench) == wanted
    told = {row["state"]: row["orders"] for row in done.report["states"]}
    assert told == expected(pattern).get("by_raw_status", told)


_ORDERS, _ITEMS, _SUBS = (
    "taobao/ExportOrderList*.csv", "taobao/ExportOrderDetailList*.csv",
    "taobao/ExportItemList*.xlsx",
)  # fmt: skip


def test_taobaos_order_report_tells_money_and_buyers_but_no_lines(bench: Bench) -> None:
    done = bring(bench, _ORDERS)
    assert (done.format, done.rows.rejected) == ("taobao_orders", 0)
    wanted = right(_ORDERS) | {"lines": 60, "discount": 0, "gross_before_discount": 880870}
    assert _found(bench) == wanted
    states = {row["state"]: row["orders"] for row in done.report["states"]}
    assert states == expected(_ORDERS)["by_raw_status"]


@pytest.mark.parametrize(
    "files",
    [
        (_ORDERS, _ITEMS),
        (_ORDERS, _ITEMS, _ORDERS, _ITEMS),
        (_ORDERS, _SUBS),
        (_SUBS, _ORDERS),
        (_ORDERS, _ITEMS, _SUBS),
        (_ORDERS, _SUBS, _ITEMS, _ORDERS, _SUBS),
    ],
)
def test_taobaos_reports_count_an_order_once_whatever_comes_first(
    bench: Bench, files: tuple[str, ...]
) -> None:
    for pattern in files:
        assert bring(bench, pattern).rows.rejected == 0
    assert _found(bench) == right(_ORDERS)
    before = bench.rows("*")
    for pattern in files:
        bring(bench, pattern)
    assert bench.rows("*") == before


def test_a_presales_deposit_counts_once_it_is_paid(bench: Bench) -> None:
    bring(bench, _ORDERS)
    assert bench.rows("order_key, amount_minor", "deposit") == [
        ("4630000469497201852", 495),
        ("4618000468766281911", 2545),
    ]
    # The balance of the first is not paid: no money counts as paid yet.
    assert "4630000469497201852" not in {key for (key,) in bench.rows("order_key", "payment")}


def test_shopifys_files_of_one_shop_count_an_order_once(bench: Bench) -> None:
    bring(bench, "shopify/orders_export_1.csv")
    done = bring(bench, "shopify/rest_orders.json")
    assert done.rows.rejected == 0
    assert _found(bench) == right("shopify/rest_orders.json") | _COUPONS
    back = bring(bench, "shopify/orders_export_1.csv")
    assert (back.rows.new, back.rows.rejected) == (0, 0)
    found = _found(bench)
    assert (found["orders"], found["paid_total"], found["lines"]) == (24, 214430, 31)


def test_shopifys_customers_and_products(bench: Bench) -> None:
    wanted = expected("shopify/customers_export.csv")
    done = bring(bench, "shopify/customers_export.csv")
    assert (done.format, done.rows.new, done.rows.rejected) == (
        "shopify_customers", wanted["customers"], 0,
    )  # fmt: skip
    with bench.target.database.read() as tx:
        found = list(tx.execute(select(customers)).mappings())
    assert (
        sum(row["attributes"]["accepts_email_marketing"] == "yes" for row in found)
        == (wanted["accepts_email_marketing"])
    )
    assert sum(row["email"] is None for row in found) == wanted["without_email"]
    spent = sum(Decimal(row["attributes"]["total_spent"]) for row in found)
    assert spent == Decimal(wanted["total_spent_sum"])
    wanted = expected("shopify/products_export_1.csv")
    done = bring(bench, "shopify/products_export_1.csv")
    assert (done.format, done.rows.rejected) == ("shopify_products", 0)
    with bench.target.database.read() as tx:
        goods = list(tx.execute(select(products)).mappings())
    assert len(goods) == wanted["variants"]
    assert len({row["attributes"]["handle"] for row in goods}) == wanted["products"]
    stock = [int(row["attributes"]["stock"]) for row in goods]
    assert sum(stock) == wanted["inventory_sum"]
    assert stock.count(0) == wanted["out_of_stock_variants"]
    assert all(row["name"].startswith("Longjing") for row in goods if "XM-LJ" in row["key"])
