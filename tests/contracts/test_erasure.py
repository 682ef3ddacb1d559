"""A customer who asks for it is nowhere to be found afterwards, and every sum is as it was."""

import importlib
import json
import pkgutil
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import Connection, func, select, text

import springtide
from springtide.domain.access import operations
from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.model import Actor, Role, Scope, Shop
from springtide.domain.access.queries import NotSignedIn, session_person
from springtide.domain.catalog.queries import product
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.customers.queries import customer
from springtide.domain.facts.lake import scan
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.domain.facts.sealing import seal
from springtide.domain.ledger.queries import imbalances
from springtide.domain.orders.queries import order, order_returns
from springtide.domain.pricing.queries import kept_plan
from springtide.domain.pricing.replay import replay
from springtide.domain.rewards.points import adjust_points, balance_of
from springtide.flows.checkout.returns import inputs_of_order
from springtide.flows.claims import gifts
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.flows.people import erasure
from springtide.flows.people.personal_data import PLACES, Swap
from springtide.flows.timeline import planning
from springtide.kit.db import Json, metadata
from springtide.kit.errors import NotFound
from springtide.kit.ids import outward
from springtide.site import Site
from tests.kit.house import ACTOR, PASSWORD, Browser, TestHouse, key_in, person_in, shop_in
from tests.kit.rewards import RULE, attempt, claimed, published
from tests.kit.till import Till

KEY, EMAIL = "person-4711", "ann.secret@example.test"
OTHER = "person-47112"
#: Columns of text that hold no customer, by what their names say; each table's own below.
PLAIN = {
    "slug", "currency", "zone_name", "points_kept_by", "language", "password_hash", "role", "kind",
    "state", "status", "way", "format", "unit", "product_key", "sku_key", "order_key",
    "campaign_key", "visitor_key", "content_hash", "digest", "sha256", "direction", "phase",
    "channel", "code", "what", "rule", "source_path", "host", "token", "close_reason",
    "guard_mode", "returns", "policy", "seed", "asked", "table_id", "next_digest", "stage",
}  # fmt: skip
#: Tables that tell of the shop, its team or its machines, and of no customer.
NO_CUSTOMERS = {
    "shops", "people", "memberships", "invitations", "sessions", "api_keys", "browsers",
    "log_in_attempts", "audit_erasing", "campaigns", "campaign_versions", "campaign_heroes",
    "campaign_tasks", "campaign_checklist_items", "products", "fact_counters", "fact_lake",
    "fact_sources", "import_mappings", "order_lines", "order_returns", "price_book",
    "campaign_prices", "price_changes", "price_rules", "price_rule_versions", "campaign_terms",
    "price_plans", "rewards", "reward_codes", "reward_code_batches", "gift_bounds", "workers",
    "installation_marks", "recovery_asks", "installation_restores", "used_challenges",
}  # fmt: skip
#: Erased in ways of their own.
BY_HAND = {"customers", "customer_erasures"}


def _seed(house: TestHouse, folder: Path) -> Shop:
    shop = shop_in(house)
    now = house.now(shop)
    entries = [
        CustomerEntry(KEY, "Ann Secret", EMAIL, {"phone": "555-0100"}),
        CustomerEntry(OTHER, "Bo", "bo@example.test", None),
    ]
    with house.db.write() as tx:
        upsert_customers(Act(tx, shop, ACTOR, now, now), entries=entries)
    file = folder / "orders.csv"
    file.write_text(
        "customer_id,order_id,order_date,revenue\n"
        f"{KEY},o1,2025-10-01,10.50\n{OTHER},o2,2025-10-02,20.00\n"
        f"{KEY},o3,no day,1\n{OTHER},o4,no day,1\n"
    )
    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    import_file(target, file, shop=shop, actor=ACTOR)
    file.unlink()
    gift = published(house.db, shop, "coupon", {"rule": RULE}, now=now, quantity=9)
    claimed(house.db, shop, *(attempt(gift.id, each) for each in (KEY, OTHER)), now=now)
    with house.db.write() as tx:
        for each in (KEY, OTHER):
            adjust_points(
                Act.of(tx, shop, ACTOR, now), customer_key=each, amount=30, reason="a test"
            )
        fact = Fact(
            shop.slug, "favourite", now, "springtide", f"share:{KEY}:1", customer_key=KEY,
            reference=f"by:{KEY}", props={"from": KEY, "n": 4711},
        )  # fmt: skip
        append(tx, [fact], now=now)
    seal(house.db, house.lake)
    with house.db.write() as tx:
        gifts.give_points(
            Act(tx, shop, ACTOR, now, house.real_now()),
            customer_key=KEY,
            amount=900_000,
            reason="large",
        )
        view = Fact(shop.slug, "view", now, "springtide", "v1", customer_key=KEY, product_key="p")
        append(tx, [view], now=now)
    return shop


