"""The columns page: an unknown table is looked at, explained, kept under a name and imported."""

import io
import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from springtide.connectors.tabular.mapping import MissingColumns, UnknownColumns
from springtide.domain.access.model import Role, Shop
from springtide.domain.access.queries import shop_by_slug
from springtide.domain.imports import mappings
from springtide.domain.imports.mappings import NameTaken
from springtide.flows.actions.import_file import ImportFile, ImportFileParams
from springtide.flows.files import pending
from springtide.flows.files.column_mapping import keep_mapping
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.flows.timeline.store import actions
from springtide.kit.errors import Invalid, NotFound
from springtide.kit.ids import outward
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in

TILL = """\
Kassenbuch 2026;;;;;
Beleg;Kunde;Wann;Was;Stk;Summe
B1;K1;03/04/2026 10:00;Tee;2;12,50
B1;K1;03/04/2026 10:00;Tasse;1;8,00
B2;K2;04/04/2026 11:30;Tee;1;6,25
B3;;05/04/2026 12:00;Tee;x;6,25
B4;K1;06/04/2026 09:10;<script>alert(1)</script>;1;1.299,00
"""
SAID = {
    "table": "0", "header_row": "2", "name": "Kasse", "source": "kasse", "column-0": "order_key",
    "column-1": "customer_key", "column-2": "occurred_at", "column-3": "product_name",
    "column-4": "quantity", "column-5": "amount", "kind": "order", "paid": "on",
    "negative": "reject", "dates": "day", "decimal": ",", "unit": "major",
}  # fmt: skip


@pytest.fixture
def browser(sqlite_house: TestHouse, client: TestClient[Site]) -> Browser:
    shop = shop_in(sqlite_house)
    return Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))


def _file(text: str = TILL, name: str = "till.csv") -> Any:
    return ("file", (name, io.BytesIO(text.encode()), "text/csv"))


def _look(browser: Browser, *files: Any) -> str:
    """Upload files to look at first; return the address of the first one's columns page."""
    answer = browser.post("/shops/tide/data", {"look": "1"}, files=list(files) or [_file()])
    assert answer.status_code == 303
    return str(answer.headers["location"])


def _jobs(house: TestHouse) -> list[Any]:
    with house.db.read() as tx:
        rows = tx.execute(select(actions).where(actions.c.kind == "import_file")).mappings()
        return [row["params"] for row in rows]


def _do(house: TestHouse, params: dict[str, Any], shop: Shop) -> Any:
    """Do an import's job as a worker would."""
    context: Any = SimpleNamespace(
        house=house,
        shop=shop,
        actor=ACTOR,
        kept=lambda name: None,
        step=lambda name, write: write(None),
        checkpoint=lambda: None,
        report=lambda *told: None,
    )
    return ImportFile().do(context, msgspec.convert(params, ImportFileParams))


def test_the_page_shows_the_rows_and_guesses_from_the_header(browser: Browser) -> None:
    page = browser.get(_look(browser)).text
    assert "03/04/2026 10:00" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert 'name="header_row" value="2"' in page


def test_what_is_said_is_tried_on_the_first_rows(browser: Browser) -> None:
    address = _look(browser)
    lacking = browser.post(f"{address}/check", {**SAID, "column-2": ""}).text
    assert "No column is said to be the date and time" in lacking
    two_ways = browser.post(f"{address}/check", {**SAID, "dates": ""}).text
    assert "can be read two ways" in two_ways
    tried = browser.post(f"{address}/check", SAID).text
    assert "Of the first 5 rows 4 are understood" in tried
    assert "is not a whole number" in tried
    assert "1,325.75" in tried


def test_a_mapping_is_kept_and_the_next_file_is_read_by_itself(
    sqlite_house: TestHouse, browser: Browser, tmp_path: Path
) -> None:
    address = _look(browser)
    answer = browser.post(address, SAID)
    assert answer.status_code == 303
    (params,) = _jobs(sqlite_house)
    assert params["mapping_name"] == "Kasse"
    shop = _shop(sqlite_house)
    with sqlite_house.db.read() as tx:
        (saved,) = mappings.saved_mappings(tx, shop_id=shop.id)
    assert saved.header == ("Beleg", "Kunde", "Wann", "Was", "Stk", "Summe")
    receipt = _do(sqlite_house, params, shop)
    assert (receipt["rows"]["new"], receipt["rows"]["rejected"]) == (4, 1)
    assert not list(sqlite_house.settings.uploads.rglob("upload*"))
    assert browser.get(address).status_code == 404
    # The next file of the till has its columns in another order, and no title.
    later = tmp_path / "april.csv"
    later.write_text("Wann;Kunde;Beleg;Stk;Was;Summe\n13/05/2026 10:00;K9;B9;1;Tee;6,25\n")
    done = import_file(_target(sqlite_house), later, shop=shop, actor=ACTOR)
    assert (done.format, done.rows.new, done.report["mapping"]) == ("generic", 1, "Kasse")
    page = browser.get(f"/shops/tide/data/imports/{outward('imp', done.import_id)}").text
    assert "mapping “Kasse”" in page


