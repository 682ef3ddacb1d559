"""Tables going out: every value comes back as it was, nothing runs in a spreadsheet, who may."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.testing import TestClient
from python_calamine import CalamineWorkbook
from sqlalchemy import select, update

from springtide.connectors.tabular.rejects import harmless
from springtide.connectors.tabular.writers import Column, Manner, TooManyRows, write
from springtide.domain.access.act import Act
from springtide.domain.access.model import PERMISSIONS, READERS, Role
from springtide.domain.access.queries import shop_by_id
from springtide.domain.access.store import audit_log
from springtide.domain.campaigns.queries import campaign as read_campaign
from springtide.domain.campaigns.queries import campaign_tasks
from springtide.domain.outreach.store import outreaches
from springtide.flows.files.export import EXPORTS, Source
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.flows.timeline import planning
from springtide.flows.timeline.planning import plan, plans_of
from springtide.flows.timeline.store import actions
from springtide.flows.trials.jobs import TRY_PLAN
from springtide.flows.trials.what_if import Day, ProductTotal, Report, RuleTotal
from springtide.kit.ids import outward
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in
from tests.kit.rewards import RULE, attempt, claimed, published
from tests.kit.sales import HEROES, Sale, plan_sale

TEMPLATES = Path(__file__).parents[2] / "src" / "springtide" / "web"
#: Pages with a table that is no table of the shop's data, and why.
NONE_OF_THEIR_OWN = {
    "board/_board_tail.html": "part of board.html",
    "data/_columns_trial.html": "a trial, nothing kept",
    "data/columns.html": "the file itself, just uploaded",
    "data/_imports.html": "part of data.html",
    "outreach/_outreach_effect.html": "part of outreach.html",
    "campaigns/_rule_sample.html": "a sample cart",
    "campaigns/_try_report.html": "part of campaign_try.html",
    "rewards/draw.html": "public, with the draw's own file",
    "frame/kit.html": "the kit",
    "rewards/ledger_transfers.html": "the transfers of one claim, in the statement",
    "settings/factors.html": "one person's own factors",
    "settings/me.html": "one person's own log-ins, which the audit log's file has",
    "settings/security.html": "who has a second factor, beside the team's own file",
}
COLUMNS = (
    Column("word", "Word"),
    Column("pieces", "Pieces", "count"),
    Column("price", "Price", "money"),
    Column("at", "At", "instant"),
    Column("day", "Day", "day"),
)
SHANGHAI = ZoneInfo("Asia/Shanghai")
MANNER = Manner("CNY", SHANGHAI, lambda text: text)
INSTANTS = st.datetimes(
    datetime.combine(date(1970, 1, 2), time()), datetime.combine(date(2099, 1, 1), time()),
    timezones=st.just(UTC),
)  # fmt: skip
ROWS = st.lists(
    st.tuples(
        st.none() | st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30),
        st.none() | st.integers(-(2**53), 2**53),
        st.none() | st.integers(-(10**14), 10**14),
        st.none() | INSTANTS.map(lambda at: at.replace(microsecond=0)),
        st.none() | st.dates(date(1970, 1, 1), date(2099, 1, 1)),
    ),
    max_size=20,
)
KEEP = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _read_csv(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


@given(ROWS)
@KEEP
def test_parquet_gives_every_value_back(tmp_path: Path, rows: list[Any]) -> None:
    path = tmp_path / "table.parquet"
    assert write(path, "parquet", COLUMNS, rows, MANNER) == len(rows)
    back = duckdb.execute(
        f'select word, pieces, cast(price * 100 as bigint), epoch_us("at") // 1000000, day '
        f"from read_parquet('{path}')"
    ).fetchall()
    assert back == [
        (word, pieces, price, int(at.timestamp()) if at else None, day)
        for word, pieces, price, at, day in rows
    ]


@given(ROWS)
@KEEP
def test_csv_gives_every_value_back_and_runs_nothing(tmp_path: Path, rows: list[Any]) -> None:
    path = tmp_path / "table.csv"
    write(path, "csv", COLUMNS, rows, MANNER)
    header, *back = _read_csv(path)
    assert header == ["Word", "Pieces", "Price (CNY)", "At (Asia/Shanghai)", "Day"]
    assert len(back) == len(rows)
    for (word, pieces, price, at, day), cells in zip(rows, back, strict=True):
        constant = re.fullmatch(r'="([\w .:/-]*)"', cells[0])
        said = constant[1] if constant and cells[0] != word else cells[0]
        assert said in (word or "", f"'{word}")
        assert constant or harmless(cells[0]) == cells[0]
        assert cells[1] == ("" if pieces is None else str(pieces))
        assert (Decimal(cells[2]) * 100 if cells[2] else None) == price
        told = at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M:%S") if at else ""
        assert cells[3] == told
        assert cells[4] == (day.isoformat() if day else "")


@given(ROWS)
@KEEP
def test_a_workbook_gives_every_value_back_as_its_type(tmp_path: Path, rows: list[Any]) -> None:
    path = tmp_path / "table.xlsx"
    write(path, "xlsx", COLUMNS, rows, MANNER)
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0)
    back = sheet.to_python(skip_empty_area=False)[1:]
    # Rows without any value at the end are no rows of the sheet.
    filled = [
        place for place, row in enumerate(rows, 1) if any(each not in (None, "") for each in row)
    ]
    assert len(back) >= max(filled, default=0)
    for (word, pieces, price, at, day), cells in zip(rows, back, strict=False):
        assert cells[0] == (word or "")
        if pieces is not None and abs(pieces) < 10**15:
            assert cells[1] == pieces
        if price is not None:
            assert round(Decimal(str(cells[2])) * 100) == price
        if at is not None:
            local = at.astimezone(SHANGHAI).replace(tzinfo=None)
            assert abs(cells[3] - local) < timedelta(seconds=1)
        if day is not None:
            assert cells[4] in (day, datetime.combine(day, time()))


#: Signs that spreadsheet programs take for the beginning of a formula, and what may hide them.
SIGNS = "=+-@＝＋－＠﹦﹢﹣﹫"
BEFORE = ("", " ", "\u3000", "\xa0", "\u200b", "\ufeff", "\u2060 ", "\u202e", "\n", "\t", "\r")


@pytest.mark.parametrize("before", BEFORE)
def test_no_sign_begins_a_formula_of_any_width(tmp_path: Path, before: str) -> None:
    words = [f"{before}{sign}SUM(1)" for sign in SIGNS]
    column = (Column("word", "＝Word"),)
    write(tmp_path / "a.csv", "csv", column, [(word,) for word in words], MANNER)
    cells = [row[0] for row in _read_csv(tmp_path / "a.csv")]
    assert cells == ["'＝Word", *(f"'{word}" for word in words)]


@pytest.mark.parametrize("number", ["-5", "+5.00", "－５", "＋5", " -1,200.50", "-1"])
def test_numbers_with_a_sign_stay_numbers(tmp_path: Path, number: str) -> None:
    write(tmp_path / "a.csv", "csv", (Column("word", "Word"),), [(number,)], MANNER)
    assert [row[0] for row in _read_csv(tmp_path / "a.csv")][1] == number


def test_formulas_addresses_and_long_numbers_stay_what_they_are(tmp_path: Path) -> None:
    hostile = ['=HYPERLINK("http://x","y")', "@SUM(1)", "+1+1", "-cmd|' /C calc'!A0", "\t=1"]
    words = [*hostile, "4628000443885124223", "0012", "http://example.com", "a\r\nb\x0bc"]
    column = (Column("word", "=Word"),)
    write(tmp_path / "a.csv", "csv", column, [(word,) for word in words], MANNER)
    cells = [row[0] for row in _read_csv(tmp_path / "a.csv")]
    assert cells[0] == "'=Word"
    assert all(cell.startswith("'") for cell in cells[1:6])
    assert cells[6:8] == ['="4628000443885124223"', '="0012"']
    write(tmp_path / "a.xlsx", "xlsx", column, [(word,) for word in words], MANNER)
    sheet = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).get_sheet_by_index(0)
    back = [row[0] for row in sheet.to_python()]
    assert back[:9] == ["=Word", *words[:8]]
    assert b"<f>" not in _part(tmp_path / "a.xlsx", "xl/worksheets/sheet1.xml")
    write(tmp_path / "a.parquet", "parquet", column, [(word,) for word in words], MANNER)
    kept = duckdb.execute(f"select word from read_parquet('{tmp_path}/a.parquet')").fetchall()
    assert [word for (word,) in kept] == words


def _part(path: Path, name: str) -> bytes:
    with zipfile.ZipFile(path) as file:
        return file.read(name)


@pytest.mark.parametrize("format_", ["csv", "xlsx", "parquet"])
def test_more_rows_than_may_be_are_refused(tmp_path: Path, format_: str) -> None:
    def rows() -> Iterator[tuple[str]]:
        while True:
            yield ("x",)

    with pytest.raises(TooManyRows):
        write(tmp_path / "a", format_, COLUMNS[:1], rows(), MANNER, most=1_000)


@pytest.fixture
def shopped(sqlite_house: TestHouse, tmp_path: Path) -> tuple[TestHouse, Any, Any]:
    shop = shop_in(sqlite_house)
    path = tmp_path / "orders.csv"
    path.write_text(
        "customer_id,order_id,date,product_id,amount\n"
        "=cmd|1,4628000443885124223,2025-11-01 10:00,p1,12.50\nli,o2,2025-11-02 10:00,p2,3.10\n"
    )
    target = Target(
        sqlite_house.db, sqlite_house.lake, sqlite_house.settings.rejects, sqlite_house.real_now
    )
    return sqlite_house, shop, import_file(target, path, shop=shop, actor=ACTOR)


def test_every_export_is_given_in_every_format(
    shopped: tuple[TestHouse, Any, Any], client: TestClient[Site]
) -> None:
    house, shop, done = shopped
    browser = Browser(client, house).sign_in(person_in(house, shop, Role.OWNER))
    told = {
        "facts": "?metric=paid_money&from=2025-11-01T00:00:00%2B08:00&to=2025-11-03T00:00:00Z",
        "import_days": f"?import={outward('imp', done.import_id)}",
        "statement": "?account=shop",
        "days": "?last=2025-11-03&days=5",
        "products": "?last=2025-11-03&days=5",
    }
    tried = set()
    for name, kind in EXPORTS.items():
        needs = [each for each in msgspec.structs.fields(kind.params) if each.required]
        if needs and name not in told:
            # Those of a campaign, reward or outreach: refused without it, not found with another.
            address = f"/shops/tide/exports/{name}.csv"
            assert browser.get(address).status_code == 422
            assert browser.get(f"{address}?{needs[0].encode_name}=x").status_code in (404, 422)
            continue
        tried.add(name)
        for format_ in ("csv", "xlsx", "parquet"):
            answer = browser.get(f"/shops/tide/exports/{name}.{format_}{told.get(name, '')}")
            assert answer.status_code == 200, (name, answer.text[:500])
            assert f'filename="tide-{name}-' in answer.headers["content-disposition"]
    assert len(tried) >= 14
    assert not list(house.lake.spill.glob("export-*"))
    rows = browser.get("/shops/tide/exports/customers.csv").text
    assert "'=cmd|1" in rows
    days = browser.get(f"/shops/tide/exports/import_days.csv{told['import_days']}").text
    assert "2025-11-01,1,1,12.50,12.50,0.00" in days
    facts = browser.get(f"/shops/tide/exports/facts.csv{told['facts']}").text
    assert '"=""4628000443885124223"""' in facts
    with house.db.read() as tx:
        written = tx.execute(select(audit_log).where(audit_log.c.action == "export.write"))
        assert "customers" in {row.subject for row in written}


