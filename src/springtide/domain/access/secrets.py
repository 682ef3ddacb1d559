"""Secrets: password hashes (Argon2id), random tokens and what is kept of them."""

import hashlib
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from springtide.domain.access.pace import Busy

# Argon2id with 46 MiB and one pass: the first choice of OWASP's Password Storage Cheat Sheet
# (2023 and later). A log-in stays near 0.1 s of CPU, so that a burst of them stops no sale.
_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)

#: Hashes at the same time, for strangers and for people whose browser is known: together they
#: hold at most 184 MiB, and a flood of strangers takes no turn from the team.
HASHES_AT_ONCE = 2
_WAIT_SECONDS = 30
_strangers = threading.BoundedSemaphore(HASHES_AT_ONCE)
_known = threading.BoundedSemaphore(HASHES_AT_ONCE)


@contextmanager
def _turn(*, is_known: bool) -> Iterator[None]:
    turns = _known if is_known else _strangers
    if not turns.acquire(timeout=_WAIT_SECONDS):
        raise Busy(seconds=_WAIT_SECONDS)
    try:
        yield
    finally:
        turns.release()


@cache
def nobody_hash() -> str:
    """Return a hash to verify against when nobody has the e-mail address: it takes as long."""
    return _hasher.hash(secrets.token_urlsafe())


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password."""
    with _turn(is_known=True):
        return _hasher.hash(password)


def password_fits(password_hash: str, password: str, *, is_known: bool = True) -> bool:
    """Tell whether a password has this hash; takes the same time whether or not it fits.

    ``is_known`` is False for who may be a stranger; refuses (Busy) when no turn comes in time.
    """
    with _turn(is_known=is_known):
        try:
            return _hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def wants_rehash(password_hash: str) -> bool:
    """Tell whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def new_token(prefix: str = "") -> str:
    """Return a random token of 256 bits, in letters that need no quoting in a header."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> bytes:
    """Return what is kept of a token: with 256 random bits a plain SHA-256 is enough."""
    return hashlib.sha256(token.encode()).digest()
