"""Secrets: password hashes (Argon2id), random tokens and what is kept of them."""

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# Argon2id with 46 MiB and one pass: the first choice of OWASP's Password Storage Cheat Sheet
# (2023 and later). A log-in stays near 0.1 s of CPU, so that a burst of them stops no sale.
_hasher = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1)


@cache
def nobody_hash() -> str:
    """Return a hash to verify against when nobody has the e-mail address: it takes as long."""
    return _hasher.hash(secrets.token_urlsafe())


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password."""
    return _hasher.hash(password)


def password_fits(password_hash: str, password: str) -> bool:
    """Tell whether a password has this hash; takes the same time whether or not it fits."""
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
