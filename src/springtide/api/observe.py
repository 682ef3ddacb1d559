"""What the servers tell about themselves: request counts, latencies, one log line a request."""

import logging
from bisect import bisect_left
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

log = logging.getLogger("springtide.request")

_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class _Answers(Collector):
    """Requests and their seconds in plain numbers: a tenth of what a locked counter costs.

    Only the thread of the event loop counts, so nothing is lost.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, int], int] = {}
        self._buckets: dict[str, list[int]] = {}
        self._seconds: dict[str, float] = {}

    def count(self, answer: tuple[str, str, int], seconds: float) -> None:
        """Count one answer: (method, route, status)."""
        self._counts[answer] = self._counts.get(answer, 0) + 1
        route = answer[1]
        buckets = self._buckets.get(route)
        if buckets is None:
            buckets = self._buckets[route] = [0] * (len(_BUCKETS) + 1)
        buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds[route] = self._seconds.get(route, 0.0) + seconds

    def collect(self) -> Iterator[Metric]:
        """Return what was counted, as Prometheus knows it."""
        requests = CounterMetricFamily(
            "springtide_requests",
            "Requests by route and status.",
            labels=["method", "route", "status"],
        )
        for (method, route, status), count in list(self._counts.items()):
            requests.add_metric([method, route, str(status)], count)
        yield requests
        seconds = HistogramMetricFamily(
            "springtide_request_seconds",
            "Seconds from the request to the last byte of the answer's head, by route.",
            labels=["route"],
        )
        for route, buckets in list(self._buckets.items()):
            total, found = 0, []
            for bound, count in zip((*map(str, _BUCKETS), "+Inf"), buckets, strict=True):
                total += count
                found.append((bound, float(total)))
            seconds.add_metric([route], found, self._seconds[route])
        yield seconds


class Observer:
    """Counts the requests of one process by route and status."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._answers = _Answers()
        self.registry.register(self._answers)
        self._tail = Gauge(
            "springtide_facts_tail_rows",
            "Facts in the state database that wait to be sealed into the lake.",
            registry=self.registry,
        )
        self._workers = Gauge(
            "springtide_workers_alive", "Workers with a fresh heartbeat.", registry=self.registry
        )

        self._ready = Gauge(
            "springtide_ready", "Whether what /readyz looks at is good.", ["check"],
            registry=self.registry,
        )  # fmt: skip
        self._found = Gauge(
            "springtide_ready_number",
            "What was found: disk (bytes free), database (seconds a writer waits), lake (files), "
            "workers (alive).",
            ["check"],
            registry=self.registry,
        )

    def looked(self, found: Mapping[str, tuple[bool, float]]) -> None:
        """Take what the checks of /readyz found: good or not, and a number."""
        for name, (is_good, number) in found.items():
            self._ready.labels(name).set(is_good)
            self._found.labels(name).set(number)

    def answered(
        self, *, method: str, route: str, path: str, status: int, seconds: float, request_id: str
    ) -> None:
        """Count one answer; log it, loudly when it failed."""
        self._answers.count((method, route, status), seconds)
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

    def text(self, *, tail_rows: float, workers: float) -> bytes:
        """Return everything counted, and how things stand now, as Prometheus reads it."""
        self._tail.set(tail_rows)
        self._workers.set(workers)
        return generate_latest(self.registry)


def _one_line(path: str) -> str:
    # What a stranger typed must not start a new log line.
    return path.encode("unicode_escape").decode()[:300]