def _everything(house: TestHouse) -> str:
    """Return all rows of all tables, all rows of all Parquet files, and all bytes on the disk."""
    house.lake.look_again()
    with house.db.read() as tx:
        told = [repr(tx.execute(text(f'select * from "{name}"')).all()) for name in metadata.tables]
    for path in house.settings.data.rglob("*"):
        if path.suffix == ".parquet":
            connection = house.lake.connect()
            told.append(
                repr(
                    connection.execute(
                        f"select columns(*)::varchar from read_parquet('{path}')"
                    ).fetchall()
                )
            )
            connection.close()
        elif path.is_file():
            told.append(path.read_bytes().decode("latin-1"))
    if house.db.engine.dialect.name == "sqlite":
        place = Path(str(house.db.engine.url.database))
        told += [
            each.read_bytes().decode("latin-1") for each in place.parent.glob(f"{place.name}*")
        ]
    return "\n".join(told)


def _sums(house: TestHouse, shop: Shop) -> Any:
    ledger = metadata.tables["ledger_accounts"]
    with house.db.read() as tx:
        assert imbalances(tx, shop_id=shop.id) == []
        kept = tx.execute(
            select(func.count(), func.sum(ledger.c.balance)).where(ledger.c.shop_id == shop.id)
        ).one()
        claims = tx.execute(text("select count(*) from reward_claims")).scalar_one()
        tail = tx.execute(text("select count(*), sum(amount_minor) from fact_tail")).one()
    connection = house.lake.connect()
    files = house.lake.look_again().files
    sealed = connection.execute(
        "select count(*), sum(amount_minor), count(distinct customer_key), "
        f"count(distinct external_id) from {scan(house.lake.locate(files))}"
    ).fetchall()
    connection.close()
    return tuple(kept), claims, tuple(tail), sealed


def _mentions(told: str, key: str = KEY) -> int:
    return told.replace(OTHER, "").count(key)


def test_nothing_finds_the_customer_and_every_sum_is_as_it_was(
    house: TestHouse, tmp_path: Path
) -> None:
    shop = _seed(house, tmp_path)
    before = _sums(house, shop)
    there = _everything(house)
    assert _mentions(there) > 15
    assert EMAIL in there
    done = erasure.ask(house, shop, key=KEY, block=False, actor=ACTOR, at_once=True)
    after = _everything(house)
    for word in (KEY, EMAIL, "Ann Secret", "555-0100"):
        told = after.replace(OTHER, "")
        where = [told[m.start() - 60 : m.end() + 60] for m in re.finditer(word, told)]
        assert where == []
    assert _sums(house, shop) == before
    assert after.count(OTHER) > 10
    with house.db.read() as tx:
        with pytest.raises(NotFound):
            customer(tx, shop_id=shop.id, key=KEY)
        erased = customer(tx, shop_id=shop.id, key=done.new_key)
        points = balance_of(tx, shop_id=shop.id, customer_key=done.new_key)
    assert (erased.name, erased.email, erased.opted_out_at is None) == ("", None, False)
    assert points is not None
    assert points.available == 30
    erasure.erase(house, shop, erasure_id=done.id)
    assert _sums(house, shop) == before


