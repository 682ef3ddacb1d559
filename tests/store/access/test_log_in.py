"""Log-in, sessions and the delays against guessing, on both databases."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert, text

from springtide.domain.access import operations, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import Person, Role, Session
from springtide.domain.access.operations.tries import Pace
from springtide.domain.access.pace import Places, SlowLane
from springtide.kit.db import metadata
from springtide.kit.errors import Invalid, Refusal
from springtide.kit.ids import uuid7
from tests.kit.house import ACTOR, PASSWORD, TestHouse, person_in, shop_in

EMAIL = "owner@tide.test"
HERE = operations.Visit("192.0.2.1")
QUICK = PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)


def _log_in(house: TestHouse, password: str = PASSWORD, **changes: Any) -> Session:
    asked = {"email": EMAIL, "visit": HERE, **changes}
    return operations.log_in(house.db, password=password, now=house.real_now(), **asked)


def _change_password(
    house: TestHouse, owner: Person, present: str, password: str
) -> tuple[str, Session]:
    """Log in and change the password; return the token of before, and the new session."""
    token = _log_in(house).token
    session = operations.change_password(
        house.db,
        person=owner,
        token=token,
        present=present,
        password=password,
        visit=HERE,
        now=house.real_now(),
    )
    return token, session


def _refusal(house: TestHouse, password: str = "wrong", **changes: Any) -> Refusal:
    with pytest.raises(Refusal) as refused:
        _log_in(house, password, **changes)
    return refused.value


def _who(house: TestHouse, token: str) -> Person:
    with house.db.read() as tx:
        return queries.session_person(tx, token=token, now=house.real_now())[0]


@pytest.fixture
def owner(house: TestHouse) -> Person:
    """An owner whose password is quick to check, so that many wrong ones cost little."""
    person = person_in(house, shop_in(house), Role.OWNER, EMAIL)
    _keep_hash(house, QUICK.hash(PASSWORD))
    return person


def _keep_hash(house: TestHouse, password_hash: str) -> None:
    with house.db.write() as tx:
        tx.execute(text("update people set password_hash = :h"), {"h": password_hash})


def _failed(house: TestHouse, count: int, account: str, address: str = "192.0.2.1") -> None:
    """Leave so many failed tries behind."""
    tries = [
        {
            "id": uuid7(house.real_now()),
            "account": account.format(n=number),
            "network": address,
            "browser": None,
            "at": house.real_now(),
            "is_good": False,
        }
        for number in range(count)
    ]
    with house.db.write() as tx:
        tx.execute(insert(metadata.tables["log_in_attempts"]), tries)


def test_the_right_password_opens_a_session(house: TestHouse, owner: Person) -> None:
    session = _log_in(house, email=" OWNER@tide.test ")
    assert _who(house, session.token) == owner == session.person


def test_a_session_is_a_new_token_each_time_and_only_its_hash_is_kept(
    house: TestHouse, owner: Person
) -> None:
    first, second = _log_in(house), _log_in(house)
    assert first.token != second.token
    with house.db.read() as tx:
        rows = repr(tx.execute(text("select * from sessions")).all())
    assert first.token not in rows
    assert len(first.token) >= 43


def test_an_unknown_address_is_refused_like_a_wrong_password(
    house: TestHouse, owner: Person
) -> None:
    known = _refusal(house)
    unknown = _refusal(house, email="nobody@tide.test", visit=operations.Visit("192.0.2.9"))
    assert (type(known), str(known)) == (type(unknown), str(unknown))
    assert known.facts == unknown.facts == {}


def test_an_endless_password_is_refused_without_hashing_it(house: TestHouse, owner: Person) -> None:
    assert isinstance(_refusal(house, "x" * 10_000_000), operations.WrongLogIn)


def test_a_log_out_ends_the_session(house: TestHouse, owner: Person) -> None:
    token, other = _log_in(house).token, _log_in(house).token
    with house.db.write() as tx:
        operations.log_out(tx, token=token, now=house.real_now())
    with pytest.raises(queries.NotSignedIn):
        _who(house, token)
    assert _who(house, other) == owner


def test_a_session_ends_when_idle(house: TestHouse, owner: Person) -> None:
    token = _log_in(house).token
    house.forward(hours=2, minutes=59)
    assert _who(house, token)
    house.forward(minutes=1)
    with pytest.raises(queries.NotSignedIn):
        _who(house, token)


def test_a_session_in_use_still_ends_after_its_hours(house: TestHouse, owner: Person) -> None:
    token = _log_in(house).token
    for _ in range(5):
        house.forward(hours=2)
        assert _who(house, token)
        with house.db.write() as tx:
            operations.mark_session_seen(tx, token=token, now=house.real_now())
    house.forward(hours=2)
    with pytest.raises(queries.NotSignedIn):
        _who(house, token)


def _quick(house: TestHouse) -> Pace:
    """A process whose waits for a pair pass at once, on the house's clock."""
    places = Places(sleep=lambda _lost, seconds: house.forward(seconds=seconds))
    return Pace(SlowLane(0), places, places)


