"""Letters of the house's own, sent by a thread of the process so that no page waits for mail."""

import logging
import queue
import threading
from collections.abc import Callable
from functools import partial

from springtide.kit.errors import OuterCallError, PassingError

log = logging.getLogger("springtide.post")

#: How many letters wait at most, and after how many seconds one is tried again.
WAITING_MAX, AGAIN_SECONDS = 500, (5.0, 30.0, 120.0)
_CLOSE_SECONDS = 10.0


class Postman:
    """One thread, started with the first letter; what waits when the process is killed is lost.

    So it carries what can be asked for again, or is told in another place too: links of recovery,
    and notices that also stand with the account.
    """

    def __init__(self, again_seconds: tuple[float, ...] = AGAIN_SECONDS) -> None:
        self._again = again_seconds
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING_MAX)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def later(self, job: Callable[[], None]) -> None:
        """Do a job soon, and again where its call to the outer world failed for now."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="post", daemon=True)
                self._thread.start()
        self._put(partial(self._try, job, 0))

    def close(self) -> None:
        """Do what waits, for some seconds at most."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            thread.join(_CLOSE_SECONDS)

    def _put(self, job: Callable[[], None]) -> None:
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            log.warning("more than %s letters wait; one is not sent", WAITING_MAX)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                # One letter's fault; the next ones go.
                log.exception("a letter could not be sent")

    def _try(self, job: Callable[[], None], times: int) -> None:
        try:
            job()
        except OuterCallError as error:
            if not isinstance(error, PassingError) or times >= len(self._again):
                log.warning("a letter was given up: %s", error)
                return
            again = threading.Timer(
                self._again[times], self._put, [partial(self._try, job, times + 1)]
            )
            again.daemon = True
            again.start()
