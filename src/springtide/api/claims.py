"""The hot path: claims of rewards and of flash stock, as raw ASGI routes behind the claim desk."""

import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

import msgspec
from litestar import asgi
from litestar.exceptions import ClientException, MethodNotAllowedException, ValidationException
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Meta, Struct

from springtide.api.fields import CustomerKey, VisitorKey
from springtide.api.limits import Limits
from springtide.api.writes import HEADER, checked_key
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key
from springtide.domain.access.model import Scope as KeyScope
from springtide.domain.rewards.model import Attempt, Claim, Granted, UnknownReward
from springtide.flows.customer_tokens import TOKEN_LENGTH_MAX, customer_of
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import BadId, inward, outward
from springtide.kit.text import text_problem

BODY_BYTES_MAX = 16_384
#: Tries of one customer a second, and at once.
TRIES_PER_SECOND = 5.0
TRIES_AT_ONCE = 15
_KEY_HEADER = HEADER.lower().encode()
_FIELD = re.compile(r"`\$\.([^`]+)`")


class CustomerTokenNeeded(Refusal):
    """A publishable key that says who the customer is, or says nothing."""

    code = "customer_token_needed"
    status = 403
    text = N_("From a browser the customer comes as a token that your server asked for.")


class CustomerMissing(Refusal):
    """A claim of nobody."""

    code = "customer_missing"
    text = N_("Say who claims: a customer_key, or a customer_token.")


class ClaimIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """One customer's claim of a reward."""

    reward: Annotated[str, Meta(max_length=40, description="The reward's key, rwd_…")]
    customer_key: CustomerKey | None = None
    customer_token: (
        Annotated[
            str,
            Meta(
                max_length=TOKEN_LENGTH_MAX,
                description="With a publishable key: from POST /v1/customer-tokens.",
            ),
        ]
        | None
    ) = None
    visitor_key: VisitorKey | None = None
    device: Annotated[str, Meta(max_length=200, description="Your name of the device.")] | None = (
        None
    )
    address: (
        Annotated[
            str,
            Meta(
                max_length=64,
                description="With a secret key: the buyer's network address, for its limit.",
            ),
        ]
        | None
    ) = None
    phrase: Annotated[str, Meta(max_length=200, description="For a phrase packet.")] | None = None


class ReserveIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """One customer's reservation of flash stock."""

    customer_key: CustomerKey | None = None
    customer_token: Annotated[str, Meta(max_length=TOKEN_LENGTH_MAX)] | None = None
    visitor_key: VisitorKey | None = None
    device: Annotated[str, Meta(max_length=200)] | None = None
    address: Annotated[str, Meta(max_length=64)] | None = None
    quantity: Annotated[int, Meta(ge=1, le=1_000)] = 1


class ClaimOut(Struct, kw_only=True, omit_defaults=True):
    """What was granted; the same for every repeat of the key."""

    claim: Annotated[str, Meta(description="The claim's key, clm_…")]
    reward: str
    customer_key: str
    granted: Granted
    claimed_at: datetime
    expires_at: datetime | None = None


_ENCODER = msgspec.json.Encoder()
Body = TypeVar("Body", bound=ClaimIn | ReserveIn)
_Handler = Callable[[Scope, Receive, Send], Awaitable[None]]
_tries = Limits(rate=TRIES_PER_SECOND, burst=TRIES_AT_ONCE)
_read_claim = msgspec.json.Decoder(ClaimIn)
_read_reserve = msgspec.json.Decoder(ReserveIn)
_OPTIONS: dict[str, Any] = {
    "access": Key(KeyScope.CLAIMS_WRITE, publishable=True),
    "hot": True,
    "methods": ("OPTIONS", "POST"),
}


@asgi("/v1/claims", opt=_OPTIONS, copy_scope=False)
async def take_claim(scope: Scope, receive: Receive, send: Send) -> None:
    """Claim a reward: a coupon, a packet, a draw's entry, points for today."""
    http = cast("HTTPScope", scope)
    if await _only_post(http, send):
        return
    body = _decoded(_read_claim, await _bytes_of(receive))
    await _claim(http, send, body.reward, body, body.phrase, 1)


@asgi("/v1/flash/{id:str}/reserve", opt=_OPTIONS, copy_scope=False)
async def reserve_flash(scope: Scope, receive: Receive, send: Send) -> None:
    """Reserve pieces of flash stock: unpaid, they come back when their time is over."""
    http = cast("HTTPScope", scope)
    if await _only_post(http, send):
        return
    body = _decoded(_read_reserve, await _bytes_of(receive))
    await _claim(http, send, http["path_params"]["id"], body, None, body.quantity)


