"""A bare ASGI handler: it decodes a claim and answers like one, and keeps nothing."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from springtide.api.claims import ClaimIn, ClaimOut
from springtide.domain.rewards.model import Granted

_decode = msgspec.json.Decoder(ClaimIn).decode
_encode = msgspec.json.Encoder().encode
_AT = datetime(2025, 11, 11, tzinfo=UTC)


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request."""
    if scope["type"] != "http":
        return
    body = _decode((await receive())["body"])
    answer = _encode(
        ClaimOut(
            claim="clm_00000000000000000000000000",
            reward=body.reward,
            customer_key=body.customer_key or "",
            granted=Granted("coupon", rule="rul_00000000000000000000000000", name="hot"),
            claimed_at=_AT,
        )
    )
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
    ]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": answer, "more_body": False})
