"""Writes that meet on PostgreSQL are begun again, a bounded number of times, at one place."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from springtide.domain.facts.operations import claim_sources
from springtide.kit.db import TRIES, Contended, Database


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    opened = Database(postgres_url)
    with opened.write() as tx:
        tx.execute(text("create table pairs (id int primary key, count int not null)"))
        tx.execute(text("insert into pairs values (1, 0), (2, 0)"))
    yield opened
    opened.close()


def test_two_that_wait_for_each_other_both_come_through(postgres: Database) -> None:
    both_have_one = threading.Barrier(2)
    begun: list[int] = []
    done: list[int] = []

    def work(tx: Connection, first: int, second: int) -> int:
        begun.append(first)
        add = text("update pairs set count = count + 1 where id = :id")
        tx.execute(add, {"id": first})
        if begun.count(first) == 1:
            both_have_one.wait(timeout=30)
        tx.execute(add, {"id": second})
        return first

    def run(first: int, second: int) -> None:
        def mine(tx: Connection) -> int:
            return work(tx, first, second)

        done.append(postgres.run(mine))

    threads = [threading.Thread(target=run, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with postgres.read() as tx:
        assert list(tx.execute(text("select count from pairs")).scalars()) == [2, 2]
    assert sorted(done) == [1, 2]
    assert len(begun) == 3


@pytest.mark.parametrize(
    ("state", "raised"), [("40P01", Contended), ("40001", Contended), ("23505", IntegrityError)]
)
def test_it_is_given_up_after_some_tries(
    postgres: Database, state: str, raised: type[Exception]
) -> None:
    tried = 0

    def work(tx: Connection) -> None:
        nonlocal tried
        tried += 1
        tx.execute(text(f"do $$ begin raise exception using errcode = '{state}'; end $$"))

    with pytest.raises(raised):
        postgres.run(work)
    assert tried == TRIES


def test_what_is_wrong_otherwise_is_raised_at_once(postgres: Database) -> None:
    tried = 0

    def work(tx: Connection) -> None:
        nonlocal tried
        tried += 1
        tx.execute(text("select 1/0"))

    with pytest.raises(DBAPIError):
        postgres.run(work)
    assert tried == 1


def test_a_source_that_comes_to_two_at_once_is_known_to_both(postgres: Database) -> None:
    with postgres.write() as first:
        claim_sources(first, {("tide", "till")}, way="tail")
        failed: list[BaseException] = []

        def second() -> None:
            try:
                with postgres.write() as tx:
                    claim_sources(tx, {("tide", "till")}, way="tail")
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=second)
        thread.start()
        thread.join(timeout=0.5)
        assert thread.is_alive()
    thread.join(timeout=30)
    assert failed == []
