"""Sealed and closed texts: what we said, handed out to be brought back unchanged.

A sealed text is signed, and whoever holds it can read it. A closed one is encrypted: it tells
nothing, not even the length of what it says to the byte. Either is of one purpose: what was sealed
for one serves no other. Its time, where it has one, is part of what it says.
"""

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_SIGNATURE_BYTES = 16
_NONCE_BYTES = 12
#: What is closed is filled up to a multiple of this.
_BLOCK_BYTES = 32
#: How a closed text begins; no sealed one has a dot.
_CLOSED = "2."


def close(secret: str, purpose: bytes, said: bytes) -> str:
    """Return what was said as text of URL-safe letters and a dot, encrypted (AES-256-GCM)."""
    nonce = os.urandom(_NONCE_BYTES)
    filled = said + b"\x80" + bytes(-(len(said) + 1) % _BLOCK_BYTES)
    return _CLOSED + text_of(nonce + _cipher(secret, purpose).encrypt(nonce, filled, None))


def unclose(secret: str, purpose: bytes, closed: str) -> bytes | None:
    """Return what a closed text says, None for one that is not ours or not as it was written.

    One that was only sealed, by an older release, is read too.
    """
    if not closed.startswith(_CLOSED):
        return unseal(secret, purpose, closed)
    raw = _raw(closed[len(_CLOSED) :])
    if raw is None or len(raw) < _NONCE_BYTES:
        return None
    nonce, written = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
    try:
        filled = _cipher(secret, purpose).decrypt(nonce, written, None)
    except (InvalidTag, ValueError):
        return None
    return filled[: filled.rindex(b"\x80")]


def seal(secret: str, purpose: bytes, said: bytes) -> str:
    """Return what was said as text of URL-safe letters, signed (HMAC-SHA-256)."""
    return text_of(_signature(secret, purpose, said) + said)


def unseal(secret: str, purpose: bytes, sealed: str) -> bytes | None:
    """Return what a sealed text says; None for one that is not ours, or not as it was written."""
    raw = _raw(sealed)
    if raw is None:
        return None
    signature, said = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(secret, purpose, said)):
        return None
    return said


def text_of(raw: bytes) -> str:
    """Return bytes as URL-safe letters.

    >>> text_of(b"tide")
    'dGlkZQ'
    """
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes | None:
    try:
        raw = base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except ValueError:
        return None
    # The last letter may have bits to spare: another spelling of the same bytes is not ours.
    return raw if text_of(raw) == text else None


def _cipher(secret: str, purpose: bytes) -> AESGCM:
    # A key a purpose: so many texts of one never come that a random nonce came twice.
    named = b"closed" + len(purpose).to_bytes(4, "big") + purpose
    return AESGCM(hmac.new(secret.encode(), named, hashlib.sha256).digest())


def _signature(secret: str, purpose: bytes, said: bytes) -> bytes:
    signed = len(purpose).to_bytes(4, "big") + purpose + said
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
