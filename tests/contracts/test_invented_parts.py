"""One file is enough: a kind of event, a metric and a format, brought by a package of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

POINTS = """
[springtide.event_kind]
wish = tests.kit.invented_parts.wish:Wished
[springtide.metric]
wishes = tests.kit.invented_parts.wishes:Wishes
[springtide.format]
wish_list = tests.kit.invented_parts.wish_list:WishList
"""
WISHES = (
    "wish number,wished at,wisher,wanted\n1,2025-11-01 09:00,ann,tea\n2,2025-11-01 09:05,li,tea\n"
)
TABLE = "what,when,who,product\nback_in_stock,2025-11-01 09:10,bo,cup\n"
#: Run in a process of its own, as what a package brings is found when the house is opened.
PROGRAM = """
import json, sys
from pathlib import Path
from litestar.testing import TestClient
from springtide.domain.access.model import Role, Scope
from springtide.domain.facts import kinds
from springtide.flows.files.imports import Target, import_file
from springtide.migrations import migrate
from springtide.kit.db import Database
from springtide.site import create_app
from tests.kit.rewards import RULE, published
from tests.kit.house import ACTOR, Browser, TestHouse, key_in, person_in, settings_in, shop_in
from tools.reference import pages

folder = Path(sys.argv[1])
url = f"sqlite:///{folder / 'state.db'}"
database = Database(url)
migrate(database)
house = TestHouse(settings_in(folder / "data", url), database)
shop = shop_in(house)
said = {"rows": list(kinds.said("row"))}
target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
told = import_file(target, folder / "wishes.csv", shop=shop, actor=ACTOR)
said["format"], said["new"] = told.format, told.rows.new
mapping = {"source": "own", "columns": {
    "kind": "what", "occurred_at": "when", "customer_key": "who", "product_key": "product"}}
said["mapped"] = import_file(
    target, folder / "table.csv", shop=shop, actor=ACTOR, mapping=mapping).rows.new
with TestClient(create_app(house), base_url="http://testserver.local") as client:
    key = key_in(house, shop, Scope.EVENTS_WRITE)
    event = {"kind": "wish", "id": "1", "customer_key": "kim", "product_key": "tea"}
    sent = client.post("/v1/events", json={"events": [event]},
                       headers={"authorization": f"Bearer {key}"})
    said["sent"] = [sent.status_code, sent.json()]
    document = client.get("/v1/openapi.json").json()
    said["openapi"] = document["components"]["schemas"]["Event"]["properties"]["kind"]["enum"]
    owner = Browser(client, house).sign_in(person_in(house, shop, Role.OWNER))
    said["data"] = owner.get("/shops/tide/data").text
    said["task"] = owner.get("/shops/tide/rewards/new?kind=task").text
    coupon = published(house.db, shop, "coupon", {"rule": RULE}, now=house.real_now(), quantity=9)
    said["issue"] = owner.get(f"/shops/tide/rewards/{coupon.key}/issue").text
    period = "from=2025-10-31T00:00:00Z&to=2025-11-02T00:00:00Z"
    said["metric"] = owner.get(f"/shops/tide/metrics/wishes?{period}").text
    facts = owner.get(f"/shops/tide/exports/facts.csv?metric=wishes&{period}")
    said["export"] = facts.text
said["reference"] = {name: text for name, text in pages().items()
                     if name in ("events.md", "metrics.md", "formats.md")}
house.close()
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("invented")
    package = folder / "package" / "wishes-1.0.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: wishes\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(POINTS)
    (folder / "wishes.csv").write_text(WISHES)
    (folder / "table.csv").write_text(TABLE)
    root = Path(__file__).parents[2]
    path = os.pathsep.join([str(package.parent), str(root)])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        cwd=root, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_format_is_told_by_its_content_and_a_kind_by_its_words(said: Any) -> None:
    assert (said["format"], said["new"], said["mapped"]) == ("wish_list", 2, 1)
    assert "Wish list" in said["data"]


def test_a_kind_of_event_is_taken_and_described(said: Any) -> None:
    assert said["sent"] == [200, {"new": 1, "known": 0, "moved": 0, "anonymous": 0}]
    assert said["openapi"] == ["cart", "click", "favourite", "view", "wish"]
    # In the order in which people choose; what says no place comes last.
    assert (said["rows"][0], said["rows"][-1]) == ("order", "wish")
    assert "Wishes" in said["data"]
    assert ">wishes<" in said["task"]
    assert '<option value="wish">Who wished</option>' in said["issue"]


def test_a_metric_has_its_page_and_its_file(said: Any) -> None:
    assert "People who wished" in said["metric"]
    assert "asked to be told" in said["metric"]
    assert said["export"].count("Wish") == 4


def test_all_stand_in_the_reference(said: Any) -> None:
    reference = said["reference"]
    assert "| `wish` | Wish |" in reference["events.md"]
    assert "| `wishes` | People who wished |" in reference["metrics.md"]
    assert "| `wish_list` | Wish list |" in reference["formats.md"]
