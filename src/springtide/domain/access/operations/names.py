"""Checks of what people type for names and addresses."""

import re
from collections.abc import Callable

from springtide.kit.errors import N_, Refusal
from springtide.kit.text import BadEmail

_EMAIL = re.compile(r"[^@\s\x00-\x1f]{1,64}@[^@\s\x00-\x1f.]+(?:\.[^@\s\x00-\x1f.]+)+")
_EMAIL_MAX = 254
_NAME_MAX = 120
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadName(Refusal):
    """A name that is empty, too long, or holds control characters."""

    code = "bad_name"
    text = N_("A name has 1 to {max} characters on one line.")


def checked_name(name: str) -> str:
    """Return a name without outer spaces; refuses others (BadName)."""
    name = name.strip()
    if not name or len(name) > _NAME_MAX or _CONTROL.search(name):
        raise BadName(max=_NAME_MAX)
    return name


def checked_email(email: str) -> str:
    """Return an e-mail address in lower case; refuses what is none (BadEmail)."""
    email = email.strip().lower()
    if len(email) > _EMAIL_MAX or not _EMAIL.fullmatch(email):
        raise BadEmail(value=email[:80])
    return email


def check(wrong: dict[str, Refusal], field: str, reading: Callable[[], object]) -> None:
    """Note the refusal of a field under its name."""
    try:
        reading()
    except Refusal as refusal:
        wrong[field] = refusal
