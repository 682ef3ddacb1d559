"""How fast strangers' passwords are looked at, in the memory of one process."""

import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from springtide.kit.errors import N_, Refusal

#: Between two looks in the slow lane, seconds; how many may wait in it, in all and of one network.
GAP_SECONDS, LANE_LENGTH_MAX, LANE_NETWORK_MAX = 1.0, 40, 8
#: Tries that wait for their pair's next look: in all, and of one network.
PLACES_MAX, PLACES_NETWORK_MAX = 48, 8
_STRIPES = 256


class Busy(Refusal):
    """More log-ins at once than this process looks at; nobody is refused for their own doing."""

    code = "log_in_busy"
    status = 503
    text = N_("Very many log-ins are tried at this moment. Please try again in {seconds} seconds.")


class TooManyAttempts(Refusal):
    """Too many wrong passwords from here lately."""

    code = "too_many_attempts"
    status = 429
    text = N_("Too many attempts: try again in {seconds} seconds.")


class AnotherTryWaits(TooManyAttempts):
    """Too many wrong passwords from here lately, and another try drew the place of the next."""

    code = "another_try_waits"
    text = N_(
        "Many wrong passwords for this account came from your network, and another try is looked "
        "at first. Try again in {seconds} seconds, or log in from a browser that you have logged "
        "in with before, or through another network."
    )


@dataclass(eq=False, slots=True)
class _Place:
    pair: str
    network: str
    is_called: bool = False
    lot: int = field(default_factory=lambda: secrets.randbits(64))
    is_lost: threading.Event = field(default_factory=threading.Event)


class Places:
    """Where tries beyond their pair's bound wait for its next look: one of each pair.

    Who comes while the place is taken draws a lot against who has it, so every try that came
    during a wait has the same chance, the last like the first: whoever sits in the place for good
    would else hold it against the right password of a person at the same address. The same lot
    decides where a network has all its places, or the process. Nothing is written for the losers.
    """

    def __init__(
        self,
        *,
        most: int = PLACES_MAX,
        sleep: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self._most = most
        self._sleep = sleep
        self._lock = threading.Lock()
        self._waiting: set[_Place] = set()

    def is_taken(self, pair: str) -> bool:
        """Tell whether a try of this pair waits here."""
        with self._lock:
            return any(each.pair == pair for each in self._waiting)

    @contextmanager
    def wait(self, pair: str, network: str, seconds: int) -> Iterator[None]:
        """Wait so many seconds and hold the place within the block.

        Refuses (AnotherTryWaits) whose lot lost, at once or when a later one drew a better lot.
        """
        mine = _Place(pair, network)
        with self._lock:
            if (rival := self._rival(mine)) is not None:
                if rival.is_called or rival.lot <= mine.lot:
                    raise AnotherTryWaits(seconds=seconds)
                self._waiting.discard(rival)
                rival.is_lost.set()
            self._waiting.add(mine)
        try:
            began = time.monotonic()
            self._sleep(mine.is_lost, seconds)
            with self._lock:
                mine.is_called = not mine.is_lost.is_set()
            if not mine.is_called:
                left = seconds - int(time.monotonic() - began)
                raise AnotherTryWaits(seconds=max(left, 1))
            yield
        finally:
            with self._lock:
                self._waiting.discard(mine)

    def _rival(self, mine: _Place) -> _Place | None:
        """Return whose place a newcomer has to win, None where one is free."""
        of_pair = [each for each in self._waiting if each.pair == mine.pair]
        of_network = [each for each in self._waiting if each.network == mine.network]
        for group, most in (
            (of_pair, 1),
            (of_network, PLACES_NETWORK_MAX),
            (list(self._waiting), self._most),
        ):
            if len(group) >= most:
                return max(group, key=lambda each: (not each.is_called, each.lot))
        return None


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
