"""Tokens that let a browser act for one customer, asked for by the shop's own server."""

from datetime import datetime
from typing import Annotated

from litestar import post
from msgspec import Meta, Struct

from springtide.api.fields import CustomerKey
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.flows.checkout.customer_tokens import sign_customer
from springtide.kit.errors import Invalid
from springtide.kit.text import text_problem


class CustomerTokenIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom the token is for."""

    customer_key: CustomerKey


class CustomerToken(Struct, kw_only=True):
    """A token to hand to the customer's browser."""

    token: Annotated[str, Meta(description="Send it as customer_token.")]
    valid_until: datetime


@post(
    "/v1/customer-tokens",
    opt={"access": Key(Scope.CLAIMS_WRITE), "idempotency": "none"},
    status_code=200,
    sync_to_thread=False,
    tags=["claims"],
    operation_id="makeCustomerToken",
    summary="Make a token for a customer's browser",
)
def make_customer_token(house: House, caller: Caller, data: CustomerTokenIn) -> CustomerToken:
    """Return a token that lets a page act for this customer for some hours.

    Nothing is kept: the token carries who and until when, encrypted.
    """
    problem = text_problem(data.customer_key, length_max=120, is_needed=True)
    if problem:
        raise Invalid({"customer_key": problem})
    token, valid_until = sign_customer(
        house.settings.secret,
        shop=caller.shop,
        customer_key=data.customer_key,
        now=house.real_now(),
    )
    return CustomerToken(token=token, valid_until=valid_until)


routes = [make_customer_token]
