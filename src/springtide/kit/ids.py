"""Ids: UUIDv7 inside, prefixed text outside; names that are made of others."""

import hashlib
import json
import os
from datetime import datetime
from threading import Lock
from uuid import UUID

from springtide.kit.errors import N_, Refusal

# Crockford's base 32: no I, L, O, U, so an id can be read aloud.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_LENGTH = 26
# Two letters at a time, the first ones first.
_PAIRS = [one + other for one in _ALPHABET for other in _ALPHABET]
_SHIFTS = range(120, -1, -10)
_DIGEST_LENGTH = 32


#: What a clock may step back by, in milliseconds: a day and an hour.
_STEP_BACK_MAX = 25 * 3_600 * 1_000
_lock = Lock()
#: The milliseconds and random bits of the last id.
_NONE = (-1 - _STEP_BACK_MAX * 2, 0)
_last = [_NONE]


class BadId(Refusal):
    """A text that is not an id of the expected kind."""

    code = "bad_id"
    status = 404
    text = N_("“{value}” is not an id of the kind {prefix}.")


def uuid7(now: datetime) -> UUID:
    """Return a new UUIDv7 (RFC 9562) for an instant: 48 bits of milliseconds, 74 random bits.

    The ids of one process rise, within a millisecond and when its clock steps back by up to a
    day: then they go on from the last one. A clock that is further behind is another shop's.
    """
    milliseconds = int(now.timestamp() * 1000)
    with _lock:
        last_milliseconds, last = _last[0]
        if 0 <= last_milliseconds - milliseconds <= _STEP_BACK_MAX:
            milliseconds = last_milliseconds
            random = last + 1 + int.from_bytes(os.urandom(5), "big")
            if random >> 74:
                milliseconds, random = milliseconds + 1, _fresh()
        else:
            random = _fresh()
        _last[0] = milliseconds, random
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 62) << 64
    value |= 0b10 << 62 | random & (2**62 - 1)
    return UUID(int=value)


def floor7(at: datetime) -> UUID:
    """Return what no id of an instant or later lies below; it names nothing.

    Ids may be ahead of their instants (see uuid7), so those above it may be of earlier ones.
    """
    return UUID(int=int(at.timestamp() * 1000) << 80)


def _begin_anew() -> None:
    """Let a forked process not go on from the last id of its parent, as its siblings would."""
    global _lock
    _lock, _last[0] = Lock(), _NONE


os.register_at_fork(after_in_child=_begin_anew)


def _fresh() -> int:
    # Below half of what fits, so that many can follow.
    return int.from_bytes(os.urandom(10), "big") >> 7


def outward(prefix: str, value: UUID) -> str:
    """Return the id as the outside sees it, for example ``cmp_01…``."""
    number = value.int
    return f"{prefix}_{''.join([_PAIRS[number >> shift & 1023] for shift in _SHIFTS])}"


def inward(prefix: str, text: str) -> UUID:
    """Return the UUID behind an outward id; refuse another prefix or a broken text.

    >>> inward("cmp", outward("cmp", UUID(int=7)))
    UUID('00000000-0000-0000-0000-000000000007')
    """
    head, _, body = text.partition("_")
    if head != prefix or len(body) != _LENGTH or any(letter not in _VALUES for letter in body):
        raise BadId(value=text[:60], prefix=prefix)
    number = 0
    for letter in body:
        number = number << 5 | _VALUES[letter]
    if number >= 2**128:
        raise BadId(value=text[:60], prefix=prefix)
    return UUID(int=number)


def joined(*parts: str, length_max: int) -> str:
    """Return a name that no other parts, as many, have; of ``length_max`` characters (50 or more).

    It is the parts joined by colons where that can be read in one way only and fits; else it ends
    in a digest of all of them, so that nothing is ever cut off.

    >>> joined("refund", "A-1", "r:7", length_max=60)
    'refund:A-1:r:7'
    >>> joined("refund", "A:1", "r", length_max=60)
    'refund:A:1:r~c0b2a1bcd4b49448896cb5c59b8e2cb1'
    """
    plain = ":".join(parts)
    if len(plain) <= length_max and not any(":" in part for part in parts[:-1]):
        return plain
    document = json.dumps(parts).encode()
    digest = hashlib.sha256(document).hexdigest()[:_DIGEST_LENGTH]
    return f"{plain[: length_max - _DIGEST_LENGTH - 1]}~{digest}"
