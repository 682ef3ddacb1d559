"""Texts that are handed out and brought back: signed, or closed so that nobody reads them."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.kit.seals import close, seal, unclose, unseal

SECRET = "a secret of tests, long enough for it"


@given(said=st.binary(max_size=600), purpose=st.binary(max_size=40))
def test_what_was_closed_is_read_again_and_by_nobody_else(said: bytes, purpose: bytes) -> None:
    closed = close(SECRET, purpose, said)
    assert unclose(SECRET, purpose, closed) == said
    assert re.fullmatch(r"2\.[\w-]+", closed)
    assert unclose(SECRET, purpose + b"x", closed) is None
    assert unclose("another secret", purpose, closed) is None
    assert unseal(SECRET, purpose, closed) is None


def test_a_closed_text_tells_neither_what_it_says_nor_how_long_that_is() -> None:
    closed = close(SECRET, b"share", b'["customer-0815", "2025"]')
    raw = base64.urlsafe_b64decode(closed[2:] + "==")
    assert b"customer" not in raw
    assert b"0815" not in raw
    assert closed != close(SECRET, b"share", b'["customer-0815", "2025"]')
    assert len({len(close(SECRET, b"share", b"x" * length)) for length in range(31)}) == 1


@pytest.mark.parametrize("at", [2, 20, -1])
def test_a_letter_that_is_another_makes_it_none_of_ours(at: int) -> None:
    closed = close(SECRET, b"share", b"said")
    other = list(closed)
    other[at] = "B" if other[at] == "A" else "A"
    assert unclose(SECRET, b"share", "".join(other)) is None


@pytest.mark.parametrize("text", ["", "2.", "2.AA", "2.üü", "2." + "A" * 30, "x.AAAA"])
def test_what_is_no_closed_text_is_none(text: str) -> None:
    assert unclose(SECRET, b"share", text) is None


def test_what_an_older_release_sealed_is_read_still() -> None:
    assert unclose(SECRET, b"share", seal(SECRET, b"share", b"said")) == b"said"
    assert unclose(SECRET, b"other", seal(SECRET, b"share", b"said")) is None
