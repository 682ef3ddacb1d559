"""Who a browser's customer is, as the shop's own server says: a signed token for some hours.

A publishable key may not say who the customer is. The shop's server asks for a token when its
customer logs in, and the page hands it on with what it claims.
"""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta

import msgspec

from springtide.domain.access.model import Shop
from springtide.kit.errors import N_, Refusal

TOKEN_TTL = timedelta(hours=12)
TOKEN_LENGTH_MAX = 400
_SIGNATURE_BYTES = 16


class BadCustomerToken(Refusal):
    """A token that is none of this shop, or whose time is over."""

    code = "customer_token_bad"
    status = 401
    text = N_("The customer's token does not hold here, or no longer; ask for another.")


class _Customer(msgspec.Struct, array_like=True):
    customer_key: str
    valid_until: datetime


def sign_customer(
    secret: str, *, shop: Shop, customer_key: str, now: datetime
) -> tuple[str, datetime]:
    """Return a token for a customer, and until when it holds."""
    valid_until = now + TOKEN_TTL
    body = msgspec.json.encode(_Customer(customer_key, valid_until))
    return _text(_signature(secret, shop, body) + body), valid_until


def customer_of(secret: str, *, shop: Shop, token: str, now: datetime) -> str:
    """Return the key of the customer whom a token names; raises BadCustomerToken."""
    try:
        raw = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except ValueError as error:
        raise BadCustomerToken from error
    signature, body = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
    is_ours = hmac.compare_digest(signature, _signature(secret, shop, body))
    if not is_ours or _text(raw) != token:
        raise BadCustomerToken
    customer = msgspec.json.decode(body, type=_Customer)
    if now >= customer.valid_until:
        raise BadCustomerToken
    return customer.customer_key


def _signature(secret: str, shop: Shop, body: bytes) -> bytes:
    signed = b"customer:" + shop.id.bytes + body
    return hmac.new(secret.encode(), signed, hashlib.sha256).digest()[:_SIGNATURE_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
