"""An import looks only into the files of the lake that may hold its facts, and misses none."""

from pathlib import Path

import duckdb
import pytest

from springtide.domain.access.model import Shop
from springtide.domain.facts import zone_maps
from springtide.domain.imports.queries import summary
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from tests.kit.house import ACTOR, TestHouse, shop_in

HEADER = "customer_id,order_id,date,product_id,amount\n"


class Importer:
    def __init__(self, house: TestHouse, shop: Shop, folder: Path) -> None:
        self.house, self.shop, self.folder = house, shop, folder
        self.target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
        self.count = 0

    def __call__(self, *rows: str) -> tuple[int, int, int]:
        self.count += 1
        path = self.folder / f"{self.count}.csv"
        path.write_text(HEADER + "\n".join(rows) + "\n")
        self.house.forward(minutes=5)
        now = self.house.real_now()
        done = import_file(self.target, path, shop=self.shop, actor=ACTOR, told_at=now)
        return done.rows.new, done.rows.changed, done.rows.unchanged

    def places(self) -> dict[str, Path]:
        """Return where the ranges of each month's file stand."""
        return {
            file.month: self.house.lake.folder / "ids" / f"{Path(file.path).stem}.json"
            for file in self.house.lake.snapshot().files
        }

    def months_for(self, *ids: str, with_orders: bool = False) -> list[str]:
        """Return the months that an import of facts with these ids would look into."""
        lake = self.house.lake
        with duckdb.connect() as connection:
            connection.execute(
                "create table emitted (source text, external_id text, order_key text)"
            )
            rows = [("generic", name, name.split(":")[1]) for name in ids]
            connection.executemany("insert into emitted values (?, ?, ?)", rows)
            files = lake.snapshot().files
            found = zone_maps.may_hold(connection, lake, files, "generic", with_orders=with_orders)
        return [file.month for file in found]


@pytest.fixture
def brings(sqlite_house: TestHouse, tmp_path: Path) -> Importer:
    return Importer(sqlite_house, shop_in(sqlite_house), tmp_path)


def test_orders_that_rise_are_looked_for_in_no_earlier_month(brings: Importer) -> None:
    assert brings("c1,o101,2025-09-05,p1,1", "c2,o102,2025-09-06,p1,2") == (2, 0, 0)
    assert brings("c1,o201,2025-10-05,p1,1", "c2,o202,2025-10-06,p1,2") == (2, 0, 0)
    assert brings.months_for("order:o301:p1", "payment:o301:p1") == []
    assert brings.months_for("order:o102:p1", "order:o201:p1") == ["2025-09", "2025-10"]
    assert brings.months_for("order:o102:p9") == []
    assert brings.months_for("order:o102:p9", with_orders=True) == ["2025-09"]
    assert brings.months_for("refund:o102:p1") == []
    # More digits: a later number, though it comes first among texts.
    assert brings.months_for("order:o1011:p1", with_orders=True) == []
    # An order of October is corrected, and told to be of December.
    assert brings("c1,o201,2025-12-01,p1,5", "c3,o302,2025-11-07,p1,1") == (1, 1, 0)
    assert brings("c1,o201,2025-12-01,p1,5", "c2,o102,2025-09-06,p1,2") == (0, 0, 2)
    known = summary(brings.house.facts, "tide")
    assert (known.orders, known.paid_minor) == (5, 1_100)


def test_ranges_that_are_lost_or_broken_are_made_anew(brings: Importer) -> None:
    brings("c1,o101,2025-09-05,p1,1")
    brings("c1,o201,2025-10-05,p1,1")
    places = brings.places()
    places["2025-09"].unlink()
    places["2025-10"].write_text('{"generic": {"order": ["a"]')
    assert brings("c1,o101,2025-09-05,p1,1", "c1,o201,2025-10-05,p1,1") == (0, 0, 2)
    assert all(place.exists() for place in places.values())


def test_ranges_go_with_their_files(brings: Importer) -> None:
    brings("c1,o101,2025-09-05,p1,1")
    brings("c1,o101,2025-09-05,p1,2")
    kept = set(brings.places().values())
    folder = brings.house.lake.folder / "ids"
    assert len(list(folder.iterdir())) == 2
    zone_maps.forget(brings.house.lake, brings.house.lake.snapshot().files)
    assert set(folder.iterdir()) == kept
