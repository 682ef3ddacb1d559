"""A check finds nothing wrong with a whole installation, and names each thing that is wrong."""

import json
import threading
from collections.abc import Callable
from dataclasses import replace

import duckdb
import pytest

from springtide.cli import check as command
from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.facts import operations
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.model import Fact
from springtide.domain.ledger.model import Chain, Opening, Transfer
from springtide.domain.ledger.operations import transact
from springtide.flows.files import pending
from springtide.flows.installation.backup import PlaceInside, back_up
from springtide.flows.installation.check import check
from springtide.flows.installation.marks import mark_secret, warn_of_other_secret
from springtide.flows.timeline import planning
from tests.kit.house import ACTOR, START, TestHouse, shop_in

OPENINGS = (Opening("world", "piece", low=None), Opening("points", "piece", in_lots=True))


def facts(shop: Shop, numbers: range) -> list[Fact]:
    return [
        Fact(shop.slug, "order", START, "api", f"order:{number}", amount_minor=100)
        for number in numbers
    ]


@pytest.fixture
def shop(house: TestHouse) -> Shop:
    """A shop with sealed facts of two sources, waiting ones, points granted and held."""
    shop = shop_in(house)
    with house.db.write() as tx:
        mark_secret(tx, house.settings.secret)
        operations.append(tx, facts(shop, range(20)), now=START)
        operations.append(
            tx, [Fact(shop.slug, "cart", START, "pixel", f"v{n}") for n in range(5)], now=START
        )
    operations.seal(house.db, house.lake)
    with house.db.write() as tx:
        operations.append(tx, [replace(facts(shop, range(1))[0], amount_minor=7)], now=START)
        operations.append(tx, facts(shop, range(20, 25)), now=START)
        steps = [
            Transfer("t1", "world", "points", 10),
            Transfer("t2", "points", "world", 4, reserve=True),
        ]
        transact(tx, shop=shop, chains=[Chain((step,), OPENINGS) for step in steps], now=START)
    return shop


def codes(house: TestHouse) -> set[str]:
    found = check(house).findings
    assert all(each.text and each.way_out for each in found)
    return {each.code for each in found}


def test_nothing_is_wrong_with_a_whole_installation(house: TestHouse, shop: Shop) -> None:
    seen = []
    checked = check(house, watch=lambda stage, done, total: seen.append(stage))
    assert checked.findings == ()
    assert checked.counts["sealed facts"] == 25
    assert checked.counts["ledger_transfers"] == 2
    assert {"the database", "files of facts", "ledgers"} <= set(seen)


def _execute(house: TestHouse, statement: str) -> None:
    with house.db.write() as tx:
        assert tx.exec_driver_sql(statement).rowcount > 0


def _file(house: TestHouse) -> str:
    return str(house.lake.table / house.lake.look_again().files[0].path)


def _damage_file(house: TestHouse) -> None:
    with open(_file(house), "r+b") as file:
        file.seek(60)
        file.write(b"\xff" * 200)


def _lose_rows(house: TestHouse) -> None:
    """Write the file anew without a fact, of the same length."""
    from springtide.domain.facts import agreement

    place = _file(house)
    connection = duckdb.connect()
    connection.execute(f"create table kept as from read_parquet('{place}') offset 1")
    connection.execute(f"copy kept to '{place}' (format parquet)")
    with open(place, "r+b") as file:
        size = len(file.read())
    assert size > 0
    found = house.lake.look_again()
    # As if log and state had been told of its length.
    commit = house.lake.commit_file(found.version)
    commit.write_text(commit.read_text().replace(f'"size":{found.files[0].size}', f'"size":{size}'))
    with house.db.write() as tx:
        agreement.settle(tx, house.lake.look_again())


