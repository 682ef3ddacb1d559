"""`springtide import`, `facts summary` and `tiers` on small files named on the command line."""

import io
import json
import shutil
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from springtide.cli.__main__ import main

SUMMARY = {
    "kinds", "first_at", "last_at", "customers", "orders", "gross_minor", "paid_minor",
    "refunded_minor", "net_minor", "rejected",
}  # fmt: skip
HEADER = "customer_id,order_id,date,product_id,quantity,amount\n"
ORDERS = HEADER + (
    "li,o1,2025-11-01 10:00,tea,2,20.00\n"
    "li,o1,2025-11-01 10:00,cup,1,5.50\n"
    "王芳,o2,2025-11-02 09:30,tea,1,10.00\n"
)


class Done(NamedTuple):
    """What a command printed."""

    stdout: str
    stderr: str


class Shop:
    """A shop in a folder of its own, used by commands alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *words: str, code: int) -> Done:
        """Run a command in this process, as its entry point does; it must end with ``code``."""
        with pytest.MonkeyPatch.context() as patch, io.StringIO() as out, io.StringIO() as err:
            patch.setenv("SPRINGTIDE_DATA", str(self.folder / "var"))
            patch.setattr(sys, "argv", ["springtide", *words])
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main()
            done = Done(out.getvalue(), err.getvalue())
        assert ended.value.code == code, done
        return done

    def json(self, *words: str, code: int = 0) -> Any:
        """Run a command with --json; return its one object."""
        return json.loads(self.run(*words, "--shop", "tide", "--json", code=code).stdout)

    def file(self, name: str, text: str | bytes) -> str:
        """Write a file; return its path."""
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)


@pytest.fixture(scope="module")
def new_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shop ``tide``, to copy."""
    folder = tmp_path_factory.mktemp("new")
    Shop(folder).run("init", "--shop", "tide", "--owner-email", "li@tide.test", code=0)
    return folder


@pytest.fixture
def shop(new_shop: Path, tmp_path: Path) -> Shop:
    shutil.copytree(new_shop, tmp_path, dirs_exist_ok=True)
    return Shop(tmp_path)


def counts(done: dict[str, int]) -> tuple[int, ...]:
    return tuple(done[key] for key in ("read", "new", "changed", "unchanged", "rejected"))


def test_a_file_is_imported_once_and_a_corrected_row_wins(shop: Shop) -> None:
    file = shop.file("orders.csv", ORDERS)
    assert counts(shop.json("import", file)) == (3, 3, 0, 0, 0)
    assert counts(shop.json("import", file)) == (3, 0, 0, 3, 0)
    corrected = shop.file("corrected.csv", ORDERS.replace("5.50", "6.50"))
    assert counts(shop.json("import", corrected)) == (3, 0, 1, 2, 0)
    summary = shop.json("facts", "summary")
    assert set(summary) == SUMMARY
    assert summary == {
        "kinds": {"order": 3, "payment": 3},
        "first_at": summary["first_at"],
        "last_at": summary["last_at"],
        "customers": 2,
        "orders": 2,
        "gross_minor": 3650,
        "paid_minor": 3650,
        "refunded_minor": 0,
        "net_minor": 3650,
        "rejected": 0,
    }
    assert summary["first_at"] < summary["last_at"]


def test_a_shop_without_facts_has_the_same_keys(shop: Shop) -> None:
    summary = shop.json("facts", "summary")
    assert set(summary) == SUMMARY
    assert (summary["kinds"], summary["first_at"], summary["orders"]) == ({}, None, 0)
    assert shop.json("tiers")["customers"] == []


def test_wrong_rows_are_set_aside_with_their_place_and_reason(shop: Shop) -> None:
    wrong = (
        "li,o3,2025-02-30 10:00,tea,1,10.00\n"
        "li,o4,2025-11-03 10:00,tea,1,-10.00\n"
        "li,o5,2025-11-03 10:00,tea,many,10.00\n"
        "li,o1,2025-11-01 10:00,tea,2,20.00\n"
    )
    done = shop.json("import", shop.file("orders.csv", ORDERS + wrong))
    assert counts(done) == (7, 3, 0, 0, 4)
    rejects = Path(done["files"][0]["rejects_file"]).read_text(encoding="utf-8-sig")
    for row, column in ((5, "date"), (6, "amount"), (7, "quantity"), (8, "")):
        assert f"\n{row},{column}," in rejects
    assert shop.json("facts", "summary")["rejected"] == 4


