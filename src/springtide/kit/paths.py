"""Keys in addresses: a slash that belongs to a key, sent as ``%2F``, parts no segments.

A server hands over the path decoded, where both slashes look the same. So one of a key is put
under another sign until the route is found, and back before its parameters are read.
"""

import re
from urllib.parse import unquote

from litestar.types import HTTPScope, Scope

# One of Unicode's characters for internal use: it is none of any text.
_SLASH = "\ufdd0"
_QUOTED = re.compile(rb"%2f", re.IGNORECASE)
_FLAG = "keys_with_slashes"


def keep_slashes_of_keys(scope: HTTPScope) -> None:
    """Let the router tell slashes of keys from its own."""
    pieces = _QUOTED.split(scope.get("raw_path", b"").partition(b"?")[0])
    if len(pieces) == 1 or _SLASH in scope["path"]:
        return
    scope["path"] = _SLASH.join(unquote(piece) for piece in pieces)
    scope["state"][_FLAG] = True


def give_back_slashes(scope: Scope) -> None:
    """Put the slashes back into the parameters of the route that was found."""
    if scope["state"].get(_FLAG):
        # Not in place: the router hands the same ones out again.
        scope["path_params"] = {
            name: shown(value) if isinstance(value, str) else value
            for name, value in scope["path_params"].items()
        }


def shown(path: str) -> str:
    """Return a path as a person reads it."""
    return path.replace(_SLASH, "/")
