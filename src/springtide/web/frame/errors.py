"""What a person sees instead of a page: a refusal in their language, or an id to report."""

import logging
import time
from typing import Any

from litestar import Request, Response
from litestar.response import Redirect

from springtide.domain.access.queries import FactorNeeded, NotFresh, NotSignedIn
from springtide.kit.errors import Refusal
from springtide.kit.outage import Outage
from springtide.web.frame import render
from springtide.web.frame.sessions import SAFE_METHODS, confirm_address, log_in_address

log = logging.getLogger("springtide.site")
#: An outage meets every request: the log hears of each kind once in so many seconds.
_TOLD_EVERY_SECONDS = 5.0
_told: dict[str, float] = {}


def tell_outage(outage: Outage, error: Exception, path: str) -> None:
    """Tell the log of an outage and the way out."""
    now = time.monotonic()
    if now >= _told.get(outage.code, 0.0):
        _told[outage.code] = now + _TOLD_EVERY_SECONDS
        why = str(error.__cause__ or error).partition("\n")[0][:300]
        log.warning("%s path=%r: %s; %s", outage.code, path, why, outage.way_out)


def error_response(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    """Return the page of a refusal; whoever is not signed in goes to the log-in.

    Who has to confirm that it is them goes there, and comes back to the page that they were on.
    """
    is_reading = request.method in SAFE_METHODS
    if isinstance(refusal, NotSignedIn):
        address = log_in_address(request.url.path, request.url.query if is_reading else "")
    elif isinstance(refusal, NotFresh):
        here = f"{request.url.path}?{request.url.query}".removesuffix("?")
        address = confirm_address(here if is_reading else render.page_before(request))
    elif isinstance(refusal, FactorNeeded):
        address = f"/shops/{request.path_params['shop']}/settings/me/factors"
    else:
        answer = render.refused(request, refusal)
        if isinstance(refusal, Outage):
            answer.headers["Retry-After"] = str(refusal.retry_seconds)
        return answer
    if "hx-request" in request.headers:
        return Response(None, status_code=401, headers={"HX-Redirect": address})
    return Redirect(address, status_code=303)