def test_states_are_in_the_readers_words_and_for_programs_as_they_are(tmp_path: Path) -> None:
    column = Column("state", "State", words={"paid": "Paid"})
    manner = Manner(
        "CNY", SHANGHAI, lambda text: {"Paid": "已支付", "State": "状态"}.get(text, text)
    )
    for suffix in ("csv", "xlsx", "parquet"):
        write(tmp_path / f"a.{suffix}", suffix, [column], [["paid"], ["other"], [None]], manner)
    assert _read_csv(tmp_path / "a.csv") == [["状态"], ["已支付"], ["other"], [""]]
    sheet = CalamineWorkbook.from_path(str(tmp_path / "a.xlsx")).get_sheet_by_index(0)
    assert sheet.to_python()[:3] == [["状态"], ["已支付"], ["other"]]
    with duckdb.connect() as connection:
        found = connection.execute(f"select state from '{tmp_path / 'a.parquet'}'").fetchall()
    assert found == [("paid",), ("other",), (None,)]


def test_a_sales_tables_hold_what_the_sale_has(sqlite_house: TestHouse) -> None:
    house = sqlite_house
    sale = plan_sale(house.db, real=house.real_now(), customer_count=8)
    with house.db.read() as tx:
        shop = shop_by_id(tx, shop_id=sale.shop_id)
        tasks = campaign_tasks(tx, shop_id=shop.id, campaign_id=sale.campaign_id)
    now = house.now(shop)
    reward = published(house.db, shop, "coupon", {"rule": RULE}, now=now, quantity=5)
    claimed(house.db, shop, *(attempt(reward.id, f"c000{n}") for n in range(3)), now=now)

    def rows(name: str, **told: str) -> list[Any]:
        kind = EXPORTS[name]
        params: Any = msgspec.convert(told, kind.params)
        found = list(kind.rows(Source(house, shop, now), params))
        assert all(len(row) == len(kind.columns) for row in found)
        return found

    campaign = outward("cmp", sale.campaign_id)
    prices = rows("campaign_prices", campaign=campaign)
    assert {row[0]: row[3] for row in prices} == HEROES
    assert [row[0] for row in rows("campaign_tasks", campaign=campaign)] == [
        task.title for task in tasks
    ]
    assert {row[0] for row in rows("review_heroes", campaign=campaign)} == set(HEROES)
    assert {row[0] for row in rows("review", campaign=campaign)} >= {"day"}
    outreach = outward("otr", sale.outreach_id)
    assert rows("outreach_effect", outreach=outreach) == []
    with house.db.write() as tx:
        tx.execute(update(outreaches).values(started_at=now - timedelta(hours=1)))
    treated, control, *_ = rows("outreach_effect", outreach=outreach)
    assert (treated[:2], control[:2]) == (("treated", 7), ("control", 1))
    messages = rows("messages", outreach=outreach)
    assert sorted(row[0] for row in messages) == [f"c{number:04}" for number in range(8)]
    ((_, name, *_, audience, _, _, _),) = rows("outreaches")
    assert (name, audience) == ("Warm-up", 8)
    claims = rows("claims", reward=reward.key)
    assert sorted(row[2] for row in claims) == ["c0000", "c0001", "c0002"]
    ((key, *_, count, _),) = rows("rewards")
    assert (key, count) == (reward.key, 3)
    stock = next(row for row in rows("accounts") if row[0].startswith(f"{reward.key}:"))
    assert len(rows("statement", account=stock[0])) >= 3
    with house.db.write() as tx:
        plan(
            Act.of(tx, shop, ACTOR, now),
            campaign_id=sale.campaign_id,
            plans=plans_of(sale_of(tx, sale)),
        )
    assert rows("campaign_actions", campaign=campaign)


