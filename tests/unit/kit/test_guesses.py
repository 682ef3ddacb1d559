"""Bounds kept in memory: guesses of what is secret, and buckets of calls."""

from typing import Any

import pytest

from springtide.api.guesses import (
    ADDRESS_TRIES,
    CUSTOMER_SECONDS,
    CUSTOMER_TRIES,
    Guesses,
    TooManyGuesses,
)
from springtide.api.limits import Limits, TooManyRequests

LIN: dict[str, Any] = {"customer": "lin", "address": "192.0.2.7"}


def guess(guesses: Guesses, said: str, at: float, **who: Any) -> None:
    guesses.refuse("shop", at_seconds=at, **who)
    guesses.wrong("shop", [said], at_seconds=at, **who)


def test_a_customer_has_some_wrong_tries_and_then_one_every_while() -> None:
    guesses = Guesses()
    for number in range(CUSTOMER_TRIES):
        guess(guesses, f"code {number}", 0.0, **LIN)
    with pytest.raises(TooManyGuesses) as refused:
        guesses.refuse("shop", at_seconds=0.0, **LIN)
    assert refused.value.facts["seconds"] == CUSTOMER_SECONDS
    guess(guesses, "one more", CUSTOMER_SECONDS, **LIN)
    with pytest.raises(TooManyGuesses):
        guesses.refuse("shop", at_seconds=CUSTOMER_SECONDS, **LIN)
    # Others at the same address, and the same customer of another shop, go on.
    guesses.refuse("shop", at_seconds=0.0, **LIN | {"customer": "mei"})
    guesses.refuse("other", at_seconds=0.0, **LIN)


def test_an_address_has_a_bound_however_many_customers_guess_there() -> None:
    guesses = Guesses()
    for number in range(ADDRESS_TRIES):
        guess(guesses, f"{number}", 0.0, customer=f"c{number}", address="2001:db8::/64")
    with pytest.raises(TooManyGuesses):
        guesses.refuse("shop", at_seconds=0.0, customer="new", address="2001:db8::/64")
    guesses.refuse("shop", at_seconds=0.0, customer="new", address="192.0.2.7")


def test_the_same_wrong_code_again_is_no_other_guess() -> None:
    guesses = Guesses()
    for _ in range(CUSTOMER_TRIES * 3):
        guess(guesses, "SPRING618", 0.0, **LIN)
    # It was one: all the others are left.
    for number in range(CUSTOMER_TRIES - 1):
        guess(guesses, f"code {number}", 0.0, **LIN)
    with pytest.raises(TooManyGuesses):
        guesses.refuse("shop", at_seconds=0.0, **LIN)


def test_who_guessed_longest_ago_is_forgotten_first() -> None:
    guesses = Guesses(kept_max=4)
    for number in range(100):
        guess(guesses, "x", 0.0, customer=f"c{number}", address=None)
    assert len(guesses._found) == 4


def test_ever_new_addresses_cost_bounded_memory() -> None:
    limits = Limits(rate=1, burst=1_000, kept_max=100)
    for number in range(10_000):
        limits.take(number, at_seconds=0.001 * number)
    assert len(limits._buckets) + len(limits._before) <= 100
    for _ in range(1_000):
        limits.take("one", at_seconds=20.0)
    with pytest.raises(TooManyRequests):
        limits.take("one", at_seconds=20.0)
