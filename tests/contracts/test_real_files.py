"""Real public files give the totals that plain arithmetic gives, and change nothing twice."""

import csv
import gzip
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from springtide.domain.imports.model import RowCounts
from springtide.flows.files.imports import Imported, import_file
from springtide.flows.files.table_load import Target
from tests.kit.house import ACTOR, TestHouse, shop_in

DATA = Path(__file__).parents[3] / "shared" / "data"

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real files are not here")


def _rows(name: str) -> list[dict[str, str]]:
    path = DATA / name
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _minor(text: str) -> int:
    return int((Decimal(text) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def _import(house: TestHouse, name: str, currency: str = "CNY") -> tuple[Imported, dict[str, Any]]:
    """Import a file twice; the second time nothing changes. Return the first with its totals."""
    found = shop_in(house, currency=currency)
    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    done = import_file(target, DATA / name, shop=found, actor=ACTOR)
    again = import_file(target, DATA / name, shop=found, actor=ACTOR).rows
    assert again == RowCounts(done.rows.read, 0, 0, again.unchanged, done.rows.rejected)
    return done, dict(done.report["totals"])


def test_a_tmall_shops_orders(sqlite_house: TestHouse) -> None:
    rows = _rows("tmall_orders/tmall_order_report_dev.csv")
    done, totals = _import(sqlite_house, "tmall_orders/tmall_order_report_dev.csv")
    assert (done.format, done.rows.read, done.rows.rejected) == ("taobao_orders", 5_702, 0)
    due = paid = refunded = 0
    count = Counter[str]()
    for row in rows:
        total, back = _minor(row["总金额"]), _minor(row["退款金额"])
        left = _minor(row["买家实际支付金额"])
        due, refunded = due + total, refunded + back
        if row["订单付款时间 "]:
            # The file tells what is left after refunds.
            paid += left + back if left + back <= total else left
            count["paid"] += 1
        count["refunded"] += back > 0
    assert totals["orders"] == len({row["订单编号"] for row in rows}) == 5_702
    assert (totals["due_minor"], totals["refunded_minor"]) == (due, refunded)
    assert (totals["orders_paid"], totals["orders_refunded"]) == (count["paid"], count["refunded"])
    assert totals["paid_minor"] == paid
    # Buyers cannot be told apart in this file.
    assert totals["customers"] == 0


def test_what_taobaos_users_did(sqlite_house: TestHouse) -> None:
    name = "taobao_userbehavior/users_9days_dev.csv.gz"
    with gzip.open(DATA / name, "rt") as file:
        rows = list(csv.reader(file))
    done, totals = _import(sqlite_house, name)
    assert (done.format, done.rows.read, done.rows.rejected) == ("behaviour_log", len(rows), 0)
    counts = Counter(row[3] for row in rows)
    kinds = done.report["kinds"]
    assert (kinds["view"], kinds["favourite"], kinds["cart"], kinds["order"]) == (
        counts["pv"], counts["fav"], counts["cart"], counts["buy"],
    )  # fmt: skip
    assert totals["customers"] == len({row[0] for row in rows if row[3] == "buy"})


def test_a_british_gift_shops_invoices(sqlite_house: TestHouse) -> None:
    name = "online_retail_ii/year_2010-2011_dev.csv.gz"
    rows = _rows(name)
    done, totals = _import(sqlite_house, name, currency="GBP")
    assert (done.format, done.rows.rejected) == ("online_retail", 0)
    assert done.rows.read + done.report["left_out"] == len(rows)
    sold = [row for row in rows if not row["Invoice"].startswith("C") and _goods(row)]
    back = [row for row in rows if row["Invoice"].startswith("C") and _goods(row)]

    def money(some: list[dict[str, str]]) -> int:
        return sum(_minor(str(abs(int(row["Quantity"])) * Decimal(row["Price"]))) for row in some)

    assert totals["due_minor"] == totals["paid_minor"] == money(sold)
    assert totals["refunded_minor"] == money(back)
    assert totals["orders"] == len({row["Invoice"] for row in sold})
    assert totals["pieces"] == sum(int(row["Quantity"]) for row in sold)
    assert totals["customers"] <= len({row["Customer ID"] for row in rows})


def _goods(row: dict[str, str]) -> bool:
    """Whether a row sells something: rows without a price are corrections, and left out."""
    return float(row["Price"]) != 0


def test_an_e_mail_test_with_a_control_group(sqlite_house: TestHouse) -> None:
    rows = _rows("hillstrom/hillstrom_dev.csv.gz")
    done, totals = _import(sqlite_house, "hillstrom/hillstrom_dev.csv.gz", currency="USD")
    assert (done.format, done.rows.read, done.rows.rejected) == ("email_test", len(rows), 0)
    # Also those who got nothing and never came: they are people of the shop from now on.
    assert done.rows.new == len(rows)
    kinds = done.report["kinds"]
    assert kinds["message"] == sum(row["segment"] != "No E-Mail" for row in rows)
    assert kinds["view"] == sum(row["visit"] == "1" for row in rows)
    assert kinds["order"] == sum(row["conversion"] == "1" for row in rows)
    assert totals["paid_minor"] == sum(_minor(row["spend"]) for row in rows)


def test_five_brands_prices_round_double_eleven(sqlite_house: TestHouse) -> None:
    rows = _rows("double11_cosmetics/cosmetics_2016-11_dev.csv.gz")
    done, _ = _import(sqlite_house, "double11_cosmetics/cosmetics_2016-11_dev.csv.gz")
    # A product watched twice in a day counts once.
    distinct = {(row["update_time"], row["id"]) for row in rows}
    assert (done.format, done.rows.read) == ("price_watch", len(rows))
    assert done.rows.read - done.rows.rejected == len(distinct)
    sums = {each["name"]: each["rows"] for each in done.report["measures"]}
    first = {(row["update_time"], row["id"]): row for row in reversed(rows)}
    told = Counter(
        name for row in first.values() for name in ("price", "sale_count", "comment_count")
        if row[name]
    )  # fmt: skip
    assert sorted(sums.values()) == sorted(told.values())
