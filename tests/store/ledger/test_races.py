"""Two transactions at one moment that open the same accounts: both count, and no bound breaks."""

import threading
from collections.abc import Callable
from datetime import datetime

import pytest

from springtide.domain.access.model import Shop
from springtide.domain.ledger.model import BoundReached, Chain, Opening, Transfer
from springtide.domain.ledger.operations import transact
from springtide.domain.ledger.queries import account, imbalances
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from tests.kit.shops import new_shop

THREADS = 8


def raced(
    database: Database, now: datetime, chain_of: Callable[[int], Chain]
) -> tuple[Shop, list[Refusal | Exception | None]]:
    """Let threads take a chain each at one moment, in a new shop; return what came of each."""
    shop = new_shop(database, now=now)
    barrier = threading.Barrier(THREADS)
    outcomes: list[Refusal | Exception | None] = []

    def move(number: int) -> None:
        barrier.wait()
        try:
            with database.write() as tx:
                found = transact(tx, shop=shop, chains=[chain_of(number)], now=now)
            outcomes.extend(found)
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=move, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return shop, outcomes


@pytest.mark.parametrize("turn", range(5))
def test_an_account_is_opened_by_many_at_once(database: Database, now: datetime, turn: int) -> None:
    def spend(number: int) -> Chain:
        step = Transfer(f"t{number}", "world", "spent", number + 1)
        return Chain((step,), (Opening("world", "piece", low=None), Opening("spent", "piece")))

    shop, outcomes = raced(database, now, spend)
    assert outcomes == [None] * THREADS
    with database.read() as tx:
        spent = account(tx, shop_id=shop.id, key="spent")
        assert spent.balance == THREADS * (THREADS + 1) // 2
        assert imbalances(tx, shop_id=shop.id) == []


@pytest.mark.parametrize("turn", range(5))
def test_a_bound_holds_when_many_open_its_account_at_once(
    database: Database, now: datetime, turn: int
) -> None:
    def take(number: int) -> Chain:
        step = Transfer(f"t{number}", "world", "limit", 1)
        openings = (Opening("world", "piece", low=None), Opening("limit", "piece", high=3))
        return Chain((step,), openings)

    shop, outcomes = raced(database, now, take)
    # Those who come too late are refused, and none of them fails in the database.
    refused = [each for each in outcomes if each is not None]
    assert len(refused) == THREADS - 3
    assert all(isinstance(each, BoundReached) for each in refused), refused
    with database.read() as tx:
        assert account(tx, shop_id=shop.id, key="limit").balance == 3
        assert imbalances(tx, shop_id=shop.id) == []
