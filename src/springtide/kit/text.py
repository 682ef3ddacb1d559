"""Texts from outside: which can be kept as they are, on both databases."""

import re

from springtide.kit.errors import N_, Refusal

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


class BadEmail(Refusal):
    """A text that is not an e-mail address."""

    code = "bad_email"
    text = N_("“{value}” is not an e-mail address.")


class TextMissing(Refusal):
    """A text that must not be empty is."""

    code = "text_missing"
    text = N_("This must not be empty.")


class TextTooLong(Refusal):
    """A text longer than its column."""

    code = "text_too_long"
    text = N_("This is longer than {length_max} characters.")


class TextUnstorable(Refusal):
    """A text with a character that no database keeps: NUL or half a surrogate pair."""

    code = "text_unstorable"
    text = N_("The character at place {place} cannot be kept.")


def text_problem(value: str, *, length_max: int, is_needed: bool = False) -> Refusal | None:
    """Return why a text cannot be kept, or None; hostile texts are kept and escaped at output.

    >>> text_problem("<b>=1+1</b>", length_max=20) is None
    True
    >>> str(text_problem("a" + chr(0), length_max=20))
    'The character at place 2 cannot be kept.'
    """
    if is_needed and not value.strip():
        return TextMissing()
    if len(value) > length_max:
        return TextTooLong(length_max=length_max)
    unstorable = _UNSTORABLE.search(value)
    return TextUnstorable(place=unstorable.start() + 1) if unstorable else None
