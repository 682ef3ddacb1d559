"""How fast strangers' passwords are looked at, in the memory of one process."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from springtide.kit.errors import N_, Refusal

#: Between two looks in the slow lane, seconds; how many may wait in it, in all and of one network.
GAP_SECONDS, LANE_LENGTH_MAX, LANE_NETWORK_MAX = 1.0, 40, 8
_STRIPES = 256


class Busy(Refusal):
    """More log-ins at once than this process looks at; nobody is refused for their own doing."""

    code = "log_in_busy"
    status = 503
    text = N_("Very many log-ins are tried at this moment. Please try again in {seconds} seconds.")


class SlowLane:
    """One look after the other, a gap between two; who waits has a place and keeps it."""

    def __init__(self, gap_seconds: float = GAP_SECONDS) -> None:
        self._gap = gap_seconds
        self._lock = threading.Lock()
        self._next_at = 0.0
        self._waiting: Counter[str] = Counter()

    def wait(self, network: str) -> None:
        """Wait for one's turn; refuses (Busy) where the lane, or one network's part, is full."""
        with self._lock:
            is_full = self._waiting.total() >= LANE_LENGTH_MAX
            if is_full or self._waiting[network] >= LANE_NETWORK_MAX:
                raise Busy(seconds=LANE_LENGTH_MAX if is_full else LANE_NETWORK_MAX)
            self._waiting[network] += 1
            turn_at = max(self._next_at, time.monotonic())
            self._next_at = turn_at + self._gap
        try:
            time.sleep(max(turn_at - time.monotonic(), 0.0))
        finally:
            with self._lock:
                self._waiting -= Counter({network: 1})


class Turns:
    """One try at a time for each name, so that tries at once are counted one after the other."""

    def __init__(self) -> None:
        self._locks = [threading.Lock() for _ in range(_STRIPES)]

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Hold the turn of a name; some names share one, which costs only a wait."""
        with self._locks[hash(name) % _STRIPES]:
            yield
