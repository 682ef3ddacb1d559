"""Health for load balancers and monitors: /healthz, /readyz, /metrics."""

from ipaddress import ip_address
from math import nan
from typing import Any

import anyio.to_thread
from litestar import Request, Response, get
from litestar.enums import MediaType

from springtide.api import readiness
from springtide.api.door import bearer
from springtide.api.observe import Observer
from springtide.bootstrap import House
from springtide.domain.access import queries
from springtide.domain.access.model import Public, Scope
from springtide.domain.facts.queries import tail_size
from springtide.flows.timeline import worker_slots
from springtide.kit.errors import N_, Refusal
from springtide.kit.outage import outage_of


class NotReady(Refusal):
    """The server runs, but cannot serve yet."""

    code = "not_ready"
    status = 503
    text = N_("Not ready: {why}")


class MetricsHidden(Refusal):
    """Metrics are for this machine, and for keys that may read."""

    code = "metrics_hidden"
    status = 403
    text = N_("Metrics are served to this machine, and to keys with the scope read.")


@get(
    "/healthz",
    opt={"access": Public("tells only that the process is alive")},
    include_in_schema=False,
    media_type=MediaType.TEXT,
)
async def healthz() -> str:
    """Tell that the process is alive."""
    return "ok\n"


@get(
    "/readyz",
    opt={"access": Public("tells only whether the process can serve")},
    include_in_schema=False,
    media_type=MediaType.TEXT,
    sync_to_thread=True,
)
def readyz(house: House) -> str:
    """Tell whether the process can serve, and of each thing that it needs how it stands."""
    found = readiness.look(house)
    if bad := [each for each in found if not each.is_good]:
        raise NotReady(why="; ".join(f"{each.name}: {each.word}" for each in bad))
    return "\n".join(["ok", *(f"{each.name}: {each.word}" for each in found), ""])


@get(
    "/metrics",
    opt={"access": Public("checks by itself: loopback without a proxy, or a key that may read")},
    include_in_schema=False,
)
async def metrics(request: Request[Any, Any, Any], house: House) -> Response[bytes]:
    """Serve the counters to Prometheus."""
    if not _is_local(request) and not await anyio.to_thread.run_sync(_may_read, request, house):
        raise MetricsHidden
    observer: Observer = request.app.state.observer
    tail_rows, workers = await anyio.to_thread.run_sync(_standing, house)
    found = await anyio.to_thread.run_sync(readiness.look, house)
    observer.looked({each.name: (each.is_good, each.number) for each in found})
    text = observer.text(tail_rows=tail_rows, workers=workers)
    return Response(text, media_type=observer.content_type)


def _standing(house: House) -> tuple[float, float]:
    try:
        with house.db.read() as tx:
            seen = worker_slots.workers_seen(tx, real_now=house.real_now())
            return tail_size(tx), sum(worker.is_alive for worker in seen)
    except Exception as error:
        if outage_of(error) is None:
            raise
        return nan, nan  # what was counted is told all the same


def _is_local(request: Request[Any, Any, Any]) -> bool:
    # Behind a proxy on the same machine every visitor seems local, so then only a key counts.
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False
    try:
        return request.client is not None and ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _may_read(request: Request[Any, Any, Any], house: House) -> bool:
    token = bearer(request)
    if token is None:
        return False
    with house.db.read() as tx:
        caller = queries.caller(tx, token=token)
    if caller is None or caller.key.is_expired(house.real_now()):
        return False
    return Scope.READ in caller.key.scopes


routes = [healthz, readyz, metrics]
