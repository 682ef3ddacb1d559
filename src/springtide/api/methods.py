"""Which methods an address takes: a refused one must be told (RFC 9110, 15.5.6)."""

import re

from litestar import Litestar


def allowed_methods(app: Litestar, path: str) -> list[str]:
    """Return the methods of the routes that a path leads to, in the order of their names."""
    found: set[str] = set()
    for route in app.routes:
        pattern = re.sub(r"\\\{[^/]*?\\\}", "[^/]+", re.escape(route.path_format))
        if re.fullmatch(pattern, path.rstrip("/") or "/"):
            found |= {str(method) for method in getattr(route, "methods", ())}
    return sorted(found)
