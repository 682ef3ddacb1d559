"""The waiting room before a full queue: who is sent away keeps a place, and a turn that comes.

A place is signed text that its holder sends back with the very same request, so nothing is kept
here and any process knows it. Turns follow one another at the rate at which claims are decided.
"""

import math
import threading
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from springtide.domain.rewards.model import Attempt
from springtide.kit.batcher import QueueFull
from springtide.kit.seals import seal, unseal

#: The nearest turn where there is no room, so that some has come by then.
SECONDS_MIN = 0.2
#: The farthest turn that is given out, and how long after its turn a place still counts.
SECONDS_MAX = 600.0
STALE_SECONDS = 120.0
#: The part of the queue that only those enter whose turn has come.
KEPT_PART = 4
#: Claims a second, until some were decided; and how much of what was before each batch leaves.
RATE_AT_FIRST = 1_000.0
_FADES = 0.95
_UNITS = 1_000_000
_TURN_BYTES = 8
#: Letters of a place.
PLACE_LENGTH = len(seal("", b"", bytes(_TURN_BYTES)))


class WaitingRoom:
    """Says who may enter a queue of ``size``, and gives the others a place.

    Turns are kept by ``clock`` (monotonic seconds); a place names the instant by ``real_now``,
    which other processes share.
    """

    def __init__(
        self,
        secret: str,
        *,
        size: int,
        clock: Callable[[], float],
        real_now: Callable[[], datetime],
    ) -> None:
        self._secret = secret
        self._size, self._open = size, size - max(size // KEPT_PART, 1)
        self._clock, self._real_now = clock, real_now
        self._last_turn = -math.inf
        self._decided, self._busy = 0.0, 0.0
        self._lock = threading.Lock()

    @property
    def rate(self) -> float:
        """Claims a second that were decided lately."""
        return self._decided / self._busy if self._busy > 0 else RATE_AT_FIRST

    def decided(self, count: int, seconds: float) -> None:
        """Note that so many claims took so long."""
        with self._lock:
            self._decided = self._decided * _FADES + count
            self._busy = self._busy * _FADES + seconds

    def refusal(
        self, shop_id: UUID, attempt: Attempt, *, waiting: int, place: str = ""
    ) -> QueueFull | None:
        """Return why an attempt must wait, with its place; None: it may enter now.

        ``waiting`` are in the queue. A place that is forged, stale or of another attempt is none.
        """
        at = self._clock()
        if not place and waiting < self._open and at >= self._last_turn:
            return None
        now = self._real_now().timestamp()
        wait = 0.0
        turn_us = self._read(shop_id, attempt, place, now)
        with self._lock:
            if turn_us is None:
                if waiting < self._open and at >= self._last_turn:
                    return None
                turn = self._next_turn(at, is_full=waiting >= self._open)
                turn_us = math.ceil((now + turn - at) * _UNITS)
            elif turn_us <= now * _UNITS:
                if waiting < self._size:
                    return None
                # Their turn came and there is no room: newcomers stay behind them.
                wait = SECONDS_MIN
                self._last_turn = max(self._last_turn, at + wait)
            rate = self.rate
        wait = max(turn_us / _UNITS - now, wait)
        return QueueFull(
            position=waiting + round(max(wait - SECONDS_MIN, 0) * rate),
            retry_after=math.ceil(wait * _UNITS) / _UNITS,
            place=self._sign(shop_id, attempt, turn_us),
        )

    def _next_turn(self, at: float, *, is_full: bool) -> float:
        # Without the distinction a rush would never end: a trickle behind it finds room, and need
        # only wait for those before it.
        turn = max(self._last_turn + 1 / self.rate, at + SECONDS_MIN * is_full)
        self._last_turn = min(turn, at + SECONDS_MAX)
        return self._last_turn

    def _sign(self, shop_id: UUID, attempt: Attempt, turn_us: int) -> str:
        turn = turn_us.to_bytes(_TURN_BYTES, "big")
        return seal(self._secret, _purpose(shop_id, attempt), turn)

    def _read(self, shop_id: UUID, attempt: Attempt, place: str, now: float) -> int | None:
        """Return the turn of a place, in microseconds of the real clock; None: it is no place."""
        if len(place) != PLACE_LENGTH:
            return None
        turn = unseal(self._secret, _purpose(shop_id, attempt), place)
        if turn is None:
            return None
        turn_us = int.from_bytes(turn, "big")
        # Farther than any turn that is given out: by a clock that was ahead and stepped back.
        is_ahead = turn_us > (now + SECONDS_MAX + STALE_SECONDS) * _UNITS
        is_stale = now * _UNITS >= turn_us + STALE_SECONDS * _UNITS
        return None if is_ahead or is_stale else turn_us


def _purpose(shop_id: UUID, attempt: Attempt) -> bytes:
    # The key too: sent again, a request has one effect, so a place lets in one claim alone.
    who = f"{attempt.customer_key}\0{attempt.key}".encode(errors="replace")
    return shop_id.bytes + b"place" + attempt.reward_id.bytes + who
