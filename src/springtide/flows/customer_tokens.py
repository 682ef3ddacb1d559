"""Signed tokens of a customer: who a browser's customer is, and who shared a link.

A publishable key may not say who the customer is. The shop's server asks for a token when its
customer logs in, and the page hands it on with what it claims. A share's token stands in a link
that anybody may pass on: it names who shared, and lets nobody act for them.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

import msgspec

from springtide.domain.access.model import Shop
from springtide.kit.errors import N_, Refusal

TOKEN_TTL = timedelta(hours=12)
SHARE_TTL = timedelta(days=60)
TOKEN_LENGTH_MAX = 400
_SIGNATURE_BYTES = 16


class BadCustomerToken(Refusal):
    """A token that is none of this shop, or whose time is over."""

    code = "customer_token_bad"
    status = 401
    text = N_("The customer's token does not hold here, or no longer; ask for another.")


class BadShare(Refusal):
    """A share's token that is none of this shop and reward, or whose time is over."""

    code = "share_bad"
    status = 409
    text = N_("This link does not hold here, or no longer.")


class _Customer(msgspec.Struct, array_like=True):
    customer_key: str
    valid_until: datetime


def sign_customer(
    secret: str, *, shop: Shop, customer_key: str, now: datetime
) -> tuple[str, datetime]:
    """Return a token for a customer, and until when it holds."""
    return _signed(secret, shop, "customer", customer_key, now + TOKEN_TTL)


def customer_of(secret: str, *, shop: Shop, token: str, now: datetime) -> str:
    """Return the key of the customer whom a token names; raises BadCustomerToken."""
    found = _read(secret, shop, "customer", token, now)
    if found is None:
        raise BadCustomerToken
    return found


def sign_share(
    secret: str, *, shop: Shop, reward: str, customer_key: str, now: datetime
) -> tuple[str, datetime]:
    """Return the token of a share of one reward, and until when it holds."""
    return _signed(secret, shop, f"share:{reward}", customer_key, now + SHARE_TTL)


def sharer_of(secret: str, *, shop: Shop, reward: str, token: str, now: datetime) -> str:
    """Return who shared a reward by a token; raises BadShare."""
    found = _read(secret, shop, f"share:{reward}", token, now)
    if found is None:
        raise BadShare
    return found


def _signed(
    secret: str, shop: Shop, purpose: str, customer_key: str, valid_until: datetime
) -> tuple[str, datetime]:
    body = msgspec.json.encode(_Customer(customer_key, valid_until))
    return _text(_signature(secret, shop, purpose, body) + body), valid_until


def _read(secret: str, shop: Shop, purpose: str, token: str, now: datetime) -> str | None:
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError:
        return None
    signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    is_ours = hmac.compare_digest(signature, _signature(secret, shop, purpose, body))
    if not is_ours or _text(raw) != token:
        return None
    customer = msgspec.json.decode(body, type=_Customer)
    return customer.customer_key if now < customer.valid_until else None


def _signature(secret: str, shop: Shop, purpose: str, body: bytes) -> bytes:
    signed = purpose.encode() + b":" + shop.id.bytes + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