def test_strict_refuses_the_whole_file(shop: Shop) -> None:
    file = shop.file("orders.csv", ORDERS + "li,o3,2025-02-30 10:00,tea,1,10.00\n")
    done = shop.run("import", file, "--shop", "tide", "--strict", code=1)
    assert "row 5" in done.stderr
    assert "“date”" in done.stderr
    assert shop.json("facts", "summary")["kinds"] == {}


def test_a_mapping_names_columns_encoding_and_formats(shop: Shop) -> None:
    text = "客户;订单;时间;金额\n李雷;A1;01/11/2025 10:00;1.299,50\n"
    mapping = shop.file(
        "till.toml",
        'source = "till"\nencoding = "gb18030"\nzone = "Asia/Shanghai"\ndecimal = ","\n'
        'delimiter = ";"\ndate_formats = ["%d/%m/%Y %H:%M"]\npaid = false\n'
        '[columns]\ncustomer_key = "客户"\norder_key = "订单"\noccurred_at = "时间"\n'
        'amount = "金额"\n',
    )
    file = shop.file("till.csv", text.encode("gb18030"))
    assert counts(shop.json("import", file, "--mapping", mapping))[1:] == (1, 0, 0, 0)
    summary = shop.json("facts", "summary")
    assert (summary["gross_minor"], summary["paid_minor"]) == (129_950, 0)
    assert summary["first_at"] == "2025-11-01T02:00:00Z"


def test_tables_are_taken_out_whole_and_replace_nothing_unasked(shop: Shop, tmp_path: Path) -> None:
    shop.json("import", shop.file("orders.csv", ORDERS))
    out = tmp_path / "customers.csv"
    said = shop.run("export", "customers", "--shop", "tide", "-o", str(out), code=0).stdout
    assert "rows" in said
    assert out.read_bytes().startswith(b"\xef\xbb\xbfCustomer,")
    assert "is there already" in shop.run(
        "export", "customers", "--shop", "tide", "-o", str(out), code=2
    ).stderr.replace("\n", " ")
    shop.run("export", "customers", "--shop", "tide", "-o", str(out), "--force", code=0)
    assert (
        "nothing"
        in shop.run(
            "export", "nothing", "--shop", "tide", "-o", str(tmp_path / "x.csv"), code=1
        ).stderr
    )
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".part"] == []
    assert "customers" in shop.run("export", code=0).stdout


FORMATS = Path(__file__).resolve().parents[3] / "shared" / "data" / "formats"


@pytest.mark.skipif(not FORMATS.is_dir(), reason="the sample files are not here")
@pytest.mark.parametrize(
    "pattern",
    [
        "taobao/ExportOrderList*.csv", "jd/*.csv", "1688/*.xlsx", "pdd/orders_export*.csv",
        "douyin/*_orders.csv", "shopify/orders_export_1.csv", "shopify/rest_orders.json",
        "woocommerce/orders.json",
    ],
)  # fmt: skip
def test_the_orders_of_a_sample_are_those_that_the_platform_has(shop: Shop, pattern: str) -> None:
    wanted = json.loads((FORMATS / "EXPECTED.json").read_text())[pattern]
    (path,) = FORMATS.glob(pattern)
    shop.json("import", str(path))
    told = shop.json("orders", "list")["orders"]
    assert len(told) == wanted["orders"]
    assert sum(order["pieces"] for order in told) == wanted["units"]
    assert sum(order["paid_minor"] for order in told) == round(float(wanted["paid_total"]) * 100)
    paid = [order for order in told if order["paid_at"]]
    assert len(paid) == wanted["orders_with_pay_time"]
    assert len(told) - len(paid) == wanted["unpaid_orders"]
    assert sum(order["state"] == "closed" for order in told) == wanted["closed_never_paid"]
    if not pattern.startswith("pdd"):  # a refund in part is not in its file
        back = sum(order["refunded_minor"] for order in told)
        assert back == round(float(wanted["refund_total"]) * 100)
    shop.json("import", str(path))
    assert shop.json("orders", "list")["orders"] == told
    summary = shop.json("facts", "summary")
    assert (summary["orders"], summary["paid_minor"]) == (
        wanted["orders"], sum(order["paid_minor"] for order in told),
    )  # fmt: skip


