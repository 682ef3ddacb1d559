"""What the servers tell about themselves: request counts, latencies, one log line a request."""

import logging

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

log = logging.getLogger("springtide.request")

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Observer:
    """Counts the requests of one process by route and status."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "springtide_requests",
            "Requests by route and status.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "springtide_request_seconds",
            "Seconds from the request to the last byte of the answer's head, by route.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

        self._counted: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._tail = Gauge(
            "springtide_facts_tail_rows",
            "Facts in the state database that wait to be sealed into the lake.",
            registry=self.registry,
        )
        self._workers = Gauge(
            "springtide_workers_alive", "Workers with a fresh heartbeat.", registry=self.registry
        )

    def answered(
        self, *, method: str, route: str, path: str, status: int, seconds: float, request_id: str
    ) -> None:
        """Count one answer; log it, loudly when it failed."""
        counted = self._counted.get((method, route, status))
        if counted is None:
            counted = (
                self._requests.labels(method, route, str(status)),
                self._seconds.labels(route),
            )
            self._counted[method, route, status] = counted
        counted[0].inc()
        counted[1].observe(seconds)
        level = logging.ERROR if status >= 500 else logging.INFO
        if not log.isEnabledFor(level):
            return
        log.log(
            level,
            "request method=%s path=%s route=%s status=%d ms=%.1f id=%s",
            method,
            _one_line(path),
            route,
            status,
            seconds * 1000,
            request_id,
        )

    def text(self, *, tail_rows: int, workers: int) -> bytes:
        """Return everything counted, and how things stand now, as Prometheus reads it."""
        self._tail.set(tail_rows)
        self._workers.set(workers)
        return generate_latest(self.registry)


def _one_line(path: str) -> str:
    # What a stranger typed must not start a new log line.
    return path.encode("unicode_escape").decode()[:300]
