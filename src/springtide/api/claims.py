"""Claims of rewards and of flash stock: what is asked, who asks, and what the desk answers."""

import hashlib
import hmac
import time
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, post
from litestar.params import PathParameter
from msgspec import Meta, Struct

from springtide.api.fields import CustomerKey, VisitorKey
from springtide.api.guesses import GUESSES
from springtide.api.limits import Limits
from springtide.api.stated import customer_asking, refuse_servers_words
from springtide.api.writes import HEADER, checked_key
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.domain.rewards.codes import CodeMistyped, CodeUnknown, CodeUsed
from springtide.domain.rewards.games.group_buy import GroupUnknown
from springtide.domain.rewards.games.phrase_packet import WrongPhrase
from springtide.domain.rewards.model import Attempt, Claim, Granted, UnknownReward
from springtide.flows.checkout.customer_tokens import TOKEN_LENGTH_MAX, BadShare, sharer_of
from springtide.kit.addresses import network_of
from springtide.kit.errors import Invalid, Refusal
from springtide.kit.ids import BadId, inward, outward
from springtide.kit.reading import read_json
from springtide.kit.text import text_problem

#: Tries of one customer a second, and at once.
TRIES_PER_SECOND = 5.0
TRIES_AT_ONCE = 15


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
    device: (
        Annotated[
            str,
            Meta(
                max_length=200,
                description="Your name of the device; needed where a reward counts devices.",
            ),
        ]
        | None
    ) = None
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
    code: Annotated[str, Meta(max_length=60, description="For what needs a code.")] | None = None
    group: (
        Annotated[str, Meta(max_length=40, description="A group to join; none opens one.")] | None
    ) = None
    share: (
        Annotated[
            str, Meta(max_length=TOKEN_LENGTH_MAX, description="From the link of who shared.")
        ]
        | None
    ) = None


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
    replayed: Annotated[bool, Meta(description="This key had its answer before.")] = False


#: What tells a guess: something secret that was wrong.
_GUESSED = (WrongPhrase, CodeUnknown, CodeMistyped, CodeUsed, GroupUnknown)
_tries = Limits(rate=TRIES_PER_SECOND, burst=TRIES_AT_ONCE)
_read_claim = msgspec.json.Decoder(ClaimIn)
_read_reserve = msgspec.json.Decoder(ReserveIn)
RULE = Key(Scope.CLAIMS_WRITE, publishable=True)
PLACE_HEADER = "Waiting-Place"
CLAIMS, FLASH, RESERVE = "/v1/claims", "/v1/flash/", "/reserve"


@post(
    CLAIMS,
    opt={"access": RULE, "hot": True},
    tags=["claims"],
    operation_id="claimReward",
    summary="Claim a reward",
)
async def take_claim(
    request: Request[Any, Any, Any], house: House, caller: Caller, data: ClaimIn
) -> Response[ClaimOut]:
    """Claim a coupon, a packet, a draw's entry, points for today; answered after the commit.

    In a rush it may answer 429 (queue_full): nothing was taken, and you have a place. Send the very
    same request again after retry_after seconds, with place as its Waiting-Place.
    """
    return await _plain(request, house, caller, data, data.reward)


@post(
    FLASH + "{reward:str}" + RESERVE,
    opt={"access": RULE, "hot": True},
    tags=["claims"],
    operation_id="reserveFlash",
    summary="Reserve flash stock",
)
async def reserve_flash(
    request: Request[Any, Any, Any],
    house: House,
    caller: Caller,
    data: ReserveIn,
    reward: Annotated[str, PathParameter(description="The reward's key.", max_length=40)],
) -> Response[ClaimOut]:
    """Reserve pieces of flash stock for a short time: unpaid, they come back by themselves."""
    return await _plain(request, house, caller, data, reward)


async def _plain(
    request: Request[Any, Any, Any],
    house: House,
    caller: Caller,
    body: ClaimIn | ReserveIn,
    reward: str,
) -> Response[ClaimOut]:
    client = request.client.host if request.client else ""
    key = request.headers.get(HEADER, "")
    attempt = attempt_of(house, caller, body, reward=reward, idempotency_key=key, client=client)
    if isinstance(attempt, Refusal):
        raise attempt
    place = request.headers.get(PLACE_HEADER, "")
    granted = await house.claims.claim(caller.shop, attempt, place=place)
    note_guess(caller, attempt, granted)
    if isinstance(granted, Refusal):
        raise granted
    headers = {"Idempotency-Replayed": "true"} if granted.replayed else {}
    return Response(answer_of(granted), status_code=201, headers=headers)