@pytest.mark.parametrize("stop_at", [1, 4, 9, 16])
def test_a_kill_in_the_middle_leaves_what_the_next_run_ends(
    house: TestHouse, tmp_path: Path, stop_at: int
) -> None:
    shop = _seed(house, tmp_path)
    before = _sums(house, shop)
    with house.db.write() as tx:
        found = erasure.ask_within(
            Act(tx, shop, ACTOR, house.now(shop), house.real_now()), key=KEY, block=False
        )
    steps = 0

    def kill() -> None:
        nonlocal steps
        steps += 1
        if steps == stop_at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erasure.erase(house, shop, erasure_id=found.id, checkpoint=kill)
    assert _sums(house, shop) == before
    erasure.erase(house, shop, erasure_id=found.id)
    assert _mentions(_everything(house)) == 0
    assert _sums(house, shop) == before


def test_products_and_orders_that_are_called_as_the_customer_stay(house: TestHouse) -> None:
    """Shops that number everything have a customer 7, a product 7 and an order 7."""
    till, name = _called_alike(house)
    shop = till.shop
    with house.db.read() as tx:
        before = order(tx, shop_id=shop.id, key=name)
        audited = _audited(tx, shop)
        facts = _order_facts(tx)
    done = erasure.ask(house, shop, key=name, block=False, actor=ACTOR, at_once=True)
    with house.db.read() as tx:
        after = order(tx, shop_id=shop.id, key=name)
        inputs, decision = inputs_of_order(after)
        again = replay(inputs, kept_plan(tx, shop_id=shop.id, digest=inputs.plan))
        assert product(tx, shop_id=shop.id, key=name).key == name
        assert audited - _audited(tx, shop) == Counter()
        assert _order_facts(tx) == facts
        told = set(tx.execute(text("select customer_key from fact_tail")).scalars())
    assert after.customer_key == done.new_key
    assert again.to_json() == decision.to_json()
    assert after.decision == before.decision
    assert [line.product_key for line in after.lines] == [line.product_key for line in before.lines]
    assert told - {None} == {done.new_key, "other"}


def test_what_comes_back_after_an_erasure_is_what_would_have_without_it(house: TestHouse) -> None:
    standing = []
    for is_erased in (False, True):
        till, name = _called_alike(house)
        who = name
        if is_erased:
            done = erasure.ask(house, till.shop, key=name, block=False, actor=ACTOR, at_once=True)
            who = done.new_key
        till.take_back(name, 2)
        with house.db.read() as tx:
            points = balance_of(tx, shop_id=till.shop.id, customer_key=who)
            paid_back = [each.refund_minor for each in order_returns(
                tx, order_id=order(tx, shop_id=till.shop.id, key=name).id
            )]  # fmt: skip
        standing.append((points, paid_back, sorted(till.standing().values())))
    assert standing[0] == standing[1]
    points, _, _ = standing[0]
    assert points is not None
    assert points.available == 1_000


def test_a_file_told_again_after_an_erasure_adds_nothing(house: TestHouse, tmp_path: Path) -> None:
    shop = shop_in(house)
    file = tmp_path / "orders.csv"
    file.write_text(
        "customer_id,order_id,order_date,product_id,quantity,revenue\n"
        "7,1042,2025-10-01,7,1,10.50\n7,1042,2025-10-01,8,1,5.00\n"
        "7,7,2025-10-02,7,2,20.00\n8,1043,2025-10-02,7,2,20.00\n"
    )
    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    first = import_file(target, file, shop=shop, actor=ACTOR).rows
    assert first.new == 4
    before = _sums(house, shop)
    erasure.ask(house, shop, key="7", block=False, actor=ACTOR, at_once=True)
    assert _sums(house, shop) == before
    again = import_file(target, file, shop=shop, actor=ACTOR).rows
    assert (again.new, again.rejected) == (0, 0)


def _called_alike(house: TestHouse) -> tuple[Till, str]:
    """Return a shop whose customer, product and order have one name, and that name."""
    till, name = Till(house.db, house.clock), "pot"
    till.rule("points", {}, Till.anybody)
    entry = CustomerEntry(name, "Ann", "ann@example.test", None)
    with house.db.write() as tx:
        upsert_customers(Act(tx, till.shop, ACTOR, till.now, till.now), entries=[entry])
        adjust_points(
            Act.of(tx, till.shop, ACTOR, till.now), customer_key=name, amount=1_000, reason="a test"
        )
    till.place(name, 2, customer=name, points=300)
    till.pay(name)
    till.place("1042", 1, customer=name, more=("tea",))
    till.place("1043", 1, customer="other", more=("tea",))
    return till, name


