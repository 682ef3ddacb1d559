"""What the data page says about a file is Chinese from end to end for a Chinese reader."""

import re
from pathlib import Path

import pytest
from litestar.testing import TestClient

from springtide.connectors.tabular.mapping import UnknownColumns
from springtide.domain.access.model import Role
from springtide.domain.imports.queries import imports
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import StrictRefusal, Target
from springtide.kit.errors import Refusal
from springtide.kit.ids import outward
from springtide.site import Site
from springtide.web.frame.render import LANGUAGE_COOKIE
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in

BAD = (
    "customer_id,order_id,date,amount\n"
    "c1,1.23457E+17,2025-11-01,1\n"
    "c2,o2,2025-11-01\n" + "c" * 130 + ",o3,2025-11-01,1\n"
)


def test_refusals_and_reasons_are_told_in_chinese(
    sqlite_house: TestHouse, client: TestClient[Site], tmp_path: Path
) -> None:
    shop = shop_in(sqlite_house)
    browser = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    browser.cookies[LANGUAGE_COOKIE] = "zh"
    target = Target(
        sqlite_house.db, sqlite_house.lake, sqlite_house.settings.rejects, sqlite_house.real_now
    )
    path = tmp_path / "orders.csv"
    path.write_text(BAD)
    done = import_file(target, path, shop=shop, actor=ACTOR)
    page = browser.get(f"/shops/tide/data/imports/{outward('imp', done.import_id)}").text
    for said in ("已被表格软件取整", "该行有 3 个单元格，表头有 4 个", "超过 120 个字符"):
        assert said in page
    for english in ("has rounded", "cells where", "longer than"):
        assert english not in page
    with pytest.raises(StrictRefusal):
        import_file(target, path, shop=shop, actor=ACTOR, is_strict=True)
    with sqlite_house.db.read() as tx:
        refused = imports(tx, shop_id=shop.id)[0]
    page = browser.get(f"/shops/tide/data/imports/{outward('imp', refused.id)}").text
    assert str(tmp_path) not in page
    assert "该行有 3 个单元格" in page
    listed = browser.get(f"/shops/tide/data/imports/{outward('imp', refused.id)}/rejects")
    assert listed.status_code == 200
    page = browser.get("/shops/tide/data").text
    assert str(tmp_path) not in page
    assert "第一处在第 2 行“order_id”列：数字过长" in page
    assert "rows were rejected" not in page


def test_what_a_header_lacks_is_a_list_that_is_told_in_the_readers_language() -> None:
    refusal: Refusal = UnknownColumns(file="a.csv", lacking=["a date", "a text"], seen="x")
    assert "for want of a date; a text." in str(refusal)
    assert not re.search(r"[\[\]]", str(refusal))