def test_a_trials_tables_are_those_of_the_newest_that_ended(sqlite_house: TestHouse) -> None:
    house = sqlite_house
    sale = plan_sale(house.db, real=house.real_now(), customer_count=2)
    shop, now = sale.shop, house.now(sale.shop)
    told = {"campaign": outward("cmp", sale.campaign_id)}
    report = Report(
        price_cut_minor=700,
        rules=[RuleTotal("300 − 40", 2, 8_000)],
        losers=[ProductTotal("tea", 3, 29_700, 26_400, None, 1_200)],
        days=[Day("2025-10-01", 2, 40_000, 31_300)],
    )
    for number, (state, receipt) in enumerate(
        (("done", Report()), ("done", report), ("failed", None))
    ):
        with house.db.write() as tx:
            job = planning.enqueue(
                Act.of(tx, shop, ACTOR, now + timedelta(minutes=number)),
                kind=TRY_PLAN,
                params={**told, "since": "2025-10-01", "until": "2025-10-02"},
            )
            tx.execute(
                update(actions)
                .where(actions.c.id == job.id)
                .values(state=state, receipt=msgspec.to_builtins(receipt))
            )

    def rows(name: str) -> list[Any]:
        kind = EXPORTS[name]
        params: Any = msgspec.convert(told, kind.params)
        return list(kind.rows(Source(house, shop, now), params))

    assert rows("tried_days") == [(date(2025, 10, 1), 2, 40_000, 31_300)]
    assert rows("tried_rules") == [("campaign_prices", None, 700), ("300 − 40", 2, 8_000)]
    ((key, name, *numbers),) = rows("tried_products")
    assert (key, bool(name), numbers) == ("tea", True, [3, 29_700, 26_400, None, 1_200])