def _audited(tx: Connection, shop: Shop) -> Counter[tuple[str, str]]:
    return Counter(
        (entry.action, entry.subject)
        for entry in audit_page(tx, shop_id=shop.id, limit=500)
        if not entry.subject.startswith("customer ")
    )


def _order_facts(tx: Connection) -> list[Any]:
    asked = "select external_id, order_key, product_key, amount_minor from fact_tail"
    return sorted(tx.execute(text(f"{asked} where kind in ('order', 'payment')")).all())


@pytest.mark.parametrize("block", [False, True])
def test_whoever_comes_back_is_new_and_written_to_only_when_not_blocked(
    sqlite_house: TestHouse, block: bool
) -> None:
    house = sqlite_house
    shop = shop_in(house)
    entry = CustomerEntry(KEY, "Ann", EMAIL, None)

    def come() -> Any:
        with house.db.write() as tx:
            upsert_customers(Act.of(tx, shop, ACTOR), entries=[entry])
            return customer(tx, shop_id=shop.id, key=KEY)

    first = come()
    erasure.ask(house, shop, key=KEY, block=block, actor=ACTOR, at_once=True)
    again = come()
    assert again.id != first.id
    assert (again.opted_out_at is not None) == block


def test_what_is_held_of_a_customer_is_given_and_nothing_of_another(
    house: TestHouse, tmp_path: Path
) -> None:
    shop = _seed(house, tmp_path)
    told = erasure.held(house, shop, key=KEY)
    assert {"facts", "fact_tail", "reward_claims", "ledger_accounts", "gifts"} <= told.keys()
    assert OTHER not in json.dumps(told, default=str)


def test_a_key_inside_a_longer_word_is_none() -> None:
    swap = Swap({"7": "x"})
    assert [swap.text(each) for each in ("7", "points:7", "a:7:b", "77", "points:77", "7.0")] == [
        "x", "points:x", "a:x:b", "77", "points:77", "7.0",
    ]  # fmt: skip
    assert swap.text("order:7:7") == "order:7:x"
    assert swap.document({"order_key": "7", "who": ["7", 7]}) == {"order_key": "7", "who": ["x", 7]}


def test_every_text_of_every_table_is_known_to_name_a_customer_or_none() -> None:
    for info in pkgutil.walk_packages(springtide.__path__, "springtide."):
        if "store" in info.name.split("."):
            importlib.import_module(info.name)
    known = PLACES.keys() | NO_CUSTOMERS | BY_HAND
    factors = {name for name, table in metadata.tables.items() if "person_id" in table.c}
    assert set(metadata.tables) - known - factors == set()
    missing = [
        f"{name}.{column.name}"
        for name in PLACES
        for column in metadata.tables[name].c
        if (isinstance(column.type, Json) or column.type.python_type is str)
        and column.name not in {*PLACES[name], *PLAIN}
        and f"{name}.{column.name}" not in OF_NO_CUSTOMER
    ]
    assert missing == []


#: The rest of the texts in tables that do name customers.
OF_NO_CUSTOMER = {
    "fact_tail.shop", "fact_tail.source", "fact_keys.shop", "fact_keys.source",
    "fact_imports.shop", "fact_imports.file_name", "fact_imports.mapping",
    "fact_imports.rejects_file", "orders.key", "orders.payment_key", "outreaches.name",
    "outreaches.subject", "outreaches.body", "outreaches.link", "messages.sender",
    "reward_groups.key", "gifts.requested_by_id", "gifts.requested_by", "gifts.decided_by_id",
    "gifts.decided_by", "idempotency_answers.body_hash", "timeline_actions.lease",
    "timeline_actions.planned_by", "timeline_actions.waived_by", "timeline_actions.waived_why",
    "audit_log.actor_kind", "audit_log.actor_id",
    "audit_log.actor_name", "audit_log.action",
}  # fmt: skip


