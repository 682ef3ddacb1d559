"""The same key has one effect, on both databases."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import insert

from springtide.kit.db import Database
from springtide.kit.idempotency import Answer, KeyReused, answers, once


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


def test_calls_at_the_same_time_have_one_effect_and_one_answer(
    database: Database, now: datetime
) -> None:
    ran: list[int] = []
    together = threading.Barrier(8)

    def call(number: int) -> Answer:
        def produce() -> Answer:
            ran.append(number)
            time.sleep(0.05)
            return Answer(201, {"from": number})

        together.wait()
        with database.write() as tx:
            return once(tx, scope="k", key="race", body=b"{}", now=now, produce=produce)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(call, range(8)))
    assert len(ran) == 1
    assert {answer.document["from"] for answer in got} == set(ran)
    assert sorted(answer.replayed for answer in got) == [False] + [True] * 7


def test_a_call_that_failed_leaves_its_key_free(database: Database, now: datetime) -> None:
    def fail() -> Answer:
        raise KeyError("no luck")

    with pytest.raises(KeyError), database.write() as tx:
        once(tx, scope="k", key="a", body=b"1", now=now, produce=fail)
    with database.write() as tx:
        answer = once(tx, scope="k", key="a", body=b"2", now=now, produce=lambda: Answer(200, 1))
    assert answer == Answer(200, 1)


def test_scopes_that_begin_alike_are_apart(database: Database, now: datetime) -> None:
    scopes = [f"POST /v1/orders/{'o' * 200}{number}/receipt" for number in range(3)]
    for replayed in (False, True):
        for scope in scopes:
            with database.write() as tx:
                kept = once(
                    tx, scope=scope, key="a", body=b"", now=now,
                    produce=lambda scope=scope: Answer(200, scope),  # type: ignore[misc]
                )  # fmt: skip
            assert kept == Answer(200, scope, replayed)


def test_an_answer_kept_when_scopes_were_cut_off_is_still_given_but_to_its_own(
    database: Database, now: datetime
) -> None:
    begin = f"POST /v1/orders/{'o' * 200}"
    with database.write() as tx:
        tx.execute(
            insert(answers).values(
                scope=begin[:120], key="a", status=200, answer={"key": "one"}, answered_at=now,
                body_hash="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            )
        )  # fmt: skip
    for about, replayed in (("one", True), ("two", False), (None, False)):
        with database.write() as tx:
            kept = once(
                tx, scope=f"{begin}{about}", key="a", body=b"", now=now, about=about,
                produce=lambda about=about: Answer(200, {"key": about}),  # type: ignore[misc]
            )  # fmt: skip
        assert kept == Answer(200, {"key": about}, replayed)
