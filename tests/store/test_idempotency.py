"""The same key has one effect, on both databases."""

from datetime import datetime

import pytest

from springtide.kit.db import Database
from springtide.kit.idempotency import Answer, KeyReused, once


def test_once_runs_a_write_once_and_replays_its_answer(database: Database, now: datetime) -> None:
    ran = []

    def produce() -> Answer:
        ran.append(1)
        return Answer(201, {"id": "ord_1"})

    for replayed in (False, True):
        with database.write() as tx:
            answer = once(tx, scope="k", key="a", body=b"{}", now=now, produce=produce)
        assert answer == Answer(201, {"id": "ord_1"}, replayed)
    assert ran == [1]


def test_once_refuses_a_key_with_another_body(database: Database, now: datetime) -> None:
    with database.write() as tx:
        once(tx, scope="k", key="a", body=b"1", now=now, produce=lambda: Answer(200, None))
    with database.write() as tx, pytest.raises(KeyReused):
        once(tx, scope="k", key="a", body=b"2", now=now, produce=lambda: Answer(200, None))
