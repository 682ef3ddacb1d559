"""Names that people give to files: said back to them, and never a name on our disk."""

import contextlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient
from sqlalchemy import select

from springtide.connectors.tabular.mapping import UnknownColumns
from springtide.domain.access.model import Person, Role, Shop
from springtide.domain.access.queries import person_by_email, shop_by_slug
from springtide.flows.actions.import_file import ImportFile, ImportFileParams
from springtide.flows.files import pending
from springtide.flows.timeline.store import actions
from springtide.kit.errors import FinalError, NotFound
from springtide.kit.places import NotInFolder, within
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in

ORDERS = "customer_id,order_id,date,amount\nc1,o1,2026-04-03,1\n"
UNKNOWN = "alpha,beta\n1,2\n"
# What a note of ours was called, and looked like, in an older release.
OLD_NOTE = ".waits.json"


@pytest.fixture
def browser(sqlite_house: TestHouse, client: TestClient[Site]) -> Browser:
    shop = shop_in(sqlite_house)
    return Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))


def _sent(name: str, text: str = ORDERS) -> Any:
    return ("file", (name, io.BytesIO(text.encode()), "text/csv"))


def _shop(house: TestHouse) -> Shop:
    with house.db.read() as tx:
        return shop_by_slug(tx, slug="tide")


def _params(house: TestHouse) -> list[dict[str, Any]]:
    with house.db.read() as tx:
        rows = tx.execute(select(actions).where(actions.c.kind == "import_file")).mappings()
        return [row["params"] for row in rows]


def _context(house: TestHouse, shop: Shop) -> Any:
    return SimpleNamespace(
        house=house,
        shop=shop,
        actor=ACTOR,
        kept=lambda name: None,
        step=lambda name, write: write(None),
        checkpoint=lambda: None,
        report=lambda *told: None,
    )


def _typed(params: dict[str, Any]) -> ImportFileParams:
    return msgspec.convert(params, ImportFileParams)


def _owner(house: TestHouse) -> Person:
    with house.db.read() as tx:
        return person_by_email(tx, email="owner@tide.test")


def _secret(house: TestHouse) -> Path:
    place = house.settings.data / "secret"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("kept")
    return place


@pytest.mark.parametrize(
    "name", [OLD_NOTE, "upload.json", "../../secret", "..\\secret", "note.json", "a\u2028b.csv"]
)
def test_no_name_on_the_disk_is_the_uploaders(
    sqlite_house: TestHouse, browser: Browser, name: str
) -> None:
    secret = _secret(sqlite_house)
    note = json.dumps({"path": "../../../secret", "name": "secret", "modified_ms": None})
    for form in ({"format": ""}, {"look": "1"}):
        assert browser.post("/shops/tide/data", form, files=[_sent(name, note)]).status_code == 303
    uploads, shop = sqlite_house.settings.uploads, _shop(sqlite_house)
    names = {path.name for path in uploads.rglob("*") if path.is_file()}
    (waits,) = pending.kept_files(uploads, shop.id)
    assert names == {"upload", f"{waits.key}.json"}
    assert waits.path.read_text() == note
    assert browser.get("/shops/tide/data").status_code == 200
    (params,) = _params(sqlite_house)
    assert "path" not in params["files"][0]
    pending.drop(uploads, shop.id, params["files"][0]["upload"])
    pending.sweep(uploads, waits.since + timedelta(days=2))
    assert secret.read_text() == "kept"


