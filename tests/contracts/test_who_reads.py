"""One rule of who reads what: pages, their exports and the API agree, for every role and scope."""

import html
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import (
    PERMISSIONS,
    READERS,
    Data,
    Key,
    Needs,
    Permission,
    Role,
    Scope,
    Shop,
)
from springtide.domain.access.queries import all_shops, shop_by_id
from springtide.domain.rewards.points import adjust_points
from springtide.flows.files.export import EXPORTS
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.kit.db import Database
from springtide.site import Site, create_app, handlers
from tests.kit.house import ACTOR, Browser, TestHouse, key_in, person_in, settings_in
from tests.kit.rewards import RULE, attempt, claimed, published
from tests.kit.sales import plan_sale

#: The customer of all that the shop knows, and an order: whoever reads these reads of customers.
CUSTOMER, ORDER = "marked-person-7", "marked-order-7"
ADDRESS = re.compile(r'(?:href|hx-get)="(/shops/[^"#]+)"')
OF_A_KIND_MAX = 3


@pytest.fixture(scope="module")
def seeded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestHouse]:
    """A shop with orders, a sale, claims, points, an outreach and refused rows."""
    tmp_path = tmp_path_factory.mktemp("seeded")
    shutil.copy(sqlite_template, tmp_path / "house.db")
    url = f"sqlite:///{tmp_path}/house.db"
    house = TestHouse(settings_in(tmp_path / "data", url), Database(url))
    _seed(house, tmp_path)
    yield house
    house.close()


def _seed(house: TestHouse, tmp_path: Path) -> None:
    sale = plan_sale(house.db, real=house.clock, customer_count=2)
    with house.db.read() as tx:
        shop = shop_by_id(tx, shop_id=sale.shop_id)
    day = house.now(shop) - timedelta(days=2)
    file = tmp_path / "orders.csv"
    file.write_text(
        "customer_id,order_id,order_date,revenue,product\n"
        f"{CUSTOMER},{ORDER},{day:%Y-%m-%d},10.50,tea\n{CUSTOMER},{ORDER}-2,no day,1,tea\n"
    )
    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    import_file(target, file, shop=shop, actor=ACTOR)
    gift = published(house.db, shop, "coupon", {"rule": RULE}, now=house.now(shop), quantity=9)
    claimed(house.db, shop, attempt(gift.id, CUSTOMER), now=house.now(shop))
    with house.db.write() as tx:
        adjust_points(
            Act.of(tx, shop, ACTOR, house.now(shop)),
            customer_key=CUSTOMER,
            amount=30,
            reason="a test",
        )


@pytest.fixture(scope="module")
def client(seeded: TestHouse) -> Iterator[TestClient[Site]]:
    with TestClient(create_app(seeded), base_url="http://testserver.local") as opened:
        yield opened


@pytest.fixture(scope="module")
def walked(seeded: TestHouse, client: TestClient[Site]) -> dict[Role, dict[str, Any]]:
    """All that each role reaches by links, by address."""
    return {role: _crawl(_browser(seeded, client, role), _shop(seeded).slug) for role in Role}


def _crawl(browser: Browser, slug: str) -> dict[str, Any]:
    """Open what links lead to, from the overview on, some pages of each kind."""
    seen: dict[str, Any] = {}
    kinds: Counter[str] = Counter()
    waiting = [f"/shops/{slug}"]
    while waiting:
        path = waiting.pop(0)
        kind = re.sub(r"\w+_[0-9a-z]{26}|=[^&]*", "", path)
        if path in seen or kinds[kind] >= OF_A_KIND_MAX:
            continue
        kinds[kind] += 1
        seen[path] = browser.get(path, headers={"accept": "text/html"})
        if seen[path].status_code == 200 and "text/html" in seen[path].headers["content-type"]:
            waiting += [html.unescape(each) for each in ADDRESS.findall(seen[path].text)]
    return seen


