"""Tokens that name a customer: read by nobody, of one shop, for a time."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from springtide.domain.access.model import Shop
from springtide.flows.checkout.customer_tokens import (
    SHARE_TTL,
    TOKEN_LENGTH_MAX,
    TOKEN_TTL,
    BadCustomerToken,
    BadShare,
    customer_of,
    sharer_of,
    sign_customer,
    sign_share,
)
from springtide.kit.seals import seal

SECRET = "a secret of tests, long enough for it"
NOW = datetime(2025, 11, 11, 12, tzinfo=UTC)
SHOP = Shop(UUID(int=1), "tide", "Tide", "CNY", "Asia/Shanghai")
OTHER = Shop(UUID(int=2), "other", "Other", "CNY", "Asia/Shanghai")


def share(customer: str, *, shop: Shop = SHOP) -> str:
    return sign_share(SECRET, shop=shop, reward="rwd_1", customer_key=customer, now=NOW)[0]


def sharer(token: str, *, shop: Shop = SHOP, now: datetime = NOW) -> str:
    return sharer_of(SECRET, shop=shop, reward="rwd_1", token=token, now=now)


def own(customer: str, *, shop: Shop = SHOP) -> str:
    return sign_customer(SECRET, shop=shop, customer_key=customer, now=NOW)[0]


def owner(token: str, *, shop: Shop = SHOP, now: datetime = NOW) -> str:
    return customer_of(SECRET, shop=shop, token=token, now=now)


KINDS: list[tuple[Any, Any, type[Exception], timedelta]] = [
    (share, sharer, BadShare, SHARE_TTL),
    (own, owner, BadCustomerToken, TOKEN_TTL),
]


@pytest.mark.parametrize(("make", "read", "refusal", "lasts"), KINDS)
def test_a_token_names_its_customer_to_us_alone(
    make: Any, read: Any, refusal: type[Exception], lasts: timedelta
) -> None:
    token = make("li.mei@example.com")
    assert read(token) == "li.mei@example.com"
    letters = token.partition(".")[2]
    assert b"example" not in base64.urlsafe_b64decode(letters + "=" * (-len(letters) % 4))
    for shop, now in ((OTHER, NOW), (SHOP, NOW + lasts)):
        with pytest.raises(refusal):
            read(token, shop=shop, now=now)
    assert read(token, now=NOW + lasts - timedelta(seconds=1)) == "li.mei@example.com"


@pytest.mark.parametrize(("make", "read"), [(share, sharer), (own, owner)])
@pytest.mark.parametrize("key", ["会" * 120, '"' * 120, "1"])
def test_the_longest_key_fits_into_what_a_body_takes(make: Any, read: Any, key: str) -> None:
    assert len(make(key)) <= TOKEN_LENGTH_MAX
    assert read(make(key)) == key


def test_tokens_of_the_release_before_hold_to_their_end() -> None:
    said = msgspec.json.encode(["lin", NOW + timedelta(days=3)])
    old = seal(SECRET, SHOP.id.bytes + b"share:rwd_1", said)
    assert sharer(old) == "lin"
    with pytest.raises(BadShare):
        sharer(old, now=NOW + timedelta(days=3))
    old = seal(SECRET, SHOP.id.bytes + b"customer", said)
    assert owner(old) == "lin"
