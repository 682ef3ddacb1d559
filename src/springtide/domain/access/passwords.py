"""What a password must be like: long, none of the first to be guessed, no composition rules.

OWASP ASVS level 2 and NIST SP 800-63B. Which passwords are guessed first is told by zxcvbn: 30,000
common ones and 60,000 words and names that it ships, with their repeats, sequences, keyboard walks
and letter swaps; and by what is known of the person. The bounds on guessing (see
operations/tries.py) count on GUESSES_MIN.
"""

import re
import threading
from collections.abc import Iterable

from zxcvbn import zxcvbn

from springtide.kit.errors import N_, Refusal

LENGTH_MIN, LENGTH_MAX = 12, 200
#: A password that falls within so many guesses is refused.
GUESSES_MIN = 10**8
# The longer ones are told by their beginning: the search takes time that grows with the square.
_READ_MAX = 64
# zxcvbn keeps what is known of the person in a global of its own: one person at a time.
_one_at_a_time = threading.Lock()
_OURS = ("springtide", "大潮", "dachao")


class WeakPassword(Refusal):
    """A password that is too short or too long."""

    code = "weak_password"
    text = N_("A password has {min} to {max} characters.")


class CommonPassword(Refusal):
    """A password that is guessed early: common, a pattern, or made of what is known of someone."""

    code = "common_password"
    text = N_(
        "This password is guessed too soon: it is common, a pattern, or made of your name, address "
        "or shop. Several words that have nothing to do with each other are better."
    )


def checked_password(password: str, *, email: str, names: Iterable[str] = ()) -> str:
    """Return an acceptable password; refuses others (WeakPassword, CommonPassword).

    ``names`` are the person's, their shops': what others know of them.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise WeakPassword(min=LENGTH_MIN, max=LENGTH_MAX)
    known = [word for text in (email, *names) for word in (text, *re.split(r"[\W_]+", text))]
    known = [word for word in (*known, *_OURS) if len(word) > 1]
    with _one_at_a_time:
        told = zxcvbn(password[:_READ_MAX], user_inputs=known, max_length=_READ_MAX)
    if told["guesses"] < GUESSES_MIN:
        raise CommonPassword
    return password
