"""Guessing is bounded, and what strangers guess keeps nobody out; on both databases."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import insert, text

from springtide.domain.access import operations
from springtide.domain.access.model import Person, Role, Session
from springtide.domain.access.operations.browsers import BROWSERS_MAX
from springtide.domain.access.operations.tries import Attempt, Guess, Pace
from springtide.domain.access.pace import (
    LANE_LENGTH_MAX,
    LANE_NETWORK_MAX,
    PLACES_NETWORK_MAX,
    AnotherTryWaits,
    Busy,
    Places,
    SlowLane,
)
from springtide.domain.access.secrets import token_hash
from springtide.kit.db import metadata
from springtide.kit.errors import Refusal
from springtide.kit.ids import uuid7
from tests.kit.house import PASSWORD, TestHouse, person_in, shop_in

EMAIL = "owner@tide.test"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
OFFICE = operations.Visit("198.51.100.7")
GAP = 0.02


class CountingLane(SlowLane):
    """The slow lane with a short gap, which counts who came through it."""

    def __init__(self) -> None:
        super().__init__(GAP)
        self.passed: list[str] = []

    def wait(self, network: str) -> None:
        """Note who waited."""
        super().wait(network)
        self.passed.append(network)


@pytest.fixture
def owner(house: TestHouse) -> Person:
    """An owner whose password is quick to check."""
    person = person_in(house, shop_in(house), Role.OWNER, EMAIL)
    with house.db.write() as tx:
        tx.execute(text("update people set password_hash = :h"), {"h": QUICK.hash(PASSWORD)})
    return person


def _try(
    house: TestHouse,
    visit: operations.Visit,
    password: str = PASSWORD,
    *,
    email: str = EMAIL,
    lane: SlowLane | None = None,
) -> Session | Refusal:
    try:
        return operations.log_in(
            house.db,
            email=email,
            password=password,
            visit=visit,
            now=house.real_now(),
            pace=_pace(house, lane),
        )
    except Refusal as refusal:
        return refusal


def _waited(
    house: TestHouse, visit: operations.Visit, password: str = PASSWORD, email: str = EMAIL
) -> float:
    """Try once, which has to be looked at; return after how many seconds it was."""
    began = house.real_now()
    got = _try(house, visit, password, email=email)
    assert isinstance(got, Session if password == PASSWORD else operations.WrongLogIn)
    return (house.real_now() - began).total_seconds()


def _pace(house: TestHouse, lane: SlowLane | None = None) -> Pace:
    """A process whose waits for a pair pass at once, on the house's clock."""
    return Pace(lane or SlowLane(GAP), _quick_places(house), _quick_places(house))


def _quick_places(house: TestHouse) -> Places:
    return Places(sleep=lambda _lost, seconds: house.forward(seconds=seconds))


def _wrong(house: TestHouse, count: int, addresses: int, account: str = EMAIL) -> None:
    """Leave so many wrong tries of strangers behind, spread over so many addresses."""
    tries = [
        {
            "id": uuid7(house.real_now()),
            "account": account.format(n=number),
            "network": f"203.0.113.{number % addresses}",
            "browser": None,
            "at": house.real_now(),
            "is_good": False,
        }
        for number in range(count)
    ]
    with house.db.write() as tx:
        tx.execute(insert(metadata.tables["log_in_attempts"]), tries)


@pytest.mark.parametrize("addresses", [1, 20])
def test_wrong_tries_from_elsewhere_keep_nobody_out(
    house: TestHouse, owner: Person, addresses: int
) -> None:
    known = _try(house, operations.Visit("198.51.100.1"))
    assert isinstance(known, Session)
    for number in range(59):
        stranger = operations.Visit(f"203.0.113.{number % addresses}")
        assert isinstance(_try(house, stranger, "wrong"), Refusal)
    elsewhere = [
        _try(house, operations.Visit(f"198.51.100.{10 + number % 4}")) for number in range(40)
    ]
    assert [each for each in elsewhere if not isinstance(each, Session)] == []
    # The known browser's log-ins hold even from the very address that the guesses come from.
    beside = operations.Visit("203.0.113.0", browser=known.browser)
    assert all(isinstance(_try(house, beside), Session) for _ in range(3))


