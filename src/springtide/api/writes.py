"""Writes of the API: the same Idempotency-Key has one effect."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Request, Response
from sqlalchemy import Connection as Transaction

from springtide.bootstrap import House
from springtide.domain.access.model import Caller
from springtide.kit.errors import N_, Refusal
from springtide.kit.idempotency import KEY_LENGTH_MAX, Answer, once
from springtide.kit.ids import outward

HEADER = "Idempotency-Key"
_VISIBLE = re.compile(r"[!-~]+")


class KeyMissing(Refusal):
    """A write without an Idempotency-Key, or with one that is empty, too long or not plain."""

    code = "idempotency_key_missing"
    status = 400
    text = N_("Send an Idempotency-Key header of 1 to {max} visible ASCII characters.")


def idempotent(
    house: House,
    caller: Caller,
    request: Request[Any, Any, Any],
    body: msgspec.Struct | None,
    produce: Callable[[Transaction], tuple[int, Any]],
) -> Response[Any]:
    """Run a write once for the caller's Idempotency-Key; a repeat gets the kept answer.

    ``produce`` gets the transaction that also keeps the answer, and returns status and document
    (msgspec Structs and plain JSON). A refusal it raises undoes all and is not kept: the same key
    may then be sent again. It is called anew where another write met it. The body is compared as
    it was understood, so spaces do not matter.
    """
    key = checked_key(request.headers.get(HEADER, ""))
    # The key's owner and the route are part of the scope: keys of others can never collide.
    scope = f"{outward('key', caller.key.id)} {request.method} {request.scope['path']}"
    about = next(iter(request.path_params.values()), None)
    asked = request.url.query.encode() + b"\0" + msgspec.json.encode(body)

    def work(tx: Transaction) -> Answer:
        def answer() -> Answer:
            status, document = produce(tx)
            return Answer(status, msgspec.to_builtins(document, str_keys=True))

        return once(
            tx, scope=scope, key=key, body=asked, now=house.real_now(), produce=answer, about=about
        )

    kept = house.db.run(work)
    headers = {"Idempotency-Replayed": "true"} if kept.replayed else {}
    return Response(kept.document, status_code=kept.status, headers=headers)


def checked_key(key: str) -> str:
    """Return an Idempotency-Key; raises KeyMissing for what is none."""
    if not 1 <= len(key) <= KEY_LENGTH_MAX or not _VISIBLE.fullmatch(key):
        raise KeyMissing(max=KEY_LENGTH_MAX)
    return key
