"""Tokens of a customer: who a browser's customer is, and who shared a link.

A publishable key may not say who the customer is. The shop's server asks for a token when its
customer logs in, and the page hands it on with what it claims. A share's token stands in a link
that anybody may pass on: it names who shared, and lets nobody act for them. Both are closed: who
holds one cannot read whom it names.
"""

from datetime import datetime, timedelta

import msgspec

from springtide.domain.access.model import Shop
from springtide.kit.errors import N_, Refusal
from springtide.kit.seals import close, unclose

TOKEN_TTL = timedelta(hours=12)
SHARE_TTL = timedelta(days=60)
#: Of the longest key, closed.
TOKEN_LENGTH_MAX = 800


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
    said = msgspec.json.encode(_Customer(customer_key, valid_until))
    return close(secret, _purpose(shop, purpose), said), valid_until


def _read(secret: str, shop: Shop, purpose: str, token: str, now: datetime) -> str | None:
    said = unclose(secret, _purpose(shop, purpose), token)
    if said is None:
        return None
    customer = msgspec.json.decode(said, type=_Customer)
    return customer.customer_key if now < customer.valid_until else None


def _purpose(shop: Shop, purpose: str) -> bytes:
    return shop.id.bytes + purpose.encode()
