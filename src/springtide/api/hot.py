"""The hot path: claims, answered straight from ASGI.

The framework costs three times as much as the claim itself. So claims are decoded, decided by the
desk and answered here, with the headers, counts and problem documents that every answer of the
API has. What has a query goes the plain way, through the route of the same address.
"""

import itertools
import secrets
import time
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from litestar.types import HTTPScope, Receive, Send

from springtide.api import claims
from springtide.api.door import Door, address_of
from springtide.api.observe import Observer
from springtide.api.problems import MEDIA_TYPE, BodyTooLarge, headers_of, problem_of
from springtide.bootstrap import House
from springtide.kit.errors import Refusal
from springtide.kit.reading import refuse_other_media

BODY_BYTES_MAX = 16_384
Headers = Iterable[tuple[bytes, bytes]]
_encode = msgspec.json.Encoder().encode
# Of this process, and then one after the other: as good as random, and cheaper.
_BOOT, _numbers = secrets.token_hex(5), itertools.count(1)
_JSON = (b"content-type", b"application/json")
_PROBLEM = (b"content-type", MEDIA_TYPE.encode())
_REPLAYED = (b"idempotency-replayed", b"true")
_KEY, _AUTHORIZATION, _REQUEST_ID = b"idempotency-key", b"authorization", b"x-request-id"
_KIND, _PACKED = b"content-type", b"content-encoding"
_PLACE = claims.PLACE_HEADER.lower().encode()


class HotPath:
    """Answers claims; ``headers`` stand in every answer, ``refusal_of`` names what is raised."""

    def __init__(
        self,
        house: House,
        door: Door,
        observer: Observer,
        *,
        headers: Headers,
        refusal_of: Callable[[HTTPScope, Exception], Refusal],
    ) -> None:
        self._house, self._door, self._observer = house, door, observer
        self._headers, self._refusal_of = tuple(headers), refusal_of
        self._last: Refusal | None = None
        self._last_problem = problem_of(BodyTooLarge(), request_id="")
        self._last_headers: list[tuple[bytes, bytes]] = []

    async def answers(self, scope: HTTPScope, receive: Receive, send: Send) -> bool:
        """Answer a claim; tell whether it was one."""
        path = scope["path"]
        if scope["query_string"] or not claims.is_hot(scope["method"], path):
            return False
        begin = time.perf_counter()
        key = token = sent_id = place = kind = packed = b""
        for name, value in scope["headers"]:
            if name == _KEY:
                key = value
            elif name == _AUTHORIZATION:
                token = value
            elif name == _REQUEST_ID:
                sent_id = value
            elif name == _PLACE:
                place = value
            elif name == _KIND:
                kind = value
            elif name == _PACKED:
                packed = value
        request_id, client = request_id_of(sent_id), scope.get("client")
        answer: claims.ClaimOut | Refusal
        caller = None
        try:
            self._door.check(caller := await self._door.recognised(token), claims.RULE)
            self._door.rush(caller, address_of(scope))
            _check_media(kind, packed)
            body, reward = claims.body_of(path, await _body(receive))
            attempt = claims.attempt_of(
                self._house,
                caller,
                body,
                reward=reward,
                idempotency_key=key.decode("latin-1"),
                client=client[0] if client else "",
            )
            if isinstance(attempt, Refusal):
                answer = attempt
            else:
                granted = await self._house.claims.claim(
                    caller.shop, attempt, place=place.decode("latin-1")
                )
                claims.note_guess(caller, attempt, granted)
                answer = granted if isinstance(granted, Refusal) else claims.answer_of(granted)
        except Refusal as refused:
            answer = refused
            self._door.note_refused(caller, refused, claims.route_of(path))
        except Exception as error:
            scope["state"] = {**scope.get("state", {}), "request_id": request_id}
            answer = self._refusal_of(scope, error)
        await self._send(send, answer, request_id)
        self._observer.answered(
            method="POST",
            route=claims.CLAIMS if path == claims.CLAIMS else claims.FLASH,
            path=path,
            status=answer.status if isinstance(answer, Refusal) else 201,
            seconds=time.perf_counter() - begin,
            request_id=request_id,
        )
        return True

    async def _send(self, send: Send, answer: claims.ClaimOut | Refusal, request_id: str) -> None:
        if isinstance(answer, Refusal):
            content, more = self._told(answer, request_id)
            kind, status = _PROBLEM, answer.status
        else:
            content = _encode(answer)
            kind, status = _JSON, 201
            more = [_REPLAYED] if answer.replayed else []
        headers = [
            kind,
            (b"content-length", b"%d" % len(content)),
            (b"x-request-id", request_id.encode()),
            *more,
            *self._headers,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    def _told(self, refused: Refusal, request_id: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        """Return a refusal's document and headers; the gate's one is worked out once for many."""
        if refused is not self._last:
            self._last, self._last_problem = refused, problem_of(refused, request_id="")
            self._last_headers = [
                (n.lower().encode(), v.encode()) for n, v in headers_of(refused).items()
            ]
        self._last_problem.request = request_id
        return _encode(self._last_problem), self._last_headers


def _check_media(kind: bytes, packed: bytes) -> None:
    if kind != _JSON[1] or packed:
        refuse_other_media(kind.decode("latin-1"), packed.decode("latin-1"))


async def _body(receive: Receive) -> bytes:
    message: Any = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body") and len(body) <= BODY_BYTES_MAX:
        message = await receive()
        body += message.get("body", b"")
    if len(body) > BODY_BYTES_MAX:
        raise BodyTooLarge
    return body


def request_id_of(sent: bytes) -> str:
    """Return the id that a request brings along, or a new one."""
    if 8 <= len(sent) <= 64 and sent.replace(b"-", b"").isalnum():
        return sent.decode()
    return f"{_BOOT}{next(_numbers):06x}"
