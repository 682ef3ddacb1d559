"""`springtide price` from outside: an order's price made again, a plan tried on past orders."""

import json
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import update

from springtide.domain.access.act import Act
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.store import price_rule_versions
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.place import Placing, place
from springtide.kit.db import Database
from springtide.migrations import migrate
from tests.kit.house import SECRET, START
from tests.kit.shops import ACTOR, new_shop
from tests.kit.storefront import open_sale, stock_shelves
from tests.stories.test_commands import _run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder with a shop in its sale and one order."""
    database = Database(f"sqlite:///{tmp_path}/state.db")
    migrate(database)
    database.clock = lambda: START
    shop = new_shop(database, now=START)
    (tmp_path / "slug").write_text(shop.slug)
    stock_shelves(database, shop, now=START)
    open_sale(database, shop, day=START.date(), now=START)
    lines = (CartLine("pot", 1), CartLine("tea", 2))
    with database.write() as tx:
        place(Act.of(tx, shop, ACTOR, START), wanted=Wanted(lines), placing=Placing("A"))
    database.close()
    return tmp_path


def _price(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    slug = (data / "slug").read_text()
    return _run(data, "price", *arguments, "--shop", slug, SPRINGTIDE_SECRET=SECRET)


def test_an_orders_price_is_made_again_and_a_tampered_rule_is_found(data: Path) -> None:
    same = _price(data, "replay", "A")
    assert same.returncode == 0, same.stderr
    assert same.stdout.startswith("The same, byte for byte")
    database = Database(f"sqlite:///{data}/state.db")
    with database.write() as tx:
        steps = [{"threshold_minor": 16_900, "discount_minor": 1_100}]
        tx.execute(update(price_rule_versions).values(params={"steps": steps}))
    database.close()
    other = _price(data, "replay", "A")
    assert other.returncode == 1
    assert other.stdout.startswith("Not the same from byte")
    assert json.loads(_price(data, "replay", "A", "--json").stdout)["is_same"] is False
    unknown = _price(data, "replay", "B")
    assert (unknown.returncode, "There is no order B" in unknown.stderr) == (1, True)


def test_a_plan_is_tried_from_a_file_or_refused_by_field(data: Path) -> None:
    plan = data / "plan.json"
    rule = {"kind": "percent_off", "params": {"percent_bps": 1_000}}
    plan.write_text(json.dumps({"prices": {"cup": 2_500}, "rules": [rule]}))
    days = ("--from", "2025-10-31", "--to", "2025-11-02", "--json")
    report = json.loads(_price(data, "what-if", "--plan", str(plan), *days).stdout)
    assert report["orders"] == 1
    assert report["before_minor"] == 19_900 + 2 * 9_900
    assert report["rules_minor"] == 1_990 + 1_980
    empty = ("--from", "2024-10-31", "--to", "2024-11-02")
    nothing = _price(data, "what-if", "--plan", str(plan), *empty)
    assert (nothing.returncode, "There is no order from" in nothing.stderr) == (1, True)
    rule["params"] = {"percent_bps": 10_001}
    plan.write_text(json.dumps({"rules": [rule]}))
    refused = _price(data, "what-if", "--plan", str(plan), *days)
    assert (refused.returncode, "rules.0.percent_bps" in refused.stderr) == (1, True)
    plan.write_text('{"rules": 7}')
    assert _price(data, "what-if", "--plan", str(plan), *days).returncode == 2
    assert _price(data, "what-if", *days).returncode == 2
