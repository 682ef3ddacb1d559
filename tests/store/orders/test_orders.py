"""An order is placed once and ends once, and its facts tell the same story."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.imports.queries import summary
from springtide.domain.orders import queries
from springtide.domain.orders.model import (
    OrderClosed,
    OrderKeyTaken,
    OrderPaid,
    OrderState,
    OrderTooLarge,
    WrongAmount,
)
from springtide.domain.orders.operations import close_order, close_unpaid, pay_order
from springtide.kit.db import Database
from springtide.kit.errors import Invalid, NotFound
from springtide.kit.money import AMOUNT_MINOR_MAX
from tests.kit.carts import line, place
from tests.kit.shops import ACTOR, new_shop

HOUR = timedelta(hours=1)


@pytest.fixture
def reader(database: Database, tmp_path: Path) -> Iterator[FactReader]:
    opened = FactReader(database, Lake(tmp_path / "lake"))
    yield opened
    opened.close()


def test_an_order_is_read_back_as_it_was_placed(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    lines = [line(1, 900, quantity=3, discount=100), line(2, 0)]
    with database.write() as tx:
        placed = place(tx, shop=shop, key="A-1", now=now, lines=lines, shipping_minor=50)
    assert (placed.total_minor, placed.discount_minor, placed.shipping_minor) == (950, 100, 50)
    with database.read() as tx:
        assert queries.order(tx, shop_id=shop.id, key="A-1") == placed
        (entry,) = audit_page(tx, shop_id=shop.id, actions=("order.place",))
    assert entry.subject == "order A-1"


def test_an_order_without_a_key_is_named_by_its_id(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        placed = place(tx, shop=shop, key=None, now=now)
        assert placed.key.startswith("ord_")
        assert queries.order(tx, shop_id=shop.id, key=placed.key) == placed


def test_a_key_is_taken_once_a_shop(database: Database, now: datetime) -> None:
    shop, other = new_shop(database, now=now), new_shop(database, now=now)
    with database.write() as tx:
        place(tx, shop=shop, key="A-1", now=now)
        place(tx, shop=other, key="A-1", now=now)
    with database.write() as tx, pytest.raises(OrderKeyTaken):
        place(tx, shop=shop, key="A-1", now=now)


def test_facts_follow_an_order_line_by_line(
    database: Database, reader: FactReader, now: datetime
) -> None:
    shop = new_shop(database, now=now)
    lines = [line(1, 900, quantity=3, discount=100), line(2, 200)]
    with database.write() as tx:
        place(tx, shop=shop, key="A", now=now, lines=lines, shipping_minor=50, campaign_key="cmp")
        place(tx, shop=shop, key="B", now=now, is_simulated=True)
    with database.write() as tx:
        pay_order(Act.of(tx, shop, ACTOR, now + HOUR), key="A", payment_key="t1")
        close_order(Act.of(tx, shop, ACTOR, now + HOUR), key="B", reason="buyer")
    rows = reader.rows(
        "select kind, source, external_id, product_key, quantity, amount_minor, discount_minor, "
        "occurred_at, campaign_key, json_extract(props, '$.simulated')::bool "
        "from facts where shop = $shop order by external_id",
        {"shop": shop.slug},
    )
    paid_at = now + HOUR
    assert rows == [
        ("order", "api", "order:A:1", "p1", 3, 900, 100, now, "cmp", None),
        ("order", "api", "order:A:2", "p2", 1, 200, 0, now, "cmp", None),
        ("order", "api", "order:A:shipping", None, 0, 50, 0, now, "cmp", None),
        ("order", "simulated", "order:B:1", "p1", 1, 1000, 0, now, None, True),
        ("order_closed", "simulated", "order_closed:B", None, 1, 1000, 0, paid_at, None, True),
        ("payment", "api", "payment:A:1", "p1", 3, 900, 100, paid_at, "cmp", None),
        ("payment", "api", "payment:A:2", "p2", 1, 200, 0, paid_at, "cmp", None),
        ("payment", "api", "payment:A:shipping", None, 0, 50, 0, paid_at, "cmp", None),
    ]
    numbers = summary(reader, shop.slug)
    assert (numbers.gross_minor, numbers.paid_minor, numbers.orders) == (2150, 1150, 2)


def test_the_same_payment_twice_is_one_payment(
    database: Database, reader: FactReader, now: datetime
) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        place(tx, shop=shop, key="A", now=now)
    answers = []
    for hours in (1, 2):
        with database.write() as tx:
            answers.append(
                pay_order(Act.of(tx, shop, ACTOR, now + hours * HOUR), key="A", payment_key="t1")
            )
    assert answers[0] == answers[1]
    assert answers[0].paid_at == now + HOUR
    assert summary(reader, shop.slug).kinds == {"order": 1, "payment": 1}
    with database.write() as tx, pytest.raises(OrderPaid):
        pay_order(Act.of(tx, shop, ACTOR, now), key="A", payment_key="t2")


def test_a_payment_of_another_amount_is_refused(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        place(tx, shop=shop, key="A", now=now)
        with pytest.raises(WrongAmount):
            pay_order(Act.of(tx, shop, ACTOR, now), key="A", payment_key="t", amount_minor=999)
        pay_order(Act.of(tx, shop, ACTOR, now), key="A", payment_key="t", amount_minor=1000)


def test_paid_and_closed_exclude_each_other(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        place(tx, shop=shop, key="paid", now=now)
        place(tx, shop=shop, key="closed", now=now)
        pay_order(Act.of(tx, shop, ACTOR, now), key="paid", payment_key="t")
        first = close_order(Act.of(tx, shop, ACTOR, now), key="closed", reason="buyer")
        again = close_order(Act.of(tx, shop, ACTOR, now + HOUR), key="closed", reason="x")
        assert again == first
        with pytest.raises(OrderClosed) as refused:
            pay_order(Act.of(tx, shop, ACTOR, now), key="closed", payment_key="t")
        assert refused.value.code == "order_closed"
        with pytest.raises(OrderPaid):
            close_order(Act.of(tx, shop, ACTOR, now), key="paid", reason="x")
        with pytest.raises(NotFound):
            pay_order(Act.of(tx, shop, ACTOR, now), key="nope", payment_key="t")
        with pytest.raises(NotFound):
            close_order(Act.of(tx, shop, ACTOR, now), key="nope", reason="x")


def test_orders_nobody_can_buy_are_refused_by_field(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        with pytest.raises(Invalid) as refused:
            place(
                tx,
                shop=shop,
                key="k" * 121,
                now=now,
                lines=[line(1, 5, quantity=0), line(2, 5, quantity=10**7)],
                customer_key="nul\0",
            )
        assert {name: wrong.code for name, wrong in refused.value.fields.items()} == {
            "key": "text_too_long",
            "customer_key": "text_unstorable",
            "lines.0.quantity": "order_quantity",
            "lines.1.quantity": "order_quantity",
        }
        with pytest.raises(Invalid) as refused:
            place(tx, shop=shop, key="A", now=now, lines=[line(n, 1) for n in range(501)])
        assert refused.value.fields["lines"].code == "order_too_many_lines"
        with pytest.raises(OrderTooLarge):
            place(tx, shop=shop, key="A", now=now, lines=[line(1, AMOUNT_MINOR_MAX + 1)])
        assert queries.orders_page(tx, shop_id=shop.id) == []


def test_closing_the_unpaid_goes_on_in_batches_until_nothing_is_left(
    database: Database, reader: FactReader, now: datetime
) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        for number in range(7):
            at = now + timedelta(minutes=number)
            place(tx, shop=shop, key=f"o{number}", now=at, campaign_key="cmp_a")
        place(tx, shop=shop, key="other", now=now, campaign_key="cmp_b")
        place(tx, shop=shop, key="later", now=now + HOUR, campaign_key="cmp_a")
        pay_order(Act.of(tx, shop, ACTOR, now + HOUR), key="o3", payment_key="t")
    batches: list[list[str]] = []
    while not batches or batches[-1]:
        with database.write() as tx:
            batches.append(
                close_unpaid(
                    Act.of(tx, shop, ACTOR, now + HOUR),
                    campaign_key="cmp_a",
                    placed_before=now + HOUR,
                    limit=4,
                )
            )
    assert batches == [["o0", "o1", "o2", "o4"], ["o5", "o6"], []]
    with database.read() as tx:
        assert queries.count_by_state(tx, shop_id=shop.id) == {
            OrderState.PLACED: 2,
            OrderState.PAID: 1,
            OrderState.CLOSED: 6,
        }
    assert summary(reader, shop.slug).kinds["order_closed"] == 6


def test_the_list_walks_every_order_once_newest_first(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        for number in range(9):
            at = now + timedelta(minutes=number)
            place(tx, shop=shop, key=str(number), now=at, customer_key=f"c{number % 2}")
        pay_order(Act.of(tx, shop, ACTOR, now), key="8", payment_key="t")
    with database.read() as tx:
        seen = []
        before = None
        while page := queries.orders_page(tx, shop_id=shop.id, before_id=before, limit=4):
            seen += [order.key for order in page]
            before = page[-1].id
        mine = queries.orders_page(tx, shop_id=shop.id, customer_key="c0", state=OrderState.PLACED)
    assert seen == list("876543210")
    assert [order.key for order in mine] == list("6420")