def test_forty_right_passwords_at_once_are_all_let_in(house: TestHouse, owner: Person) -> None:
    together = threading.Barrier(40)

    def come(_: int) -> Session | Refusal:
        together.wait()
        return _try(house, OFFICE)

    with ThreadPoolExecutor(40) as pool:
        got = list(pool.map(come, range(40)))
    assert [each for each in got if not isinstance(each, Session)] == []


def test_beyond_the_bounds_of_account_and_address_a_right_password_only_waits(
    house: TestHouse, owner: Person
) -> None:
    lane = CountingLane()
    _wrong(house, operations.CALM_ACCOUNT - 1, addresses=50)
    assert isinstance(_try(house, OFFICE, lane=lane), Session)
    assert lane.passed == []
    _wrong(house, 1, addresses=1)
    began = time.monotonic()
    assert all(isinstance(_try(house, OFFICE, lane=lane), Session) for _ in range(5))
    assert lane.passed == ["198.51.100.7"] * 5
    assert time.monotonic() - began >= 4 * GAP
    house.forward(hours=1)
    assert isinstance(_try(house, OFFICE, lane=lane), Session)
    assert len(lane.passed) == 5


def test_an_address_that_tries_many_accounts_is_slowed_and_its_neighbours_get_in(
    house: TestHouse, owner: Person
) -> None:
    lane = CountingLane()
    _wrong(house, operations.CALM_NETWORK, addresses=1, account="n{n}@tide.test")
    assert isinstance(_try(house, operations.Visit("203.0.113.0"), lane=lane), Session)
    assert lane.passed == ["203.0.113.0"]
    assert isinstance(_try(house, OFFICE, lane=lane), Session)
    assert lane.passed == ["203.0.113.0"]


def test_one_address_has_ninety_seven_looks_at_an_account_in_an_hour_and_then_ninety(
    house: TestHouse, owner: Person
) -> None:
    began, looks = house.real_now(), [0, 0, 0]
    while looks[2] == 0:
        assert isinstance(_try(house, OFFICE, "wrong"), operations.WrongLogIn)
        looks[(house.real_now() - began) // timedelta(hours=1)] += 1
    assert looks[:2] == [97, 90]
    # So no address alone makes the others wait, and a day leaves it 97 + 23 * 90 looks.
    assert looks[0] < operations.CALM_ACCOUNT


def test_a_right_password_from_a_guessers_own_address_is_looked_at_after_a_wait(
    house: TestHouse, owner: Person
) -> None:
    for _ in range(30):
        _try(house, OFFICE, "wrong")
    before = house.real_now()
    assert isinstance(_try(house, OFFICE), Session)
    assert house.real_now() - before == timedelta(seconds=40)
    # It was right, so the next one does not wait.
    assert isinstance(_try(house, OFFICE), Session)
    assert house.real_now() - before == timedelta(seconds=40)


def test_of_two_processes_one_has_the_pairs_next_look(house: TestHouse, owner: Person) -> None:
    _failures(house, operations.FREE_TRIES_PAIR)
    together, now = threading.Barrier(2), house.real_now()

    def come(_: int) -> type[Session | Refusal]:
        places = Places(sleep=lambda _lost, _seconds: together.wait())
        try:
            return type(
                operations.log_in(
                    house.db,
                    email=EMAIL,
                    password="wrong",
                    visit=OFFICE,
                    now=now,
                    pace=Pace(SlowLane(GAP), places, places),
                )
            )
        except Refusal as refusal:
            return type(refusal)

    with ThreadPoolExecutor(2) as pool:
        got = list(pool.map(come, range(2)))
    assert sorted(each.__name__ for each in got) == ["AnotherTryWaits", "WrongLogIn"]


def test_a_clock_that_stepped_back_makes_nobody_wait_for_longer(
    house: TestHouse, owner: Person
) -> None:
    _failures(house, operations.FREE_TRIES_PAIR)
    house.forward(days=-1)
    assert isinstance(_try(house, OFFICE), Session)


def _failures(house: TestHouse, count: int) -> None:
    for _ in range(count):
        assert isinstance(_try(house, OFFICE, "wrong"), operations.WrongLogIn)


@pytest.mark.parametrize("rivals", [1, 3])
def test_who_has_the_next_look_is_drawn_whoever_came_first(rivals: int) -> None:
    draws, last_ones = 300, 0
    for _ in range(draws):
        winners = _drawn(["198.51.100.7"] * (rivals + 1))
        assert len(winners) == 1
        last_ones += winners == [rivals]
    # One chance in two, or in four: these bounds are left by chance once in 10^9 runs.
    expected = draws / (rivals + 1)
    assert expected * 0.55 < last_ones < expected * 1.6


def test_a_network_has_so_many_places_and_those_who_come_later_a_chance_of_them() -> None:
    accounts = [str(number) for number in range(3 * PLACES_NETWORK_MAX)]
    later = 0
    for _ in range(20):
        winners = _drawn(["198.51.100.7"] * len(accounts), accounts)
        assert len(winners) == PLACES_NETWORK_MAX
        later += sum(number >= 2 * PLACES_NETWORK_MAX for number in winners)
    assert later > 20


def test_a_process_has_so_many_places() -> None:
    networks = [f"198.51.100.{number}" for number in range(12)]
    assert len(_drawn(networks, networks, most=5)) == 5


def _drawn(networks: list[str], pairs: list[str] | None = None, most: int = 48) -> list[int]:
    """Let tries come one after the other during one wait; return those that have a place then."""
    over, arrived, mine = threading.Event(), threading.Semaphore(0), threading.local()
    waiting: list[int] = []

    def sleep(lost: threading.Event, _: float) -> None:
        mine.has_place = True
        arrived.release()
        while not lost.wait(0.001) and not over.is_set():
            pass

    places = Places(most=most, sleep=sleep)

    def wait(number: int) -> None:
        mine.has_place = False
        try:
            with places.wait(pairs[number] if pairs else "pair", networks[number], 4):
                waiting.append(number)
        except AnotherTryWaits:
            if not mine.has_place:
                arrived.release()

    with ThreadPoolExecutor(len(networks)) as pool:
        for number in range(len(networks)):
            pool.submit(wait, number)
            assert arrived.acquire(timeout=30)
        over.set()
    assert not any(places.is_taken(each) for each in pairs or ["pair"])
    return sorted(waiting)


def test_strangers_who_hold_every_place_are_in_no_known_browsers_way(
    house: TestHouse, owner: Person
) -> None:
    known, over = _try(house, OFFICE), threading.Event()
    assert isinstance(known, Session)
    strangers = Places(most=1, sleep=lambda _lost, _seconds: over.wait(30))
    pace = Pace(SlowLane(GAP), strangers, _quick_places(house))
    visit = operations.Visit("198.51.100.9", browser=known.browser)
    for _ in range(operations.FREE_TRIES_BROWSER + 3):
        assert isinstance(_try(house, visit, "wrong"), operations.WrongLogIn)

    def hold() -> None:
        with strangers.wait("another", "198.51.100.9", 40):
            pass

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hold)
        try:
            session = operations.log_in(
                house.db,
                email=EMAIL,
                password=PASSWORD,
                visit=visit,
                now=house.real_now(),
                pace=pace,
            )
        finally:
            over.set()
    assert isinstance(session, Session)


