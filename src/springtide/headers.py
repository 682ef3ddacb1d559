"""What stands in the head of every answer: security, caches, other sites, the request's id."""

from typing import Any

from litestar.types import HTTPScope

from springtide.api.limits import Standing
from springtide.api.methods import allowed_methods
from springtide.bootstrap import House
from springtide.web.frame import cookies, sessions

_CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = (
    (b"content-security-policy", _CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
#: Browsers of other sites may call the API: keys open it, and no cookie does. What a publishable
#: key may do is little; a secret key has no place in a browser at all.
CORS = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (
        b"access-control-allow-headers",
        b"authorization, content-type, idempotency-key, waiting-place",
    ),
    (
        b"access-control-expose-headers",
        b"x-request-id, retry-after, idempotency-replayed, ratelimit-remaining, ratelimit-reset",
    ),
    (b"access-control-max-age", b"600"),
)
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


def dress(message: Any, scope: HTTPScope, house: House) -> None:
    """Add to the start of an answer the headers that all have, and those of its request."""
    state = scope["state"]
    headers: list[tuple[bytes, bytes]] = list(message["headers"])
    if scope["method"] == "OPTIONS":
        # The framework tells what it knew when the first of an address's routes came.
        allowed = ", ".join(allowed_methods(scope["litestar_app"], scope["path"]))
        headers = [pair for pair in headers if pair[0].lower() != b"allow"]
        headers.append((b"allow", allowed.encode()))
    headers += always(house)
    headers.append((b"x-request-id", state["request_id"].encode()))
    if not any(name.lower() == b"cache-control" for name, _ in headers):
        headers.append((b"cache-control", b"no-store"))
    if scope["path"].startswith("/v1/"):
        headers += CORS
    standing: Standing | None = state.get("standing")
    if standing:
        headers += _standing_headers(standing)
    if "new_visit" in state:
        headers.append((b"set-cookie", sessions.visit_cookie(state["new_visit"], house)))
    message["headers"] = [
        (name, cookies.as_sent(value, house)) if name.lower() == b"set-cookie" else (name, value)
        for name, value in headers
    ]


def always(house: House) -> list[tuple[bytes, bytes]]:
    """Return the headers that every answer has."""
    return [*_HEADERS, _HSTS] if cookies.is_https(house) else list(_HEADERS)


def _standing_headers(standing: Standing) -> list[tuple[bytes, bytes]]:
    return [
        (b"ratelimit-limit", str(standing.limit).encode()),
        (b"ratelimit-remaining", str(standing.remaining).encode()),
        (b"ratelimit-reset", str(standing.reset_seconds).encode()),
    ]