def test_orders_are_listed_by_state(shop: Shop) -> None:
    shop.json("import", shop.file("orders.csv", ORDERS))
    every = shop.json("orders", "list")
    assert every["count"] == len(every["orders"]) > 0
    assert shop.json("orders", "list", "--state", "paid") == every
    assert shop.json("orders", "list", "--state", "unpaid")["count"] == 0
    first = shop.json("orders", "list", "--limit", "1")
    assert (len(first["orders"]), first["has_more"], every["has_more"]) == (1, True, False)
    assert (
        "is one of"
        in shop.run("orders", "list", "--shop", "tide", "--state", "lost", code=2).stderr
    )
    assert "orders" in shop.run("orders", "list", "--shop", "tide", code=0).stdout


def test_a_mapping_that_nobody_saved_is_not_there(shop: Shop) -> None:
    file = shop.file("orders.csv", ORDERS)
    done = shop.run("import", file, "--shop", "tide", "--mapping", "Kasse", code=1)
    assert "Kasse" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.csv", b"", "empty.csv"),
        ("header.csv", b"a,b,c\n1,2,3\n", "--mapping"),
        ("picture.csv", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" * 50, "picture.csv"),
        ("broken.parquet", b"PAR1 nothing else", "broken.parquet"),
        ("broken.xlsx", b"PK\x03\x04 nothing else", "broken.xlsx"),
    ],
)
def test_a_file_that_is_no_table_of_orders_is_refused_in_words(
    shop: Shop, name: str, content: bytes, said: str
) -> None:
    done = shop.run("import", shop.file(name, content), "--shop", "tide", code=1)
    assert said in done.stderr
    assert shop.json("facts", "summary")["kinds"] == {}


def test_what_is_not_there_is_refused_with_its_name(shop: Shop) -> None:
    file = shop.file("orders.csv", ORDERS)
    assert "gone.csv" in shop.run("import", "gone.csv", "--shop", "tide", code=1).stderr
    assert "nobody" in shop.run("import", file, "--shop", "nobody", code=1).stderr
    wrong = shop.run("import", file, "--shop", "tide", "--format", "fax", code=1)
    assert "fax" in wrong.stderr
    assert "generic" in wrong.stderr
    assert "nobody" in shop.run("facts", "summary", "--shop", "nobody", code=1).stderr
    assert "nobody" in shop.run("tiers", "--shop", "nobody", code=1).stderr
    shop.run("import", "--shop", "tide", code=2)
    shop.run("tiers", "--shop", "tide", "--as-of", "yesterday", code=2)


def test_one_bad_file_of_two_is_told_and_the_good_one_is_in(shop: Shop) -> None:
    good, bad = shop.file("good.csv", ORDERS), shop.file("bad.csv", "a,b\n1,2\n")
    done = shop.json("import", bad, good, code=1)
    assert [bool(each["problem"]) for each in done["files"]] == [True, False]
    assert counts(done) == (3, 3, 0, 0, 0)


def test_tiers_score_five_customers_from_1_to_5(shop: Shop) -> None:
    # Customer cN has N orders of N0.00 each, the last on day N*2: each measure parts all five.
    rows = "".join(
        f"c{who},c{who}-{order},2025-11-{who * 2:02} 12:00,tea,1,{who * 10}.00\n"
        for who in range(1, 6)
        for order in range(who)
    )
    shop.json("import", shop.file("orders.csv", HEADER + rows))
    got = shop.json("tiers", "--as-of", "2025-11-11")
    assert set(got) == {
        "as_of", "currency", "money", "cuts", "segments", "customer_count", "customers",
    }  # fmt: skip
    assert (got["as_of"], got["money"], got["customer_count"]) == ("2025-11-11", "paid", 5)
    assert [one["customer"] for one in got["customers"]] == ["c5", "c4", "c3", "c2", "c1"]
    assert [one["score"] for one in got["customers"]] == [555, 444, 333, 222, 111]
    first, last = got["customers"][0], got["customers"][-1]
    assert (first["recency_days"], first["frequency"], first["money_minor"]) == (1, 5, 25_000)
    assert (first["segment"], last["segment"]) == ("Champions", "Lost")
    # Quantiles of 1, 4, 9, 16, 25 tens at 20, 40, 60 and 80 %.
    assert got["cuts"]["money"] == [34.0, 70.0, 118.0, 178.0]
    assert sum(got["segments"].values()) == 5
    assert len(shop.json("tiers", "--as-of", "2025-11-11", "--limit", "2")["customers"]) == 2
    assert shop.json("tiers", "--as-of", "2025-11-03")["customer_count"] == 1