def test_a_known_browser_guesses_hardly_more_than_a_stranger(
    house: TestHouse, owner: Person
) -> None:
    known = _try(house, OFFICE)
    assert isinstance(known, Session)
    visit = operations.Visit("198.51.100.9", browser=known.browser)
    waits = [_waited(house, visit, "wrong") for _ in range(operations.FREE_TRIES_BROWSER + 6)]
    assert waits == [0] * operations.FREE_TRIES_BROWSER + [4, 8, 16, 32, 40, 40]
    # Without its cookie the browser is a stranger, who is not blamed for it.
    assert _waited(house, operations.Visit("198.51.100.9")) == 0


def test_a_made_up_browser_is_a_strangers(house: TestHouse, owner: Person) -> None:
    for number in range(operations.FREE_TRIES_PAIR):
        _try(house, operations.Visit("203.0.113.1", browser=f"made-up-{number}"), "wrong")
    assert _waited(house, operations.Visit("203.0.113.1", browser="made-up")) == 4


def test_the_browser_of_one_person_is_not_known_to_another(house: TestHouse, owner: Person) -> None:
    other = person_in(house, None, Role.DESIGN, "b@tide.test")
    mine = _try(house, OFFICE)
    assert isinstance(mine, Session)
    for _ in range(operations.FREE_TRIES_PAIR):
        _try(house, operations.Visit("203.0.113.1", browser=mine.browser), "x", email=other.email)
    again = operations.Visit("203.0.113.1", browser=mine.browser)
    assert _waited(house, again, "x", email=other.email) == 4
    assert _waited(house, again) == 0