def test_the_audit_log_stays_shut_outside_an_erasure(house: TestHouse) -> None:
    shop_in(house)
    for change in ("update audit_log set actor_name = 'x'", "delete from audit_log"):
        with pytest.raises(Exception, match="append-only"), house.db.write() as tx:
            tx.execute(text(change))
    with house.db.write() as tx, operations.rewriting_audit(tx, house.real_now()):
        tx.execute(text("update audit_log set actor_name = 'x'"))
    with pytest.raises(Exception, match="append-only"), house.db.write() as tx:
        tx.execute(text("update audit_log set actor_name = 'y'"))


def test_a_person_of_the_team_is_erased_and_what_they_did_stays(house: TestHouse) -> None:
    shop, other = shop_in(house), shop_in(house, "other")
    ann = person_in(house, shop, Role.OWNER, EMAIL)
    token = operations.log_in(
        house.db,
        email=EMAIL,
        password=PASSWORD,
        visit=operations.Visit("192.0.2.1"),
        now=house.real_now(),
    ).token
    me = Actor("person", str(ann.id), ann.name)
    now = house.real_now()
    with house.db.write() as tx:
        operations.set_clock(Act(tx, shop, me, now, now), clock=None)
        operations.invite(Act(tx, other, ACTOR, now, now), email=EMAIL, role=Role.DESIGN)
    with house.db.write() as tx:
        gifts.give_points(
            Act(tx, shop, me, now, now), customer_key="c", amount=900_000, reason="large"
        )
        planning.enqueue(Act.of(tx, shop, me, now), kind="try_plan", params={})
        tx.execute(text("update timeline_actions set waived_by = :who"), {"who": me.name})
    with pytest.raises(operations.LastOwner), house.db.write() as tx:
        operations.erase_person(tx, person=ann, actor=me, now=now)
    person_in(house, shop, Role.OWNER, "bo@tide.test")
    with house.db.write() as tx:
        name = operations.erase_person(tx, person=ann, actor=me, now=now)
    with house.db.read() as tx:
        done = [each for each in audit_page(tx, shop_id=shop.id) if each.actor_id == str(ann.id)]
        assert {each.action for each in done} >= {"shop.set_clock", "member.remove"}
        assert {each.actor_name for each in done} == {name}
        rows = [repr(tx.execute(text(f'select * from "{t}"')).all()) for t in metadata.tables]
        with pytest.raises(NotSignedIn):
            session_person(tx, token=token, now=now)
    assert EMAIL not in "".join(rows)


def test_only_an_owner_with_a_fresh_log_in_and_a_key_with_the_scope_erase(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    house = sqlite_house
    shop = shop_in(house)
    with house.db.write() as tx:
        entry = CustomerEntry(KEY, "Ann", EMAIL, None)
        upsert_customers(Act.of(tx, shop, ACTOR), entries=[entry])
        found = customer(tx, shop_id=shop.id, key=KEY)
    path = f"/shops/tide/customers/{outward('cus', found.id)}"
    operator = Browser(client, house).sign_in(person_in(house, shop, Role.OPERATIONS))
    assert operator.post(f"{path}/erase").status_code == 403
    assert KEY in operator.get(f"{path}/held.json").text
    for scope, status in ((Scope.CUSTOMERS_WRITE, 403), (Scope.CUSTOMERS_ERASE, 202)):
        bearer = f"Bearer {key_in(house, shop, scope)}"
        headers = {"idempotency-key": "k1", "authorization": bearer}
        asked = client.post(f"/v1/customers/{KEY}/erase", headers=headers, json={})
        assert asked.status_code == status
    owner = Browser(client, house).sign_in(person_in(house, shop, Role.OWNER))
    assert owner.post(f"{path}/erase").headers["location"] == "/shops/tide/customers"
    house.forward(hours=2)
    assert owner.post(f"{path}/erase").headers["location"].startswith("/confirm")
    assert owner.get(path).status_code == 200
