"""What the data page takes: several files at once, none, and a running import to stop."""

import io
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import select

from springtide.domain.access.model import Role
from springtide.domain.access.queries import shop_by_slug
from springtide.domain.imports import records
from springtide.domain.imports.queries import import_record
from springtide.flows.timeline.store import actions
from springtide.kit.ids import outward, uuid7
from springtide.site import Site
from tests.kit.house import Browser, TestHouse, person_in, shop_in


@pytest.fixture
def browser(sqlite_house: TestHouse, client: TestClient[Site]) -> Browser:
    shop = shop_in(sqlite_house)
    return Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))


def _file(name: str, text: str) -> Any:
    return ("file", (name, io.BytesIO(text.encode()), "text/csv"))


def test_several_files_are_one_job_with_the_times_they_were_changed(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    answer = browser.post(
        "/shops/tide/data",
        {"modified": "1795789829477,oops", "format": "", "strict": ""},
        files=[_file("a.csv", "x\n"), _file("../b.csv", "y\n")],
    )
    assert answer.status_code == 303
    with sqlite_house.db.read() as tx:
        (job,) = tx.execute(select(actions).where(actions.c.kind == "import_file")).mappings()
    names = [(each["name"], each["modified_ms"]) for each in job["params"]["files"]]
    assert names == [("a.csv", 1795789829477), ("b.csv", None)]
    assert job["params"]["file_name"] == "a.csv, b.csv"


def test_one_file_is_taken_as_well(sqlite_house: TestHouse, browser: Browser) -> None:
    answer = browser.post("/shops/tide/data", {"format": ""}, files=[_file("a.csv", "x\n")])
    assert answer.status_code == 303
    with sqlite_house.db.read() as tx:
        (job,) = tx.execute(select(actions).where(actions.c.kind == "import_file")).mappings()
    assert [each["name"] for each in job["params"]["files"]] == ["a.csv"]


def test_a_form_without_a_file_says_so_beside_the_field(browser: Browser) -> None:
    answer = browser.post("/shops/tide/data", {"format": "", "strict": ""}, files=[_file("", "")])
    assert answer.status_code == 422
    assert 'id="file-error"' in answer.text


def test_more_files_than_a_form_may_bring_are_refused(browser: Browser) -> None:
    files = [_file(f"{number}.csv", "x\n") for number in range(21)]
    answer = browser.post("/shops/tide/data", {"format": "", "strict": ""}, files=files)
    assert "At most 20 files at once" in answer.text


def test_a_running_import_is_asked_to_stop_and_an_ended_one_is_not(
    sqlite_house: TestHouse, browser: Browser
) -> None:
    now = sqlite_house.real_now()
    with sqlite_house.db.write() as tx:
        shop = shop_by_slug(tx, slug="tide")
        key = uuid7(now)
        records.start_import(
            tx, import_id=key, shop_id=shop.id, shop="tide", file_name="a.csv", sha256="0" * 64,
            mapping=None, told_at=now, now=now,
        )  # fmt: skip
        records.note_progress(tx, import_id=key, share=0.4, rows_per_second=1200, seconds_left=7)
    page = browser.get("/shops/tide/data/imports").text
    assert "1,200 rows/s" in page
    assert "about 7 s left" in page
    url = f"/shops/tide/data/imports/{outward('imp', key)}/cancel"
    assert browser.post(url).status_code == 303
    with sqlite_house.db.write() as tx:
        assert records.note_progress(
            tx, import_id=key, share=0.5, rows_per_second=None, seconds_left=None
        )
        records.end_import(tx, import_id=key, state="cancelled", problem=None, now=now)
        assert not records.request_cancel(tx, shop_id=shop.id, import_id=key, now=now)
        assert import_record(tx, shop_id=shop.id, import_id=key).state == "cancelled"
