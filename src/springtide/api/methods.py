"""Which methods an address takes: a refused one must be told (RFC 9110, 15.5.6)."""

from litestar import Litestar
from litestar.exceptions import MethodNotAllowedException, NotFoundException
from litestar.types import Method


def allowed_methods(app: Litestar, path: str) -> list[str]:
    """Return the methods that a path takes, in the order of their names; none where nothing is."""
    nonsense: Method = "TRACE"
    try:
        app.asgi_router.handle_routing(path.rstrip("/") or "/", nonsense)
    except MethodNotAllowedException as refused:
        # The router tells what it would have taken instead.
        found = set((refused.headers or {})["allow"].split(", "))
    except NotFoundException:
        return []
    return sorted(found | {"HEAD"} if "GET" in found else found)
