"""Secrets: password hashes (Argon2id), random tokens and what is kept of them."""

import hashlib
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# argon2-cffi's defaults follow RFC 9106's low-memory profile (64 MiB, 3 passes, 4 lanes).
_hasher = PasswordHasher()
# Verified when nobody has the e-mail address, so that the answer takes as long.
NOBODY_HASH = _hasher.hash("nobody has this password")


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