def sale_of(tx: Any, sale: Sale) -> Any:
    return read_campaign(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)


def test_a_role_gets_only_the_exports_that_it_may_see(
    shopped: tuple[TestHouse, Any, Any], client: TestClient[Site]
) -> None:
    house, shop, _ = shopped
    browser = Browser(client, house).sign_in(person_in(house, shop, Role.WAREHOUSE))
    for name, kind in EXPORTS.items():
        answer = browser.get(f"/shops/tide/exports/{name}.csv")
        may = READERS[kind.data][0] in PERMISSIONS[Role.WAREHOUSE]
        assert (answer.status_code == 403) is not may, name
    client.cookies.clear()
    assert client.get("/shops/tide/exports/days.csv", follow_redirects=False).status_code in (
        303, 302, 401,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("file", "status"),
    [
        ("nothing.csv", 404), ("customers.exe", 404), ("customers", 404), ("days.csv?days=x", 422),
        ("days.csv?days=99999", 422), ("days.csv?other=1", 422), ("..%2fsecret.csv", 404),
        ("facts.csv?metric=nope&from=2025-11-01T00:00:00Z&to=2025-11-02T00:00:00Z", 404),
        ("facts.csv?metric=orders&from=2025-11-03T00:00:00Z&to=2025-11-02T00:00:00Z", 422),
        ("facts.csv?metric=orders&from=2025-11-01T00:00:00&to=2025-11-02T00:00:00", 422),
    ],
)  # fmt: skip
def test_what_cannot_be_exported_is_refused(
    sqlite_house: TestHouse, client: TestClient[Site], file: str, status: int
) -> None:
    shop = shop_in(sqlite_house)
    browser = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    answer = browser.get(f"/shops/tide/exports/{file}")
    assert answer.status_code == status
    assert not list(sqlite_house.lake.spill.glob("export-*"))


def test_every_page_with_a_table_gives_it_out() -> None:
    without = {
        str(path.relative_to(TEMPLATES))
        for path in TEMPLATES.rglob("*.html")
        if re.search(r"<table|\btable\(", path.read_text(encoding="utf-8"))
        and "export_menu" not in path.read_text(encoding="utf-8")
    }
    assert without <= NONE_OF_THEIR_OWN.keys()
    linked = {
        name
        for path in TEMPLATES.rglob("*.html")
        for name in re.findall(r'\("(\w+)", (?:\{|given)', path.read_text(encoding="utf-8"))
    }
    assert EXPORTS.keys() <= linked


def test_the_guide_names_every_export() -> None:
    guide = (TEMPLATES.parents[2] / "docs" / "how-to" / "export.md").read_text(encoding="utf-8")
    assert [name for name in EXPORTS if f"`{name}`" not in guide] == []
