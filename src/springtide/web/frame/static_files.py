"""Stylesheets, scripts and pictures: the same for all, kept by browsers, never with a cookie."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Request, Response, get

from springtide.domain.access.model import Public
from springtide.kit.errors import N_, NotFound

FOLDER = Path(__file__).parents[1] / "static"
PREFIX = "/static/"
_HASH_LENGTH = 10
_TYPES = {".js": "text/javascript", ".svg": "image/svg+xml", ".css": "text/css"}
_FOR_EVER, _ASK = "public, max-age=31536000, immutable", "public, no-cache"


@dataclass(frozen=True, slots=True)
class Still:
    """A static file as it was when the process began."""

    content: bytes
    media_type: str
    hash: str


@cache
def stills() -> dict[str, Still]:
    """Return the static files by their names below the folder."""
    found = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            content = path.read_bytes()
            kind = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
            mark = hashlib.sha256(content).hexdigest()[:_HASH_LENGTH]
            found[path.relative_to(FOLDER).as_posix()] = Still(content, kind, mark)
    return found


@cache
def static(name: str) -> str:
    """Return the address of a static file, with its content's hash: it may be kept for ever."""
    still = stills().get(name)
    return f"{PREFIX}{name}?v={still.hash}" if still else f"{PREFIX}{name}"


@get(
    PREFIX + "{name:path}",
    opt={"access": Public("stylesheets, scripts and pictures, the same for all")},
    include_in_schema=False,
)
async def still_file(request: Request[Any, Any, Any], name: str) -> Response[bytes]:
    """Serve a static file; to who has it already, say that it is the same."""
    still = stills().get(name.lstrip("/"))
    if still is None:
        raise NotFound(what=N_("file"), key=name.lstrip("/")[:60])
    # Only the very content may be kept for ever: during an upgrade two releases answer.
    kept = _FOR_EVER if request.query_params.get("v") == still.hash else _ASK
    tag = f'"{still.hash}"'
    headers = {"cache-control": kept, "etag": tag}
    known = {each.strip().removeprefix("W/") for each in
             request.headers.get("if-none-match", "").split(",")}  # fmt: skip
    if tag in known or known == {"*"}:
        return Response(b"", status_code=304, headers=headers)
    return Response(still.content, media_type=still.media_type, headers=headers)


routes = [still_file]