DAMAGE: dict[str, Callable[[TestHouse], None]] = {
    "file_damaged": _damage_file,
    "file_missing": lambda house: house.lake.table.joinpath(
        house.lake.look_again().files[0].path
    ).unlink(),
    "lake_older": lambda house: house.lake.commit_file(house.lake.snapshot().version).unlink(),
    "facts_lost": lambda house: _execute(house, "delete from fact_tail where seq = 28"),
    "fact_twice": lambda house: _execute(
        house, "update fact_tail set external_id = 'order:22' where external_id = 'order:23'"
    ),
    "ledger_imbalance": lambda house: _execute(
        house, "update ledger_accounts set balance = balance + 1 where key = 'points'"
    ),
    "ledger_bound": lambda house: _execute(
        house, "update ledger_lots set left_over = left_over - 1"
    ),
    "secret_changed": lambda house: setattr(
        house, "settings", replace(house.settings, secret="of somebody else, and long enough too")
    ),
    "database_older": lambda house: _execute(
        house, "update alembic_version set version_num = '0003'"
    ),
    "database_empty": lambda house: _execute(house, "delete from alembic_version"),
    "database_newer": lambda house: _execute(
        house, "update alembic_version set version_num = '9999'"
    ),
}


@pytest.mark.parametrize("code", DAMAGE)
def test_what_is_wrong_is_named(house: TestHouse, shop: Shop, code: str) -> None:
    DAMAGE[code](house)
    found = codes(house)
    assert code in found
    allowed = {"fact_twice": {"fact_twice", "facts_lost"}, "ledger_imbalance": {
        "ledger_imbalance", "ledger_bound"}}  # fmt: skip
    assert found <= allowed.get(code, {code})


def test_a_file_that_lost_a_row_is_told_though_log_and_length_agree(
    house: TestHouse, shop: Shop
) -> None:
    _lose_rows(house)
    assert "file_damaged" in codes(house)


@pytest.mark.parametrize("is_older", [False, True])
def test_files_that_the_state_names_are_looked_for(
    house: TestHouse, shop: Shop, is_older: bool
) -> None:
    upload = pending.new_place(house.settings.uploads, shop.id, "orders.csv")
    if is_older:
        # As older releases called it, and by its path from where the folder was then.
        upload = upload.with_name("orders.csv")
        told = {"path": f"/elsewhere/{pending.key_of(upload)}/orders.csv", "name": "orders.csv"}
    else:
        told = {"upload": pending.key_of(upload), "name": "orders.csv"}
    upload.write_text("x")
    with house.db.write() as tx:
        planning.enqueue(
            Act.of(tx, shop, ACTOR, START),
            kind="import_file",
            params={"files": [told], "file_name": "orders"},
        )
    assert codes(house) == set()
    upload.unlink()
    assert codes(house) == {"upload_missing"}


def test_an_installation_at_work_has_nothing_wrong(house: TestHouse, shop: Shop) -> None:
    stopping = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        number = 100
        lake = Lake(house.lake.folder)
        try:
            while not stopping.is_set():
                with house.db.write() as tx:
                    operations.append(tx, facts(shop, range(number, number + 5)), now=START)
                    step = Transfer(f"w{number}", "world", "points", 1)
                    transact(tx, shop=shop, chains=[Chain((step,), OPENINGS)], now=START)
                number += 5
                operations.seal(house.db, lake)
                operations.compact(house.db, lake, files_max=2)
                operations.sweep(house.db, lake, retention_hours=0)
        except BaseException as error:
            failures.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        for _ in range(8):
            assert check(house).findings == ()
    finally:
        stopping.set()
        worker.join()
    assert failures == []


def test_the_document_is_for_programs(house: TestHouse, shop: Shop) -> None:
    DAMAGE["ledger_imbalance"](house)
    document = json.loads(json.dumps(command._document(check(house))))
    assert document["ok"] is False
    assert document["findings"][0].keys() == {"area", "code", "text", "way_out"}


def test_a_start_with_another_secret_says_so(
    house: TestHouse, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    warn_of_other_secret(house.db, house.settings.secret)
    assert not caplog.messages
    warn_of_other_secret(house.db, "of somebody else, and long enough too")
    assert len(caplog.messages) == 1
    assert "put back the file secret" in caplog.messages[0]


@pytest.mark.parametrize("name", ["backup", "lake/deep/backup.tar", "."])
def test_a_backup_inside_what_it_saves_is_refused(house: TestHouse, shop: Shop, name: str) -> None:
    before = sorted(house.settings.data.rglob("*"))
    with pytest.raises(PlaceInside):
        back_up(house, house.settings.data / name)
    with pytest.raises(PlaceInside):
        back_up(house, house.settings.data / name, keep=3)
    assert sorted(house.settings.data.rglob("*")) == before
