"""Which texts can be kept."""

import pytest

from springtide.kit.text import TextMissing, TextTooLong, TextUnstorable, text_problem


@pytest.mark.parametrize("text", ["", "a", "<b>=1+1</b>", "双十一", "\x01\t\n", "\U0001f9e7" * 20])
def test_a_text_within_its_length_is_kept_whatever_is_in_it(text: str) -> None:
    assert text_problem(text, length_max=20) is None


def test_a_text_is_as_long_as_its_characters() -> None:
    assert text_problem("红" * 20, length_max=20) is None
    refused = text_problem("红" * 21, length_max=20)
    assert isinstance(refused, TextTooLong)
    assert refused.facts == {"length_max": 20}


@pytest.mark.parametrize("text", ["", " ", "\u3000\n"])
def test_a_needed_text_is_more_than_blanks(text: str) -> None:
    assert isinstance(text_problem(text, length_max=20, is_needed=True), TextMissing)
    assert text_problem(f"{text}a", length_max=20, is_needed=True) is None


@pytest.mark.parametrize(
    ("text", "place"), [("\0", 1), ("ab\ud800", 3), ("a\udfffb\0", 2), ("\ue000\ud7ff\ud900", 3)]
)
def test_what_no_database_keeps_is_refused_at_its_place(text: str, place: int) -> None:
    refused = text_problem(text, length_max=20)
    assert isinstance(refused, TextUnstorable)
    assert refused.facts == {"place": place}
