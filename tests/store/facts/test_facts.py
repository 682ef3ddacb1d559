"""Facts appended to the tail are read once each, in their newest version."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from springtide.domain.facts import operations
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.model import COLUMNS, Appended, BadFact, Fact, Given
from springtide.domain.facts.reader import FactReader
from springtide.domain.facts.sealing import seal_new
from springtide.domain.imports.queries import summary
from springtide.kit.db import Database


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def reader(database: Database, lake: Lake) -> Iterator[FactReader]:
    opened = FactReader(database, lake)
    yield opened
    opened.close()


def order(number: int, now: datetime, amount: int = 100, **more: object) -> Fact:
    return Fact(
        shop="s",
        kind="order",
        occurred_at=now,
        source="api",
        external_id=f"order:{number}",
        order_key=str(number),
        customer_key=f"c{number % 3}",
        quantity=1,
        amount_minor=amount,
        **more,  # type: ignore[arg-type]
    )


def test_an_appended_fact_is_read_with_every_column(
    database: Database, reader: FactReader, now: datetime
) -> None:
    fact = order(1, now, props={"名": '<b>"quoted"</b>', "n": [1, None]}, source_path="a/b")
    with database.write() as tx:
        operations.append(tx, [fact], now=now)
    (row,) = reader.rows(f"select {', '.join(COLUMNS)}, month from facts")
    values = dict(zip([*COLUMNS, "month"], row, strict=True))
    assert values["month"] == now.strftime("%Y-%m")
    assert values["occurred_at"] == now
    assert values["occurred_at"].tzinfo is not None
    assert values["props"] == '{"n":[1,null],"名":"<b>\\"quoted\\"</b>"}'
    assert values["source_path"] == "a/b"
    assert values["version"] == 1
    assert values["visitor_key"] is None


def test_same_content_is_unchanged_and_other_content_the_next_version(
    database: Database, reader: FactReader, now: datetime
) -> None:
    with database.write() as tx:
        assert operations.append(tx, [order(1, now), order(2, now)], now=now) == Appended(2, 0, 0)
        assert operations.append(tx, [order(1, now), order(2, now, 7)], now=now) == Appended(
            0, 1, 1
        )
    before = reader.version()
    rows = reader.rows("select order_key, version, amount_minor from facts order by 1")
    assert rows == [("1", 1, 100), ("2", 2, 7)]
    with database.write() as tx:
        operations.append(tx, [order(2, now, 8), order(2, now, 9)], now=now)
    assert reader.version() != before
    rows = reader.rows("select order_key, version, amount_minor from facts order by 1")
    assert rows == [("1", 1, 100), ("2", 4, 9)]


def test_an_answer_about_the_past_stands_until_the_past_changes(
    database: Database, lake: Lake, reader: FactReader, now: datetime
) -> None:
    noon = now + timedelta(hours=1)
    query = f"select count(*), sum(amount_minor) from facts where occurred_at < '{noon}'"

    def append_one(fact: Fact) -> None:
        with database.write() as tx:
            operations.append(tx, [fact], now=now)

    append_one(order(1, now))
    first = reader.rows(query, before=noon)
    append_one(order(2, noon))
    assert reader.rows(query, before=noon) is first
    assert reader.rows(query) is not first
    append_one(order(3, noon - timedelta(microseconds=1)))
    assert reader.rows(query, before=noon)[0][0] == 2
    append_one(order(1, now, 700))
    assert reader.rows(query, before=noon) == reader.rows(query) != [first[0]]
    operations.seal(database, lake)
    append_one(order(1, now, 900))
    assert reader.rows(query, before=noon) == reader.rows(query)


def test_an_answer_about_the_past_goes_when_a_correction_or_an_import_changes_it(
    database: Database, lake: Lake, reader: FactReader, now: datetime
) -> None:
    noon = now + timedelta(hours=1)
    query = f"select count(*) from facts where occurred_at < '{noon}'"

    def append_one(fact: Fact) -> None:
        with database.write() as tx:
            operations.append(tx, [fact], now=now)

    append_one(order(1, now))
    append_one(order(2, now))
    operations.seal(database, lake)
    assert reader.rows(query, before=noon) == [(2,)]
    append_one(order(1, noon))
    assert reader.rows(query, before=noon) == [(1,)]
    imported = replace(order(3, now), source="file")
    assert seal_new(database, lake, [imported], transaction="import:3")
    assert reader.rows(query, before=noon) == [(2,)]


def test_a_relation_given_to_a_question_follows_the_past_it_is_made_of(
    database: Database, reader: FactReader, now: datetime
) -> None:
    def buyers_before(moment: datetime) -> int:
        made_of = f"select distinct customer_key from facts where occurred_at < '{moment}'"
        given = Given("earlier", made_of, before=moment)
        ((count,),) = reader.rows("select count(*) from earlier", before=moment, given=given)
        return int(count)

    moments = [now + timedelta(hours=hours) for hours in range(12)]
    for number, moment in enumerate(moments):
        with database.write() as tx:
            fact = replace(order(number, moment), customer_key=f"c{number}")
            operations.append(tx, [fact], now=now)
    # More of them than are kept, and again in the same order.
    for _ in range(2):
        assert [buyers_before(moment) for moment in moments] == list(range(12))
    with database.write() as tx:
        late = replace(order(99, now), customer_key="late")
        operations.append(tx, [late], now=now)
    assert buyers_before(moments[-1]) == 12
    assert buyers_before(moments[1]) == 2


def test_a_transaction_that_fails_leaves_no_fact(
    database: Database, reader: FactReader, now: datetime
) -> None:
    def fails() -> None:
        with database.write() as tx:
            operations.append(tx, [order(1, now)], now=now)
            raise RuntimeError("later in the transaction")

    with pytest.raises(RuntimeError):
        fails()
    assert reader.rows("select count(*) from facts") == [(0,)]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "party"},
        {"occurred_at": datetime(2025, 1, 1)},  # noqa: DTZ001
        {"external_id": ""},
        {"external_id": "x" * 201},
        {"product_key": "a\x00b"},
        {"reference": "\ud800"},
        {"amount_minor": 10**16},
        {"quantity": 10**10},
    ],
)
def test_a_fact_that_the_table_cannot_hold_is_refused(
    database: Database, now: datetime, change: dict[str, object]
) -> None:
    values = {"shop": "s", "kind": "view", "occurred_at": now, "source": "api", "external_id": "1"}
    with pytest.raises(BadFact), database.write() as tx:
        operations.append(tx, [Fact(**(values | change))], now=now)  # type: ignore[arg-type]


def test_summary_adds_up_orders_payments_and_refunds(
    database: Database, reader: FactReader, now: datetime
) -> None:
    def fact(kind: str, amount: int, at: datetime) -> Fact:
        return Fact("s", kind, at, "api", f"{kind}:1", amount_minor=amount, order_key="1")

    later = now + timedelta(days=1)
    with database.write() as tx:
        operations.append(
            tx,
            [fact("order", 500, now), fact("payment", 500, now), fact("refund", 200, later)],
            now=now,
        )
    found = summary(reader, "s")
    assert found.kinds == {"order": 1, "payment": 1, "refund": 1}
    assert (found.first_at, found.last_at) == (now, later)
    assert (found.gross_minor, found.paid_minor, found.refunded_minor) == (500, 500, 200)
    assert (found.net_minor, found.customers, found.orders, found.rejected) == (300, 0, 1, 0)
