"""Whoever comes at the same time, an order has one end."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from springtide.domain.access.act import Act
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.imports.queries import summary
from springtide.domain.orders import queries
from springtide.domain.orders.model import OrderKeyTaken, OrderState
from springtide.domain.orders.operations import close_order, close_unpaid, pay_order
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from tests.kit.carts import place
from tests.kit.shops import ACTOR, new_shop

ROUNDS = 12


def together(*jobs: Callable[[], object]) -> list[object]:
    """Start all jobs at one moment; return their answers, or the refusals they met."""
    barrier = threading.Barrier(len(jobs))
    answers: list[object] = [None] * len(jobs)

    def run(index: int) -> None:
        barrier.wait()
        try:
            answers[index] = jobs[index]()
        except Refusal as refusal:
            answers[index] = refusal

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_of_paying_and_closing_at_once_exactly_one_wins(
    database: Database, now: datetime, tmp_path: Path
) -> None:
    shop = new_shop(database, now=now)
    paid = 0
    for number in range(ROUNDS):
        key = f"o{number}"
        with database.write() as tx:
            place(tx, shop=shop, key=key, now=now)

        def pay(key: str = key, payment: str = "t") -> object:
            with database.write() as tx:
                return pay_order(Act.of(tx, shop, ACTOR, now), key=key, payment_key=payment).state

        def close(key: str = key) -> object:
            with database.write() as tx:
                return close_order(Act.of(tx, shop, ACTOR, now), key=key, reason="race").state

        def sweep() -> object:
            with database.write() as tx:
                return close_unpaid(
                    Act.of(tx, shop, ACTOR, now),
                    campaign_key=None,
                    placed_before=now + timedelta(1),
                )

        by_pay, by_other_pay, by_close, swept = together(
            pay, partial(pay, payment="t2"), close, sweep
        )
        with database.read() as tx:
            order = queries.order(tx, shop_id=shop.id, key=key)
        if order.state is OrderState.PAID:
            paid += 1
            assert [by_pay, by_other_pay].count(OrderState.PAID) == 1
            assert isinstance(by_close, Refusal)
            assert swept == []
        else:
            assert order.state is OrderState.CLOSED
            assert isinstance(by_pay, Refusal)
            assert isinstance(by_other_pay, Refusal)
            assert by_close is OrderState.CLOSED
    reader = FactReader(database, Lake(tmp_path / "lake"))
    kinds = summary(reader, shop.slug).kinds
    reader.close()
    assert kinds.get("payment", 0) == paid
    assert kinds.get("order_closed", 0) == ROUNDS - paid


def test_of_two_orders_with_one_key_exactly_one_is_placed(
    database: Database, now: datetime
) -> None:
    shop = new_shop(database, now=now)

    def order(customer_key: str) -> object:
        with database.write() as tx:
            return place(tx, shop=shop, key="A", now=now, customer_key=customer_key)

    answers = together(*(partial(order, f"c{n}") for n in range(4)))
    assert sum(isinstance(answer, OrderKeyTaken) for answer in answers) == 3
    with database.read() as tx:
        assert queries.order(tx, shop_id=shop.id, key="A") in answers
