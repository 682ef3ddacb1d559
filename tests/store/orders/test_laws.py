"""Laws of orders, held for any sequence of placing, paying, closing and trying again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from springtide.domain.access.act import Act
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.orders import queries
from springtide.domain.orders.model import Order, OrderState
from springtide.domain.orders.operations import close_order, close_unpaid, pay_order
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from tests.kit.carts import line, place
from tests.kit.shops import ACTOR, new_shop

START = datetime(2025, 11, 11, tzinfo=UTC)
MONEY = """
select order_key, kind, sum(amount_minor)::bigint from facts
where shop = $shop group by all order by all
"""

keys = st.sampled_from(["a", "b", "c"])
amounts = st.lists(st.integers(0, 10_000), min_size=1, max_size=4)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("place"), keys, amounts, st.integers(0, 500)),
        st.tuples(st.just("pay"), keys, st.sampled_from(["t1", "t2"])),
        st.tuples(st.just("close"), keys),
        st.tuples(st.just("sweep"), st.integers(1, 3)),
        # A crash after the work, before the commit: nothing of it may stay.
        st.tuples(st.just("crash"), keys),
    ),
    min_size=1,
    max_size=14,
)


class CrashError(Exception):
    """The process died before it committed."""


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=steps)
def test_every_order_ends_once_and_the_money_adds_up(
    database: Database, tmp_path: Path, steps: list[tuple[object, ...]]
) -> None:
    shop = new_shop(database, now=START)
    ended: dict[str, Order] = {}
    for number, step in enumerate(steps):
        now = START + timedelta(minutes=number)
        try:
            with database.write() as tx:
                match step:
                    case ("place", str(key), list(values), int(shipping)):
                        lines = [line(n, value) for n, value in enumerate(values, 1)]
                        place(tx, shop=shop, key=key, now=now, lines=lines, shipping_minor=shipping)
                    case ("pay", str(key), str(payment)):
                        pay_order(Act.of(tx, shop, ACTOR, now), key=key, payment_key=payment)
                    case ("close", str(key)):
                        close_order(Act.of(tx, shop, ACTOR, now), key=key, reason="x")
                    case ("sweep", int(limit)):
                        close_unpaid(
                            Act.of(tx, shop, ACTOR, now),
                            campaign_key=None,
                            placed_before=now,
                            limit=limit,
                        )
                    case ("crash", str(key)):
                        pay_order(Act.of(tx, shop, ACTOR, now), key=key, payment_key="t3")
                        raise CrashError
        except (Refusal, CrashError):
            pass
        ended = check_ends(database, shop.id, ended)
    check_money(database, tmp_path, shop.id, shop.slug)


def check_ends(database: Database, shop_id: UUID, ended: dict[str, Order]) -> dict[str, Order]:
    """An order that ended stays exactly as it ended."""
    with database.read() as tx:
        orders = {order.key: order for order in queries.orders_page(tx, shop_id=shop_id)}
    for key, order in ended.items():
        assert orders[key] == order
    return {key: order for key, order in orders.items() if order.state is not OrderState.PLACED}


def check_money(database: Database, tmp_path: Path, shop_id: UUID, slug: str) -> None:
    """Order and payment facts sum to the totals; a closed order has no payment."""
    reader = FactReader(database, Lake(tmp_path / "lake"))
    facts = {(key, kind): amount for key, kind, amount in reader.rows(MONEY, {"shop": slug})}
    reader.close()
    expected = {}
    with database.read() as tx:
        for order in queries.orders_page(tx, shop_id=shop_id):
            assert sum(line.payable_minor for line in order.lines) == (
                order.total_minor - order.shipping_minor
            )
            expected[order.key, "order"] = order.total_minor
            if order.state is OrderState.PAID:
                expected[order.key, "payment"] = order.total_minor
            if order.state is OrderState.CLOSED:
                expected[order.key, "order_closed"] = order.total_minor
    assert facts == expected
