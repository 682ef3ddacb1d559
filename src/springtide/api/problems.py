"""Refusals as RFC 9457 problem documents."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response

from springtide.kit.batcher import QueueFull
from springtide.kit.errors import N_, Invalid, Refusal

MEDIA_TYPE = "application/problem+json"
#: Where a code is explained; also the document's ``type``.
TYPE_PREFIX = "urn:springtide:problem:"
_PLAIN = (str, int, float, bool, type(None))
_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Refused",
    429: "Too many requests",
    500: "Internal error",
    503: "Not ready",
}


class BodyTooLarge(Refusal):
    """More bytes than this route takes."""

    code = "body_too_large"
    status = 413
    text = N_("This is larger than what is taken here.")


class FieldProblem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is wrong with one field of the body."""

    field: str
    code: str
    detail: str


class Problem(msgspec.Struct, kw_only=True, omit_defaults=True):
    """An RFC 9457 problem document; ``code`` never changes, ``facts`` fill the sentence."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    facts: dict[str, Any] = {}
    fields: list[FieldProblem] = []
    request: str = ""
    position: Annotated[
        int | None, msgspec.Meta(description="With queue_full: how many are before you.")
    ] = None
    retry_after: Annotated[
        float | None, msgspec.Meta(description="With queue_full: seconds until your turn.")
    ] = None
    place: Annotated[
        str | None,
        msgspec.Meta(description="With queue_full: send it back as Waiting-Place at your turn."),
    ] = None


def problem_of(refusal: Refusal, *, request_id: str) -> Problem:
    """Return the document of a refusal."""
    fields = refusal.fields if isinstance(refusal, Invalid) else {}
    full = refusal if isinstance(refusal, QueueFull) else None
    return Problem(
        type=TYPE_PREFIX + refusal.code,
        title=title(refusal.status),
        status=refusal.status,
        detail=str(refusal),
        code=refusal.code,
        facts={name: _plain(value) for name, value in refusal.facts.items()},
        fields=[
            FieldProblem(field=name, code=wrong.code, detail=str(wrong))
            for name, wrong in fields.items()
        ],
        request=request_id,
        position=full.position if full else None,
        retry_after=full.retry_after if full else None,
        place=full.place if full else None,
    )


def title(status: int) -> str:
    """Return the short name of a status."""
    return _TITLES.get(status, "Refused" if status < 500 else "Internal error")


def error_response(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Problem]:
    """Return the problem document of a refusal."""
    problem = problem_of(refusal, request_id=request.scope["state"].get("request_id", ""))
    return Response(
        problem,
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers_of(refusal),
    )


def headers_of(refusal: Refusal) -> dict[str, str]:
    """Return the headers that belong to a refusal."""
    if refusal.status == 401:
        return {"WWW-Authenticate": 'Bearer realm="springtide"'}
    if refusal.status == 405 and "allowed" in refusal.facts:
        return {"Allow": str(refusal.facts["allowed"])}
    if refusal.status in (429, 503):
        return {"Retry-After": str(refusal.facts.get("seconds", 60))}
    return {}


def _plain(value: object) -> object:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value if isinstance(value, _PLAIN) else str(value)
