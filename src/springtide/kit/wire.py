"""Requests as they come over the wire: bodies must arrive in time, and HEAD is GET without one."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar

from springtide.kit.errors import N_, Refusal

#: How long a body may take whatever its size, and how fast a larger one must then be.
GRACE_SECONDS, BYTES_PER_SECOND = 10.0, 16 * 1024
#: From when on a body counts as slow, and how many of them a process bears at once.
SLOW_SECONDS, SLOW_MAX = 2.0, 100

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class BodyTooSlow(Refusal):
    """A body that trickles in, or that came in slowly while too many others did."""

    code: ClassVar[str] = "body_too_slow"
    status: ClassVar[int] = 408
    text: ClassVar[str] = N_("The request came in too slowly. Send it again.")


class Patience:
    """How long a process waits for bodies, and for how many slow ones at once."""

    def __init__(
        self,
        *,
        grace_seconds: float = GRACE_SECONDS,
        slow_seconds: float = SLOW_SECONDS,
        slow_max: int = SLOW_MAX,
    ) -> None:
        self.grace_seconds, self.slow_seconds, self.slow_max = grace_seconds, slow_seconds, slow_max
        self.slow_count = 0

    def body(self, receive: Receive) -> "Body":
        """Return the body of a request; ``close`` it when the request is answered."""
        return Body(self, receive)


class Body:
    """A body on its way in. Once it is whole, waiting (for the other side to leave) is free."""

    __slots__ = ("_began", "_bytes", "_is_slow", "_is_whole", "_limit", "_patience", "_receive",
                 "_timer")  # fmt: skip

    def __init__(self, patience: Patience, receive: Receive) -> None:
        self._patience, self._receive = patience, receive
        self._began = 0.0
        self._bytes = 0
        self._is_whole = self._is_slow = False
        self._timer: asyncio.TimerHandle | None = None
        self._limit: asyncio.Timeout | None = None

    async def receive(self) -> Any:
        """Return the next message of the request; raises BodyTooSlow."""
        if self._is_whole:
            return await self._receive()
        loop = asyncio.get_running_loop()
        if self._timer is None:
            self._began = loop.time()
            self._timer = loop.call_later(self._patience.slow_seconds, self._turn_slow)
        due = self._began + self._patience.grace_seconds + self._bytes / BYTES_PER_SECOND
        try:
            async with asyncio.timeout_at(due) as self._limit:
                message = await self._receive()
        except TimeoutError:
            self.close()
            raise BodyTooSlow from None
        self._bytes += len(message.get("body", b""))
        if not message.get("more_body"):
            self.close()
        return message

    def close(self) -> None:
        """Stop watching."""
        self._is_whole = True
        if self._timer is not None:
            self._timer.cancel()
        if self._is_slow:
            self._is_slow = False
            self._patience.slow_count -= 1

    def _turn_slow(self) -> None:
        if self._patience.slow_count < self._patience.slow_max:
            self._is_slow = True
            self._patience.slow_count += 1
        elif self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())


def without_body(send: Send) -> tuple[Receive, Send]:
    """Return what a HEAD request is answered with: all that GET sends up to the body.

    The answer is told that its reader left once it would go on, so that a stream ends.
    """
    is_answered = asyncio.Event()
    is_read = False

    async def receive() -> Any:
        nonlocal is_read
        if not is_read:
            is_read = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await is_answered.wait()
        return {"type": "http.disconnect"}

    async def send_head(message: Any) -> None:
        if message["type"] == "http.response.start":
            await send(message)
        elif not is_answered.is_set():
            is_answered.set()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return receive, send_head