def is_hot(method: str, path: str) -> bool:
    """Tell whether a request is a claim: those are answered before any other routing."""
    if method != "POST":
        return False
    return path == CLAIMS or (path.startswith(FLASH) and path.endswith(RESERVE))


def route_of(path: str) -> str:
    """Return the template of a hot request's route."""
    return CLAIMS if path == CLAIMS else FLASH + "{reward}" + RESERVE


def body_of(path: str, raw: bytes) -> tuple[ClaimIn | ReserveIn, str]:
    """Return what the bytes of a hot request say, and the reward they are about."""
    if path == CLAIMS:
        claim = read_json(_read_claim, raw)
        return claim, claim.reward
    return read_json(_read_reserve, raw), path[len(FLASH) : -len(RESERVE)]


def attempt_of(
    house: House,
    caller: Caller,
    body: ClaimIn | ReserveIn,
    *,
    reward: str,
    idempotency_key: str,
    client: str,
) -> Attempt | Refusal:
    """Return the attempt that a body asks for, or what the gate says; raises what is wrong."""
    phrase = body.phrase if isinstance(body, ClaimIn) else None
    code = body.code if isinstance(body, ClaimIn) else None
    share = body.share if isinstance(body, ClaimIn) else None
    group = body.group if isinstance(body, ClaimIn) else None
    quantity = body.quantity if isinstance(body, ReserveIn) else 1
    refuse_servers_words(caller, body)
    customer = customer_asking(house, caller, body.customer_key, body.customer_token)
    key = _scoped(caller, customer, checked_key(idempotency_key))
    reward_id = _reward_id(reward)
    shut = house.claims.gated(caller.shop, reward_id, key)
    if shut is not None:
        return shut
    refuse_unstorable(visitor_key=body.visitor_key, customer_key=customer, group=group)
    _tries.take((caller.shop.id, customer), at_seconds=time.monotonic())
    secret = house.settings.secret
    address = client if caller.key.is_publishable else body.address
    network = _fingerprint(secret, "address", network_of(address) if address else None)
    if phrase or code or share or group:
        GUESSES.refuse(
            caller.shop.id, customer=customer, address=network, at_seconds=time.monotonic()
        )
    shared_by = None if share is None else _sharer(house, caller, reward, share, customer, network)
    said = (reward, customer, body.device, phrase, code, share, quantity, body.visitor_key, group)
    return Attempt(
        key=key,
        reward_id=reward_id,
        customer_key=customer,
        # As JSON: joined texts could run into one another.
        asked=hashlib.blake2b(msgspec.json.encode(said), digest_size=16).hexdigest(),
        visitor_key=body.visitor_key,
        device=_fingerprint(secret, "device", body.device),
        address=network,
        phrase=phrase,
        code=code,
        quantity=quantity,
        group=group,
        shared_by=shared_by,
    )


def note_guess(caller: Caller, attempt: Attempt, outcome: object) -> None:
    """Count an attempt that brought something wrong where only who was told knows what is right."""
    if isinstance(outcome, _GUESSED):
        said = f"{attempt.reward_id} {attempt.phrase} {attempt.code} {attempt.group}"
        GUESSES.wrong(
            caller.shop.id,
            [said],
            customer=attempt.customer_key,
            address=attempt.address,
            at_seconds=time.monotonic(),
        )


def answer_of(claim: Claim) -> ClaimOut:
    """Return the answer to a granted claim."""
    return ClaimOut(
        claim=outward("clm", claim.id),
        reward=outward("rwd", claim.reward_id),
        customer_key=claim.customer_key,
        granted=claim.granted,
        claimed_at=claim.claimed_at,
        expires_at=claim.expires_at,
        replayed=claim.replayed,
    )


def _sharer(
    house: House, caller: Caller, reward: str, share: str, customer: str, network: str | None
) -> str:
    secret, now = house.settings.secret, house.real_now()
    try:
        return sharer_of(secret, shop=caller.shop, reward=reward, token=share, now=now)
    except BadShare:
        GUESSES.wrong(
            caller.shop.id,
            [share],
            customer=customer,
            address=network,
            at_seconds=time.monotonic(),
        )
        raise


def refuse_unstorable(**texts: str | None) -> None:
    """Refuse texts that no database keeps."""
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
    # A blank says as little as nothing does, and would be everybody's.
    if not text or not text.strip():
        return None
    message = f"{kind}:{text}".encode(errors="replace")
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:32]


routes = [take_claim, reserve_flash]
