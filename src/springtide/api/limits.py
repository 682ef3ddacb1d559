"""Rate limits: one token bucket for each key, address or customer, in the process's memory."""

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from springtide.kit.errors import N_, Refusal

#: Buckets of one kind at most: who sends from ever new addresses costs no more memory than this.
BUCKETS_MAX = 100_000


class TooManyRequests(Refusal):
    """The key called more often than it may."""

    code: ClassVar[str] = "too_many_requests"
    status = 429
    text = N_("Too many requests: try again in {seconds} seconds.")


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How a key stands after a call: its limit, what is left now, seconds until full again."""

    limit: int
    remaining: int
    reset_seconds: int


class Limits:
    """The buckets of one process: ``rate`` calls a second, ``burst`` of them at once.

    With several web processes each keeps its own buckets, so a key may call that many times more.
    At most about ``kept_max`` buckets are kept; the longest unused are forgotten, full again.
    """

    def __init__(self, *, rate: float, burst: int, kept_max: int = BUCKETS_MAX) -> None:
        self._rate = rate
        self._burst = burst
        self._kept_max = kept_max
        self._buckets: dict[Hashable, _Bucket] = {}
        self._before: dict[Hashable, _Bucket] = {}
        self._turned_at = 0.0

    def take(self, key_id: Hashable, *, at_seconds: float) -> Standing:
        """Take one call of a key at a monotonic time; refuses (TooManyRequests) an empty bucket."""
        self._forget_full(at_seconds)
        bucket = self._buckets.get(key_id)
        if bucket is None:
            bucket = self._before.pop(key_id, None) or _Bucket(float(self._burst), at_seconds)
            self._buckets[key_id] = bucket
        gained = max(at_seconds - bucket.filled_at, 0.0) * self._rate
        bucket.tokens = min(bucket.tokens + gained, float(self._burst))
        bucket.filled_at = at_seconds
        if bucket.tokens < 1:
            raise TooManyRequests(seconds=max(math.ceil((1 - bucket.tokens) / self._rate), 1))
        bucket.tokens -= 1
        missing = self._burst - bucket.tokens
        return Standing(self._burst, int(bucket.tokens), math.ceil(missing / self._rate))

    def _forget_full(self, at_seconds: float) -> None:
        """Drop who did not call since the last turn: their buckets are full again."""
        is_time = at_seconds - self._turned_at >= self._burst / self._rate
        if is_time or len(self._buckets) >= self._kept_max // 2:
            self._before, self._buckets = self._buckets, {}
            self._turned_at = at_seconds