async def _claim(
    scope: HTTPScope, send: Send, reward: str, body: ClaimIn | ReserveIn, phrase: str | None,
    quantity: int,
) -> None:  # fmt: skip
    caller: Caller = scope["state"]["caller"]
    house: House = scope["litestar_app"].state.house
    customer = _customer(house, caller, body)
    key = _scoped(caller, customer, checked_key(_header(scope, _KEY_HEADER)))
    _refuse_unstorable(visitor_key=body.visitor_key, customer_key=customer)
    _tries.take((caller.shop.id, customer), at_seconds=time.monotonic())
    secret = house.settings.secret
    address = body.address
    if caller.key.is_publishable:
        address = (scope.get("client") or ("", 0))[0]
    asked = f"{reward}\0{customer}\0{body.device}\0{phrase}\0{quantity}\0{body.visitor_key}"
    attempt = Attempt(
        key=key,
        reward_id=_reward_id(reward),
        customer_key=customer,
        asked=hashlib.blake2b(asked.encode(errors="replace"), digest_size=16).hexdigest(),
        visitor_key=body.visitor_key,
        device=_fingerprint(secret, "device", body.device),
        address=_fingerprint(secret, "address", address),
        phrase=phrase,
        quantity=quantity,
    )
    claim = await house.claims.claim(caller.shop, attempt)
    await _answer(send, claim, reward)


async def _answer(send: Send, claim: Claim, reward: str) -> None:
    content = _ENCODER.encode(
        ClaimOut(
            claim=outward("clm", claim.id),
            reward=reward,
            customer_key=claim.customer_key,
            granted=claim.granted,
            claimed_at=claim.claimed_at,
            expires_at=claim.expires_at,
        )
    )
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(content)).encode()),
    ]
    if claim.replayed:
        headers.append((b"idempotency-replayed", b"true"))
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


async def _only_post(scope: HTTPScope, send: Send) -> bool:
    """Answer OPTIONS, refuse other methods than POST; tell whether all is said."""
    if scope["method"] == "POST":
        return False
    if scope["method"] != "OPTIONS":
        raise MethodNotAllowedException
    headers = [(b"allow", b"OPTIONS, POST"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
    return True


async def _bytes_of(receive: Receive) -> bytes:
    message = await receive()
    if message["type"] != "http.request":
        raise ClientException("the client went away")
    body: bytes = message["body"]
    while message["type"] == "http.request" and message.get("more_body"):
        if len(body) > BODY_BYTES_MAX:
            break
        message = await receive()
        body += message.get("body", b"")  # type: ignore[operator]
    if len(body) > BODY_BYTES_MAX:
        raise ClientException(status_code=413)
    return body


def _decoded(decoder: msgspec.json.Decoder[Body], raw: bytes) -> Body:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        found = _FIELD.search(str(error))
        field = found[1] if found else "body"
        problem = {"key": field, "message": str(error)}
        raise ValidationException(extra=[problem]) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ClientException(str(error)) from error


def _customer(house: House, caller: Caller, body: ClaimIn | ReserveIn) -> str:
    if body.customer_token is not None:
        now = house.real_now()
        secret = house.settings.secret
        return customer_of(secret, shop=caller.shop, token=body.customer_token, now=now)
    if caller.key.is_publishable:
        raise CustomerTokenNeeded
    if body.customer_key is None:
        raise Invalid({"customer_key": CustomerMissing()})
    return body.customer_key


def _refuse_unstorable(**texts: str | None) -> None:
    for field, value in texts.items():
        problem = None if value is None else text_problem(value, length_max=120, is_needed=True)
        if problem:
            raise Invalid({field: problem})


@lru_cache(maxsize=10_000)
def _reward_id(reward: str) -> UUID:
    try:
        return inward("rwd", reward)
    except BadId:
        raise UnknownReward(key=reward[:40]) from None


def _scoped(caller: Caller, customer: str, key: str) -> str:
    """Return a key that no other caller can meet; browsers share one key of the shop."""
    if not caller.key.is_publishable:
        return f"{_short(caller.key.id)}:{key}"
    who = hashlib.blake2b(customer.encode(), digest_size=8).hexdigest()
    return f"{_short(caller.key.id)}.{who}:{key}"


@lru_cache(maxsize=1_000)
def _short(key_id: UUID) -> str:
    return outward("key", key_id)


def _fingerprint(secret: str, kind: str, text: str | None) -> str | None:
    """Return what tells devices and addresses apart, and tells nothing else of them."""
    if not text:
        return None
    message = f"{kind}:{text}".encode(errors="replace")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:32]


def _header(scope: HTTPScope, name: bytes) -> str:
    for each, value in scope["headers"]:
        if each == name:
            return value.decode("latin-1")
    return ""


routes = [take_claim, reserve_flash]
