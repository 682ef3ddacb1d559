"""Signed quotes: the price of one cart, which an order may hold the shop to until a time.

A quote is not kept: its token carries what was quoted, closed with the installation's secret. An
order that names it is priced again all the same, and refused when the price is another one.
"""

import hashlib
from datetime import datetime, timedelta

import msgspec

from springtide.domain.access.model import Shop
from springtide.domain.pricing.model import Decision
from springtide.flows.checkout.buyer import Wanted
from springtide.kit.errors import N_, Refusal
from springtide.kit.seals import close, text_of, unclose

QUOTE_TTL = timedelta(minutes=15)
TOKEN_LENGTH_MAX = 400


class BadQuote(Refusal):
    """A token that is no quote of this shop."""

    code = "quote_unknown"
    text = N_("This is not a quote of this shop.")


class QuoteExpired(Refusal):
    """A quote whose time is over."""

    code = "quote_expired"
    status = 409
    text = N_("The quote held until {valid_until}; price the cart again.")


class QuoteOfOtherCart(Refusal):
    """A quote for another cart, buyer or destination than the order's."""

    code = "quote_other_cart"
    status = 409
    text = N_("The quote is for another cart; price this one.")


class _Quote(msgspec.Struct, array_like=True):
    cart: str
    total_minor: int
    valid_until: datetime


def sign_quote(
    secret: str, *, shop: Shop, wanted: Wanted, decision: Decision
) -> tuple[str, datetime]:
    """Return the token of a decision and until when it holds."""
    valid_until = decision.priced_at + QUOTE_TTL
    said = msgspec.json.encode(_Quote(_digest(wanted), decision.total_minor, valid_until))
    return close(secret, _purpose(shop), said), valid_until


def quoted_total(secret: str, *, shop: Shop, wanted: Wanted, token: str, now: datetime) -> int:
    """Return the total of a quote for this cart; refuse forged, expired and other quotes."""
    said = unclose(secret, _purpose(shop), token)
    if said is None:
        raise BadQuote
    quote = msgspec.json.decode(said, type=_Quote)
    if now >= quote.valid_until:
        raise QuoteExpired(valid_until=quote.valid_until.isoformat())
    if quote.cart != _digest(wanted):
        raise QuoteOfOtherCart
    return quote.total_minor


def _digest(wanted: Wanted) -> str:
    """Return what names a cart: pieces by product, not the order in which it was filled."""
    document = msgspec.json.encode(
        (
            sorted(wanted.pieces.items()),
            sorted(set(wanted.codes)),
            wanted.points,
            wanted.shipping_minor,
            wanted.customer_key,
            wanted.channel,
            wanted.region,
            sorted(wanted.segments),
            sorted(wanted.holds),
            # Beside the others, so that quotes of before it was stated still hold.
            *(() if wanted.points_balance is None else (wanted.points_balance,)),
        )
    )
    return text_of(hashlib.sha256(document).digest()[:12])


def _purpose(shop: Shop) -> bytes:
    return shop.id.bytes + b"quote"
