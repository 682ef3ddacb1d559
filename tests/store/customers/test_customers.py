"""The customer file on both databases: bulk writes, consent, standing, the list page by page."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.customers import operations, queries
from springtide.domain.customers.model import BadCustomer, CustomerEntry, UnknownPage, Upserted
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.model import Fact
from springtide.domain.facts.operations import append
from springtide.domain.facts.reader import FactReader
from springtide.kit.db import Database
from tests.kit.shops import ACTOR, new_shop

AS_OF = date(2025, 11, 11)


@pytest.fixture
def reader(database: Database, tmp_path: Path) -> Iterator[FactReader]:
    opened = FactReader(database, Lake(tmp_path / "lake"))
    yield opened
    opened.close()


@pytest.fixture
def shop(database: Database, now: datetime) -> Shop:
    return new_shop(database, now=now)


def upsert(database: Database, shop: Shop, now: datetime, *entries: CustomerEntry) -> Upserted:
    with database.write() as tx:
        return operations.upsert_customers(Act(tx, shop, ACTOR, now, now), entries=entries)


def line(shop: Shop, kind: str, at: datetime, customer: str, order: str, amount: int) -> Fact:
    return Fact(
        shop=shop.slug,
        kind=kind,
        occurred_at=at,
        source="api",
        external_id=f"{kind}:{customer}:{order}",
        customer_key=customer,
        order_key=order,
        quantity=1,
        amount_minor=amount,
    )


def put(database: Database, now: datetime, *facts: Fact) -> None:
    with database.write() as tx:
        append(tx, facts, now=now)


def test_upsert_counts_what_is_new_changed_and_unchanged(
    database: Database, shop: Shop, now: datetime
) -> None:
    ann = CustomerEntry("1", "Ann", "ann@example.test", {"age": "35-44"})
    assert upsert(database, shop, now, ann, CustomerEntry("2")) == Upserted(2, 0, 0)
    assert upsert(database, shop, now, ann) == Upserted(0, 0, 1)
    assert upsert(database, shop, now, CustomerEntry("1", "Anna")) == Upserted(0, 1, 0)
    with database.read() as tx:
        got = queries.customer(tx, shop_id=shop.id, key="1")
    assert (got.name, got.email, got.attributes) == ("Anna", "ann@example.test", {"age": "35-44"})


@pytest.mark.parametrize(
    "entry",
    [
        CustomerEntry("", "x"),
        CustomerEntry("k" * 121),
        CustomerEntry("a\nb"),
        CustomerEntry("1", "x" * 301),
        CustomerEntry("1", "x", "a@b.test\r\nBcc: all@example.test"),
        CustomerEntry("1", "x", "not an address"),
    ],
)
def test_upsert_refuses_what_would_hurt_later(
    database: Database, shop: Shop, now: datetime, entry: CustomerEntry
) -> None:
    with pytest.raises(BadCustomer):
        upsert(database, shop, now, CustomerEntry("good"), entry)
    with database.read() as tx:
        assert queries.customer_count(tx, shop_id=shop.id) == 0


def test_opting_out_holds_and_leaves_a_fact_and_only_a_person_undoes_it(
    database: Database, reader: FactReader, shop: Shop, now: datetime
) -> None:
    ann = CustomerEntry("1", "Ann", "ann@example.test")
    upsert(database, shop, now, ann)
    for _ in range(2):
        with database.write() as tx:
            customer = operations.opt_out(Act(tx, shop, ACTOR, now, now), key="1", by="link")
    assert not customer.is_reachable
    upsert(database, shop, now, CustomerEntry("1", "Ann", "new@example.test"))
    with database.read() as tx:
        assert queries.reachable_keys(tx, shop_id=shop.id) == set()
    assert reader.rows("select customer_key from facts where kind = 'opt_out'") == [("1",)]
    with database.write() as tx:
        back = operations.opt_in(Act(tx, shop, ACTOR, now, now), key="1", by="asked")
    assert back.is_reachable


def test_standing_counts_orders_days_and_paid_money(
    database: Database, reader: FactReader, shop: Shop, now: datetime
) -> None:
    # 2025-11-10 16:30 UTC is already 11 November in Shanghai.
    late = datetime(2025, 11, 10, 16, 30, tzinfo=UTC)
    put(
        database,
        now,
        line(shop, "order", late, "a", "o1", 500),
        line(shop, "payment", late, "a", "o1", 450),
        line(shop, "order", late - timedelta(days=3), "a", "o2", 100),
        line(shop, "order", late - timedelta(hours=1), "b", "o3", 900),
        line(shop, "order", datetime(2025, 11, 11, 16, 0, tzinfo=UTC), "c", "o4", 900),
    )
    got = queries.standings(reader, shop=shop, as_of=AS_OF)
    assert got.money_basis == "paid"
    a, b = got.by_key["a"], got.by_key["b"]
    assert (a.order_count, a.recency_days, a.money_minor) == (2, 0, 450)
    assert (b.order_count, b.recency_days, b.money_minor) == (1, 1, 0)
    assert "c" not in got.by_key, "ordered on 12 November in Shanghai"
    assert sum(got.counts().values()) == 2


def test_standing_uses_ordered_money_where_nothing_was_paid(
    database: Database, reader: FactReader, shop: Shop, now: datetime
) -> None:
    put(database, now, line(shop, "order", now, "a", "o1", 500))
    got = queries.standings(reader, shop=shop, as_of=AS_OF)
    assert (got.money_basis, got.by_key["a"].money_minor) == ("ordered", 500)


@pytest.mark.parametrize("sort", sorted(queries.SORTS))
def test_the_list_shows_every_customer_once_page_by_page(
    database: Database, reader: FactReader, shop: Shop, now: datetime, sort: str
) -> None:
    upsert(database, shop, now, *(CustomerEntry(f"k{n:02}", f"Name {n}") for n in range(20)))
    facts = [
        line(shop, kind, now - timedelta(days=n % 4), f"k{n:02}", f"o{n}", n % 5 * 100)
        for n in range(0, 26, 2)
        for kind in ("order", "payment")
    ]
    put(database, now, *facts)
    seen: list[str] = []
    cursor = None
    while True:
        with database.read() as tx:
            page = queries.customers_page(
                tx, reader=reader, shop=shop, as_of=AS_OF, sort=sort, after=cursor, limit=3
            )
        seen += [customer.key for customer, _ in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == sorted({f"k{n:02}" for n in [*range(20), 20, 22, 24]})
    assert len(seen) == 23
    with_orders = [n for n, key in enumerate(seen) if int(key[1:]) % 2 == 0]
    assert with_orders == list(range(13))


def test_the_list_finds_by_name_and_refuses_a_made_up_cursor(
    database: Database, reader: FactReader, shop: Shop, now: datetime
) -> None:
    upsert(database, shop, now, CustomerEntry("1", "王小明"), CustomerEntry("2", "100% off"))
    with database.read() as tx:

        def found(text: str) -> list[str]:
            page = queries.customers_page(tx, reader=reader, shop=shop, as_of=AS_OF, text=text)
            return [customer.key for customer, _ in page.rows]

        assert found("小明") == ["1"]
        assert found("%") == ["2"]
        assert found("nobody") == []
        for bad in ("x", "e30=", "WyJyYW5rZWQiLCAiYSJd", "é"):
            with pytest.raises(UnknownPage):
                queries.customers_page(tx, reader=reader, shop=shop, as_of=AS_OF, after=bad)