def test_a_person_is_known_by_so_many_browsers_and_by_none_after_a_new_password(
    house: TestHouse, owner: Person
) -> None:
    sessions = []
    for _ in range(BROWSERS_MAX + 2):
        sessions.append(_try(house, OFFICE))
        house.forward(minutes=1)
    tokens = [each.browser for each in sessions if isinstance(each, Session)]
    assert [_is_known(house, token) for token in tokens] == [False] * 2 + [True] * BROWSERS_MAX
    last = sessions[-1]
    assert isinstance(last, Session)
    with house.db.read() as tx:
        assert tokens[-1] not in repr(tx.execute(text("select * from browsers")).all())
    after = operations.change_password(
        house.db,
        person=owner,
        token=last.token,
        present=PASSWORD,
        password="another long one",
        visit=operations.Visit("198.51.100.7", browser=last.browser),
        now=house.real_now(),
    )
    assert not any(_is_known(house, token) for token in tokens)
    assert _is_known(house, after.browser)
    house.forward(days=operations.BROWSER_DAYS, seconds=1)
    assert not _is_known(house, after.browser)


def _is_known(house: TestHouse, token: str) -> bool:
    with house.db.read() as tx:
        return operations.is_known_browser(tx, email=EMAIL, browser=token, now=house.real_now())


def test_addresses_of_one_ipv6_network_count_as_one(house: TestHouse, owner: Person) -> None:
    for number in range(operations.FREE_TRIES_PAIR):
        _try(house, operations.Visit(f"2001:db8:1:2::{number}"), "wrong")
    assert _waited(house, operations.Visit("2001:db8:1:3::1")) == 0
    assert _waited(house, operations.Visit("2001:db8:1:2:ffff::9")) == 4


def test_many_addresses_at_once_are_looked_at_one_after_the_other(
    house: TestHouse, owner: Person
) -> None:
    _wrong(house, operations.CALM_ACCOUNT, addresses=200)
    lane, together = CountingLane(), threading.Barrier(16)

    def guess(number: int) -> None:
        together.wait()
        _try(house, operations.Visit(f"198.51.100.{number}"), "wrong", lane=lane)

    began = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(guess, range(16)))
    assert len(lane.passed) == 16
    assert time.monotonic() - began >= 15 * GAP


def test_the_slow_lane_holds_so_many_and_no_network_fills_it(house: TestHouse) -> None:
    lane, got = SlowLane(0.05), []

    def come(network: str) -> None:
        try:
            lane.wait(network)
            got.append("passed")
        except Busy:
            got.append("busy")

    networks = [*["203.0.113.1"] * 20, *[f"198.51.100.{n}" for n in range(LANE_LENGTH_MAX)]]
    with ThreadPoolExecutor(len(networks)) as pool:
        list(pool.map(come, networks))
    assert got.count("passed") >= LANE_LENGTH_MAX
    assert got.count("busy") >= 20 - LANE_NETWORK_MAX
    lane.wait("203.0.113.1")


def test_a_confirmation_is_bounded_by_its_session_and_by_no_stranger(
    house: TestHouse, owner: Person
) -> None:
    session = _try(house, OFFICE)
    assert isinstance(session, Session)
    _wrong(house, operations.CALM_ACCOUNT, addresses=1)
    refused = []
    for _ in range(operations.FREE_TRIES_BROWSER + 5):
        with pytest.raises(Refusal) as got:
            _confirm(house, session, "wrong")
        refused.append(type(got.value))
    assert refused.count(operations.WrongPassword) == operations.FREE_TRIES_BROWSER
    assert refused.count(operations.TooManyAttempts) == 5
    house.forward(minutes=20)
    _confirm(house, session, PASSWORD)


def _confirm(house: TestHouse, session: Session, password: str) -> None:
    operations.confirm(
        house.db,
        person=session.person,
        token=session.token,
        password=password,
        visit=OFFICE,
        now=house.real_now(),
    )


def test_a_right_password_is_no_longer_one_once_it_has_changed(
    house: TestHouse, owner: Person
) -> None:
    guess = Guess(EMAIL, "198.51.100.7", token_hash("x"))
    attempt = Attempt(house.db, guess, now=house.real_now(), may_wait=False)
    with attempt, house.db.read() as tx:
        rows = tx.execute(text("select is_good from log_in_attempts")).scalars().all()
    assert [bool(each) for each in rows] == [False]