def test_a_refused_mapping_loses_nothing_that_was_typed(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    address = _look(browser)
    answer = browser.post(address, {**SAID, "name": "  "})
    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text
    assert '<option value="quantity" selected>' in answer.text
    twice = browser.post(address, {**SAID, "column-3": "amount"})
    assert twice.status_code == 422
    assert "one column, not several" in twice.text
    assert _jobs(sqlite_house) == []


def test_a_column_of_events_asks_what_its_texts_stand_for(browser: Browser) -> None:
    rows = "who,when,did,thing\nv1,2026-04-03 10:00:00,guckt,p1\nv2,2026-04-03 11:00:00,pv,p1\n"
    address = _look(browser, _file(rows, "events.csv"))
    said = {
        **SAID, "header_row": "1", "column-0": "visitor_key", "column-1": "occurred_at",
        "column-2": "kind", "column-3": "product_key", "column-4": "", "column-5": "",
        "dates": "",
    }  # fmt: skip
    asked = browser.post(f"{address}/check", said).text
    assert "Of the first 2 rows 1 are understood" in asked
    assert 'value="guckt"' in asked
    told = browser.post(
        f"{address}/check", {**said, "event-text-0": "guckt", "event-0": "view"}
    ).text
    assert "Of the first 2 rows 2 are understood" in told


def test_a_file_that_is_not_understood_waits_a_day_and_the_others_are_imported(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    good = "customer_id,order_id,date,amount\nc1,o1,2026-04-03,1\n"
    browser.post("/shops/tide/data", {"format": ""}, files=[_file(), _file(good, "good.csv")])
    (params,) = _jobs(sqlite_house)
    shop = _shop(sqlite_house)
    with pytest.raises(UnknownColumns):
        _do(sqlite_house, params, shop)
    uploads = sqlite_house.settings.uploads
    (waits,) = pending.kept_files(uploads, shop.id)
    assert waits.name == "till.csv"
    page = browser.get("/shops/tide/data").text
    assert "The columns of till.csv are not known yet." in page
    assert f"/shops/tide/data/uploads/{waits.key}" in page
    pending.sweep(uploads, waits.since + timedelta(hours=23))
    assert pending.kept_files(uploads, shop.id)
    pending.sweep(uploads, waits.since + timedelta(hours=25))
    assert not list((uploads / shop.id.hex).iterdir())


def test_a_file_of_another_shop_or_with_a_made_up_key_is_not_there(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    key = _look(browser).rsplit("/", 1)[1]
    other = shop_in(sqlite_house, slug="other")
    stranger = Browser(browser.client, sqlite_house).sign_in(
        person_in(sqlite_house, other, Role.OWNER, "o@other.example")
    )
    assert stranger.get(f"/shops/other/data/uploads/{key}").status_code == 404
    for made_up in ("%2e%2e", "0" * 32, "x" * 400):
        assert browser.get(f"/shops/tide/data/uploads/{made_up}").status_code == 404
    assert browser.post(f"/shops/tide/data/uploads/{key}/drop").status_code == 303
    assert browser.get(f"/shops/tide/data/uploads/{key}").status_code == 404


def test_mappings_are_renamed_deleted_and_given_as_files(
    sqlite_house: TestHouse, browser: Browser, tmp_path: Path
) -> None:
    shop = _shop(sqlite_house)
    document = {"columns": {"occurred_at": "Wann", "order_key": "Beleg", "amount": "Summe"}}
    target = _target(sqlite_house)

    def keep(name: str) -> mappings.SavedMapping:
        return keep_mapping(
            target, shop, ACTOR, name=name, document=document, header=["Wann", "Beleg", "Summe"]
        )

    first, second = keep("a"), keep("b")
    assert keep("a").id == first.id
    address = f"/shops/tide/data/mappings/{outward('map', second.id)}"
    with pytest.raises(NameTaken), sqlite_house.db.write() as tx:
        mappings.rename_mapping(
            tx, shop_id=shop.id, mapping_id=second.id, name="a", now=sqlite_house.real_now()
        )
    with pytest.raises(Invalid), sqlite_house.db.write() as tx:
        mappings.rename_mapping(
            tx, shop_id=shop.id, mapping_id=second.id, name="x" * 81, now=sqlite_house.real_now()
        )
    assert browser.post(f"{address}/rename", {"name": "a"}).status_code == 303
    assert browser.post(f"{address}/rename", {"name": "Kasse zwei"}).status_code == 303
    assert json.loads(browser.get(address).text) == document
    with sqlite_house.db.read() as tx:
        names = [each.name for each in mappings.saved_mappings(tx, shop_id=shop.id)]
    assert names == ["Kasse zwei", "a"]
    assert browser.post(f"{address}/delete").status_code == 303
    assert browser.get(address).status_code == 404
    with pytest.raises(NotFound), sqlite_house.db.read() as tx:
        mappings.mapping_of(tx, shop_id=shop.id, mapping_id=second.id)


def test_a_named_mapping_takes_the_sheets_that_have_its_columns(
    sqlite_house: TestHouse, browser: Browser, tmp_path: Path
) -> None:
    shop = _shop(sqlite_house)
    document = {"columns": {"occurred_at": "Wann", "order_key": "Beleg", "amount": "Summe"}}
    path = tmp_path / "two.json"
    rows = [{"Wann": "2026-04-03", "Beleg": "B1", "Summe": "5.00"}]
    path.write_text(json.dumps({"sales": rows, "notes": [{"text": "hello"}]}))
    done = import_file(_target(sqlite_house), path, shop=shop, actor=ACTOR, mapping=document)
    assert done.rows.new == 1
    path.write_text(json.dumps({"notes": [{"text": "hello"}]}))
    with pytest.raises(MissingColumns, match="Beleg"):
        import_file(_target(sqlite_house), path, shop=shop, actor=ACTOR, mapping=document)


def _target(house: TestHouse) -> Target:
    return Target(house.db, house.lake, house.settings.rejects, house.real_now)


def _shop(house: TestHouse) -> Shop:
    with house.db.read() as tx:
        return shop_by_slug(tx, slug="tide")