class _Shut(Places):
    """Places that nobody is to need."""

    @contextmanager
    def wait(self, pair: str, network: str, seconds: int) -> Iterator[None]:
        """Fail."""
        raise AssertionError(pair)
        yield


def test_wrong_passwords_make_the_next_look_wait_longer_and_longer(
    house: TestHouse, owner: Person
) -> None:
    waits = []
    for _ in range(operations.FREE_TRIES_PAIR + 6):
        began = house.real_now()
        assert isinstance(_refusal(house, pace=_quick(house)), operations.WrongLogIn)
        waits.append((house.real_now() - began).total_seconds())
    assert waits == [0] * operations.FREE_TRIES_PAIR + [4, 8, 16, 32, 40, 40]
    house.forward(seconds=40)
    assert _log_in(house, pace=Pace(strangers=_Shut())).person == owner
    assert isinstance(_refusal(house), operations.WrongLogIn)


@pytest.mark.parametrize("account", [EMAIL, "nobody@tide.test"])
def test_an_unknown_address_waits_like_a_known_one(
    house: TestHouse, owner: Person, account: str
) -> None:
    _failed(house, operations.FREE_TRIES_PAIR, account)
    began = house.real_now()
    refused = _refusal(house, email=account, pace=_quick(house))
    assert isinstance(refused, operations.WrongLogIn)
    assert (house.real_now() - began).total_seconds() == 4


def test_many_tries_at_once_do_not_slip_through_together(house: TestHouse, owner: Person) -> None:
    together, over = threading.Barrier(16), threading.Event()

    def sleep(lost: threading.Event, _: float) -> None:
        while not lost.wait(0.01) and not over.is_set():
            pass

    places = Places(sleep=sleep)

    def guess(_: int) -> type[Refusal]:
        together.wait()
        return type(_refusal(house, pace=Pace(strangers=places)))

    with ThreadPoolExecutor(16) as pool:
        tries = [pool.submit(guess, number) for number in range(16)]
        done: list[type[Refusal]] = []
        for each in as_completed(tries, timeout=60):
            done.append(each.result())
            if len(done) == 15:
                assert done.count(operations.WrongLogIn) == operations.FREE_TRIES_PAIR
                over.set()
    # One of the others was drawn, and looked at when its time had come.
    assert done.count(operations.WrongLogIn) == operations.FREE_TRIES_PAIR + 1


def test_a_delay_is_over_after_a_day(house: TestHouse, owner: Person) -> None:
    _failed(house, operations.FREE_TRIES_PAIR, EMAIL)
    house.forward(days=1, seconds=1)
    _log_in(house)
    with house.db.read() as tx:
        assert tx.execute(text("select count(*) from log_in_attempts")).scalar() == 1


def test_a_new_password_ends_all_other_sessions(house: TestHouse, owner: Person) -> None:
    before, session = _change_password(house, owner, PASSWORD, "another long one")
    assert _who(house, session.token) == owner
    with pytest.raises(queries.NotSignedIn):
        _who(house, before)
    assert isinstance(_refusal(house, PASSWORD), operations.WrongLogIn)
    assert _log_in(house, "another long one")


@pytest.mark.parametrize(
    ("present", "password", "field"),
    [
        ("wrong", "another long one", "present"),
        (PASSWORD, "short", "password"),
        (PASSWORD, "aaaaaaaaaaaaaa", "password"),
        (PASSWORD, EMAIL, "password"),
        (PASSWORD, "x" * 201, "password"),
    ],
)
def test_a_bad_new_password_is_refused_at_its_field(
    house: TestHouse, owner: Person, present: str, password: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        _change_password(house, owner, present, password)
    assert list(refused.value.fields) == [field]
    assert _log_in(house)


def test_a_hash_of_weaker_parameters_is_renewed_at_the_log_in(
    house: TestHouse, owner: Person
) -> None:
    weak = QUICK.hash(PASSWORD)
    _keep_hash(house, weak)
    _log_in(house)
    with house.db.read() as tx:
        kept = tx.execute(text("select password_hash from people")).scalar_one()
    assert kept != weak
    assert "m=47104" in kept
    assert _log_in(house)


def test_a_member_who_is_removed_is_logged_out(house: TestHouse, owner: Person) -> None:
    with house.db.read() as tx:
        shop = queries.shop_by_slug(tx, slug="tide")
    second = person_in(house, shop, Role.DESIGN, "d@tide.test")
    token = _log_in(house, email="d@tide.test").token
    with house.db.write() as tx:
        operations.remove_member(Act.of(tx, shop, ACTOR), person=second)
    with pytest.raises(queries.NotSignedIn):
        _who(house, token)