def test_refusals_pages_and_reports_call_a_file_by_its_uploaders_name(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    shop = _shop(sqlite_house)
    for name, text in (("四月 订单.csv", UNKNOWN), ("空.csv", "\n"), ("not.parquet", ORDERS)):
        browser.post("/shops/tide/data", {"format": ""}, files=[_sent(name, text)])
        params = _params(sqlite_house)[-1]
        with pytest.raises(Exception, match=name.partition(".")[0]) as refused:
            ImportFile().do(_context(sqlite_house, shop), _typed(params))
        assert "upload" not in str(refused.value)
    page = browser.get("/shops/tide/data").text
    assert "The columns of 四月 订单.csv are not known yet." in page
    assert "upload.parquet" not in page


def test_a_name_that_tells_the_period_still_tells_it(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    text = "来源,来源明细,访客数,支付金额\n付费流量,直通车,10,5.00\n"
    name = "【生意参谋】流量来源-2026-04-01_2026-04-30.csv"
    browser.post("/shops/tide/data", {"format": "sycm_traffic"}, files=[_sent(name, text)])
    params = _params(sqlite_house)[-1]
    receipt = ImportFile().do(_context(sqlite_house, _shop(sqlite_house)), _typed(params))
    assert receipt["rows"]["new"] > 0


def _plant(uploads: Path, shop_id: UUID, key: str, note: bytes) -> Path:
    folder = uploads / shop_id.hex / key
    folder.mkdir(parents=True)
    (folder / "upload").write_text(ORDERS)
    place = folder.parent / f"{key}.json"
    place.write_bytes(note)
    return place


@pytest.mark.parametrize(
    "note",
    [
        b"", b"junk", b"[]", b"\xff\xfe", b'{"name": "../../secret"}',
        b'{"name": 7, "modified_ms": null}', b'{"name": "a", "modified_ms": "1"}',
        b'{"name": "a", "modified_ms": null, "path": "../../../secret"}',
        b'{"name": "' + b"x" * 5_000 + b'", "modified_ms": null}', b"[" * 4_000,
    ],
)  # fmt: skip
def test_a_bad_note_harms_nobody_and_is_swept(
    sqlite_house: TestHouse, browser: Browser, note: bytes
) -> None:
    uploads, shop = sqlite_house.settings.uploads, _shop(sqlite_house)
    place = _plant(uploads, shop.id, "0" * 32, note)
    (place.parent / "stray.json").write_text("{}")
    (place.parent / ("1" * 32 + ".json")).symlink_to(sqlite_house.settings.data / "secret")
    assert pending.kept_files(uploads, shop.id) == []
    assert browser.get("/shops/tide/data").status_code == 200
    assert browser.get(f"/shops/tide/data/uploads/{'0' * 32}").status_code == 404
    sqlite_house.clock = datetime.fromtimestamp(place.stat().st_mtime, UTC)
    sqlite_house.forward(hours=25)
    browser.sign_in(_owner(sqlite_house))
    browser.post("/shops/tide/data", {"look": "1"}, files=[_sent("till.csv", UNKNOWN)])
    assert not place.exists()
    names = {path.name for path in place.parent.iterdir()}
    assert not {"0" * 32, "1" * 32 + ".json", "stray.json"} & names


def test_a_file_of_a_job_that_is_not_over_outlives_the_sweep_and_a_lost_one_does_not(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    uploads, shop = sqlite_house.settings.uploads, _shop(sqlite_house)
    browser.post("/shops/tide/data", {"format": ""}, files=[_sent("a.csv")])
    (params,) = _params(sqlite_house)
    lost = pending.new_place(uploads, shop.id, "lost.csv")
    lost.write_text(ORDERS)
    sqlite_house.clock = datetime.fromtimestamp(lost.stat().st_mtime, UTC)
    sqlite_house.forward(hours=25)
    browser.sign_in(_owner(sqlite_house))
    browser.post("/shops/tide/data", {"format": ""}, files=[_sent("b.csv")])
    assert not lost.exists()
    assert pending.uploaded(uploads, shop.id, params["files"][0]["upload"])


def test_jobs_of_an_older_release_find_their_file_and_no_other(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    uploads, shop = sqlite_house.settings.uploads, _shop(sqlite_house)
    key = "a" * 32
    folder = uploads / shop.id.hex / key
    folder.mkdir(parents=True)
    (folder / "till.csv").write_text(UNKNOWN)
    (folder / OLD_NOTE).write_text("{}")
    old = {"path": f"/elsewhere/uploads/{shop.id.hex}/{key}/till.csv", "name": "till.csv"}
    job = _typed({"files": [old], "is_upload": True})
    with pytest.raises(UnknownColumns, match=r"till\.csv"):
        ImportFile().do(_context(sqlite_house, shop), job)
    (waits,) = pending.kept_files(uploads, shop.id)
    assert (waits.key, waits.name, waits.path.name) == (key, "till.csv", "upload")
    page = browser.get(f"/shops/tide/data/uploads/{key}")
    assert page.status_code == 200
    secret = _secret(sqlite_house)
    for path in (
        str(secret), f"{folder}/../../../secret", f"/x/{'b' * 32}/..", "/x/../till.csv",
        f"/x/{'b' * 32}/till.csv", f"/x/{'b' * 32}/a\0b", "",
    ):  # fmt: skip
        with pytest.raises(FinalError):
            ImportFile().check(
                _context(sqlite_house, shop), _typed({"files": [{"path": path, "name": ""}]})
            )
    other = shop_in(sqlite_house, slug="other")
    with pytest.raises(FinalError):
        ImportFile().check(_context(sqlite_house, other), job)
    with pytest.raises(NotFound):
        pending.kept_file(uploads, other.id, key)


_NAMES = st.text(max_size=12) | st.sampled_from(["..", ".", "/", "a/b", "\\", ""])


@given(st.lists(_NAMES, max_size=3))
def test_names_lead_into_the_folder_or_nowhere(names: list[str]) -> None:
    root = Path("/srv/springtide/rejects")
    place = None
    with contextlib.suppress(NotInFolder):
        place = within(root, *names)
    is_bare = bool(names) and not any(set(name) & set("/\\\0") or not name for name in names)
    assert (place is not None) == (is_bare and not {"..", "."} & set(names))
    if place is not None:
        assert place.relative_to(root).parts == tuple(names)


def test_a_link_that_leads_out_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link").symlink_to(tmp_path)
    with pytest.raises(NotInFolder):
        within(tmp_path / "in", "link", "secret")
