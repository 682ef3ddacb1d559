"""Requests that arrive together are decided together: one writer, a bounded queue, group commit.

Callers wait for the answer of the batch that theirs went into, given after its commit. While one
batch is written the next one gathers, so batches grow with the load by themselves.
"""

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from springtide.kit.errors import N_, Refusal

#: How long a batch waits for more, at most, and how often it looks whether they come.
GATHER_SECONDS, GATHER_STEP = 0.008, 0.001

Ask = TypeVar("Ask")
Answer = TypeVar("Answer")


class QueueFull(Refusal):
    """More requests wait than the queue holds."""

    code = "queue_full"
    status = 429
    text = N_("Many are here at once. Try again in {seconds} seconds; {position} are before you.")

    def __init__(self, *, position: int, retry_after: float, place: str | None = None) -> None:
        self.position, self.retry_after, self.place = position, retry_after, place
        super().__init__(seconds=max(math.ceil(retry_after), 1), position=position)


class Batcher(Generic[Ask, Answer]):
    """A queue and the thread that empties it; ``decide`` answers a batch in its order.

    What ``decide`` raises is raised to every caller of that batch.
    """

    def __init__(
        self,
        decide: Callable[[Sequence[Ask]], Sequence[Answer]],
        *,
        name: str,
        size: int = 256,
        waiting_max: int = 4_096,
    ) -> None:
        self._decide = decide
        self._size, self._waiting_max = size, waiting_max
        self._waiting: deque[tuple[Ask, asyncio.Future[Answer], asyncio.AbstractEventLoop]]
        self._waiting = deque()
        self._wake = threading.Condition()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many wait for their batch to begin."""
        return len(self._waiting)

    async def ask(self, ask: Ask) -> Answer:
        """Return the answer to one request; raises QueueFull at once when too many wait."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()
        with self._wake:
            waiting = len(self._waiting)
            if waiting >= self._waiting_max or not self._is_open:
                raise QueueFull(position=waiting, retry_after=1)
            self._waiting.append((ask, future, loop))
            if not waiting:
                self._wake.notify()
        return await future

    def close(self) -> None:
        """Answer who waits, and take nobody else."""
        with self._wake:
            self._is_open = False
            self._wake.notify()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while batch := self._next():
            answers: Sequence[Answer] | None = None
            failed: Exception | None = None
            try:
                answers = self._decide([ask for ask, _, _ in batch])
            except Exception as error:
                failed = error
            loops = {loop for _, _, loop in batch}
            for loop in loops:
                futures = [future for _, future, of in batch if of is loop]
                if answers is None:
                    assert failed is not None
                    _call(loop, _fail, futures, failed)
                else:
                    mine = [
                        answer
                        for (_, _, of), answer in zip(batch, answers, strict=True)
                        if of is loop
                    ]
                    _call(loop, _answer, futures, mine)

    def _next(self) -> list[tuple[Ask, "asyncio.Future[Answer]", asyncio.AbstractEventLoop]]:
        with self._wake:
            while not self._waiting and self._is_open:
                self._wake.wait()
        self._gather()
        with self._wake:
            return [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]

    def _gather(self) -> None:
        """Wait while more are coming: those answered together come again together."""
        seen, waited = 0, 0.0
        while seen < len(self._waiting) < self._size and waited < GATHER_SECONDS and self._is_open:
            seen = len(self._waiting)
            time.sleep(GATHER_STEP)
            waited += GATHER_STEP


def _call(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *facts: object) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(what, *facts)


def _answer(futures: Sequence["asyncio.Future[Answer]"], answers: Sequence[Answer]) -> None:
    for future, answer in zip(futures, answers, strict=True):
        if not future.done():
            future.set_result(answer)


def _fail(futures: Sequence["asyncio.Future[Answer]"], failed: Exception) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(failed)
