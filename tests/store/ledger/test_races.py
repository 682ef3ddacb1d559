"""Two transactions at one moment that open the same accounts: both count, and no bound breaks."""

import threading
from datetime import datetime

from sqlalchemy.exc import IntegrityError

from springtide.domain.ledger.model import Chain, Opening, Transfer
from springtide.domain.ledger.operations import transact
from springtide.domain.ledger.queries import account, imbalances
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from tests.kit.shops import new_shop

THREADS = 8


def test_an_account_is_opened_by_many_at_once(database: Database, now: datetime) -> None:
    for turn in range(5):
        shop = new_shop(database, now=now)
        barrier = threading.Barrier(THREADS)
        wrong: list[Exception | Refusal] = []

        def move(number: int, shop=shop, barrier=barrier, wrong=wrong) -> None:  # type: ignore[no-untyped-def]
            step = Transfer(f"t{number}", "world", "spent", number + 1)
            openings = (Opening("world", "piece", low=None), Opening("spent", "piece"))
            barrier.wait()
            try:
                with database.write() as tx:
                    outcomes = transact(tx, shop=shop, chains=[Chain((step,), openings)], now=now)
                wrong.extend(each for each in outcomes if each)
            except Exception as error:
                wrong.append(error)

        _together(move)
        assert wrong == [], turn
        with database.read() as tx:
            spent = account(tx, shop_id=shop.id, key="spent")
            assert spent.balance == THREADS * (THREADS + 1) // 2
            assert imbalances(tx, shop_id=shop.id) == []


def test_a_bound_holds_when_many_open_its_account_at_once(
    database: Database, now: datetime
) -> None:
    for _ in range(5):
        shop = new_shop(database, now=now)
        barrier = threading.Barrier(THREADS)
        done: list[int] = []
        refused: list[Exception | Refusal] = []

        def move(number: int, shop=shop, barrier=barrier, done=done, refused=refused) -> None:  # type: ignore[no-untyped-def]
            step = Transfer(f"t{number}", "world", "limit", 1)
            openings = (Opening("world", "piece", low=None), Opening("limit", "piece", high=3))
            barrier.wait()
            try:
                with database.write() as tx:
                    (outcome,) = transact(tx, shop=shop, chains=[Chain((step,), openings)], now=now)
                if outcome is None:
                    done.append(number)
                else:
                    refused.append(outcome)
            except IntegrityError as error:
                refused.append(error)

        _together(move)
        with database.read() as tx:
            assert account(tx, shop_id=shop.id, key="limit").balance == len(done) <= 3
            assert imbalances(tx, shop_id=shop.id) == []
        assert len(done) + len(refused) == THREADS


def _together(move) -> None:  # type: ignore[no-untyped-def]
    threads = [threading.Thread(target=move, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