def _shop(house: TestHouse) -> Shop:
    with house.db.read() as tx:
        return all_shops(tx)[0]


def _browser(house: TestHouse, client: TestClient[Site], role: Role) -> Browser:
    return Browser(client, house).sign_in(person_in(house, _shop(house), role))


@pytest.mark.parametrize("role", list(Role))
def test_no_page_shows_a_customer_to_a_role_that_reads_none_and_no_link_leads_to_a_refusal(
    seeded: TestHouse, client: TestClient[Site], walked: dict[Role, dict[str, Any]], role: Role
) -> None:
    refused = [path for path, each in walked[role].items() if each.status_code == 403]
    assert refused == []
    assert len(walked[role]) > 30
    person = person_in(seeded, _shop(seeded), role, f"{role}-2@x.test")
    browser = Browser(client, seeded).sign_in(person)
    # What an owner may open too, by its address.
    answers = walked[role] | {
        path: browser.get(path) for path in walked[Role.OWNER] if path not in walked[role]
    }
    shown = {path for path, each in answers.items() if each.status_code == 200 and _marked(each)}
    if Permission.CUSTOMERS_READ in PERMISSIONS[role]:
        kinds = {_kind(path) for path in shown}
        assert {"customers", "ledger", "rewards", "metrics", "data", "exports"} <= kinds
    else:
        assert shown == set()


@pytest.mark.parametrize("role", list(Role))
def test_a_page_offers_the_exports_that_a_role_may_take_and_those_only(
    seeded: TestHouse, client: TestClient[Site], walked: dict[Role, dict[str, Any]], role: Role
) -> None:
    offered = {
        each: {found[1] for path in pages if (found := re.search(r"/exports/(\w+)\.", path))}
        for each, pages in walked.items()
    }
    may = {name for name, kind in EXPORTS.items() if READERS[kind.data][0] in PERMISSIONS[role]}
    assert offered[role] == offered[Role.OWNER] & may
    assert {"claims", "accounts", "statement", "facts", "customers"} <= offered[Role.OWNER]
    shop = _shop(seeded)
    browser = Browser(client, seeded).sign_in(person_in(seeded, shop, role, f"{role}-3@x.test"))
    taken = {
        name
        for name in EXPORTS
        if browser.get(f"/shops/{shop.slug}/exports/{name}.csv").status_code != 403
    }
    assert taken == may


def test_what_keys_read_and_people_read_is_one_rule(client: TestClient[Site]) -> None:
    read = {}
    for method, path, handler in handlers(client.app):
        rule = handler.opt["access"]
        if isinstance(rule, Needs | Key) and rule.data is not None:
            permission, scope = READERS[rule.data]
            assert rule.permission == permission if isinstance(rule, Needs) else rule.scope == scope
            read[path] = rule.data
        elif isinstance(rule, Key) and method == "GET":
            # What anyone sees at a shop window, and one's own.
            assert rule.publishable, path
    assert {Data.ORDERS, Data.LEDGER, Data.CUSTOMERS, Data.OUTREACH} <= set(read.values())
    customers = {data for data, (needs, _) in READERS.items() if needs != Permission.READ}
    for data, (_, scope) in READERS.items():
        assert (scope == Scope.READ) <= (data not in customers), data


def test_a_key_reads_orders_only_with_their_scope(
    client: TestClient[Site], seeded: TestHouse
) -> None:
    shop = _shop(seeded)
    for scope, status in ((Scope.READ, 403), (Scope.ORDERS_READ, 200)):
        token = key_in(seeded, shop, scope)
        for path in ("/v1/orders", "/v1/refunds"):
            answer = client.get(path, headers={"authorization": f"Bearer {token}"})
            assert answer.status_code == status, (path, scope)


def _marked(answer: Any) -> bool:
    return CUSTOMER in answer.text or ORDER in answer.text


def _kind(path: str) -> str:
    return path.split("?")[0].split("/")[3] if path.count("/") > 2 else ""
