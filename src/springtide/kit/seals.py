"""Sealed texts: what we said and signed, handed out to be brought back unchanged.

A seal is of one purpose: what was sealed for one serves no other. Its time, where it has one, is
part of what it says.
"""

import base64
import hashlib
import hmac

_SIGNATURE_BYTES = 16


def seal(secret: str, purpose: bytes, said: bytes) -> str:
    """Return what was said as text of URL-safe letters, signed (HMAC-SHA-256)."""
    return text_of(_signature(secret, purpose, said) + said)


def unseal(secret: str, purpose: bytes, sealed: str) -> bytes | None:
    """Return what a sealed text says; None for one that is not ours, or not as it was written."""
    try:
        raw = base64.urlsafe_b64decode(sealed.encode("ascii") + b"=" * (-len(sealed) % 4))
    except ValueError:
        return None
    signature, said = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(secret, purpose, said)):
        return None
    # The last letter may have bits to spare: another spelling of the same bytes is not ours.
    return said if text_of(raw) == sealed else None


def text_of(raw: bytes) -> str:
    """Return bytes as URL-safe letters.

    >>> text_of(b"tide")
    'dGlkZQ'
    """
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _signature(secret: str, purpose: bytes, said: bytes) -> bytes:
    signed = len(purpose).to_bytes(4, "big") + purpose + said
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()[:_SIGNATURE_BYTES]
