"""Ids: UUIDv7 inside, prefixed text outside; names that are made of others."""

import hashlib
import json
import os
from datetime import datetime
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


class BadId(Refusal):
    """A text that is not an id of the expected kind."""

    code = "bad_id"
    status = 404
    text = N_("“{value}” is not an id of the kind {prefix}.")


def uuid7(now: datetime) -> UUID:
    """Return a new UUIDv7 (RFC 9562) for an instant: 48 bits of milliseconds, 74 random bits."""
    milliseconds = int(now.timestamp() * 1000)
    random = int.from_bytes(os.urandom(10), "big")
    value = (milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | (random >> 68 & 0xFFF) << 64
    value |= 0b10 << 62 | random & (2**62 - 1)
    return UUID(int=value)


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
