"""Guesses of what is secret: wrong codes, phrases, groups and links, counted in this process.

A customer has few wrong tries, an address more, as many stand behind one; then it is one every
some seconds, and what they bring is not looked at: a right code would tell itself apart.
"""

import hashlib
import math
import threading
from collections import OrderedDict, deque
from collections.abc import Hashable, Iterable
from typing import ClassVar

import msgspec

from springtide.kit.errors import N_, Refusal

#: Wrong tries at once, and seconds till there is another one.
CUSTOMER_TRIES, CUSTOMER_SECONDS = 10, 30.0
ADDRESS_TRIES, ADDRESS_SECONDS = 300, 1.0
#: Who is remembered at most: those who guessed the longest ago are forgotten.
KEPT_MAX = 50_000
#: Wrong texts of one that are known again: a page sends its cart many times.
SAID_MAX = 20


class TooManyGuesses(Refusal):
    """More wrong codes than a person types."""

    code: ClassVar[str] = "too_many_guesses"
    status = 429
    text = N_("Too many wrong codes: try again in {seconds} seconds.")


class _Guesser(msgspec.Struct):
    wrong: float
    at: float
    said: deque[bytes]


class _Kind(msgspec.Struct, frozen=True):
    tries: int
    seconds: float


_CUSTOMER = _Kind(CUSTOMER_TRIES, CUSTOMER_SECONDS)
_ADDRESS = _Kind(ADDRESS_TRIES, ADDRESS_SECONDS)


class Guesses:
    """Who guessed wrong lately, in one process."""

    def __init__(self, *, kept_max: int = KEPT_MAX) -> None:
        self._kept_max = kept_max
        self._found: OrderedDict[Hashable, _Guesser] = OrderedDict()
        self._lock = threading.Lock()

    def refuse(
        self, shop: Hashable, *, customer: str | None, address: str | None, at_seconds: float
    ) -> None:
        """Refuse (TooManyGuesses) who has no try left, at a monotonic time."""
        for who, kind in _named(shop, customer, address):
            with self._lock:
                found = self._found.get(who)
                wrong = _wrong(found, kind, at_seconds) if found else 0.0
            over = wrong - (kind.tries - 1)
            if over > 0:
                raise TooManyGuesses(seconds=max(math.ceil(over * kind.seconds), 1))

    def wrong(
        self,
        shop: Hashable,
        said: Iterable[str],
        *,
        customer: str | None,
        address: str | None,
        at_seconds: float,
    ) -> None:
        """Count texts that were wrong; the same one again is no other guess."""
        digests = [hashlib.blake2b(each.encode(errors="replace"), digest_size=8).digest()
                   for each in said]  # fmt: skip
        with self._lock:
            for who, kind in _named(shop, customer, address):
                fresh = _Guesser(0.0, at_seconds, deque(maxlen=SAID_MAX))
                found = self._found[who] = self._found.pop(who, fresh)
                found.wrong, found.at = _wrong(found, kind, at_seconds), at_seconds
                for digest in digests:
                    if digest not in found.said:
                        found.said.append(digest)
                        found.wrong += 1
            while len(self._found) > self._kept_max:
                self._found.popitem(last=False)


#: Of this process.
GUESSES = Guesses()


def _named(
    shop: Hashable, customer: str | None, address: str | None
) -> list[tuple[tuple[Hashable, str, str], _Kind]]:
    found = []
    if customer is not None:
        found.append(((shop, "customer", customer), _CUSTOMER))
    if address:
        found.append(((shop, "address", address), _ADDRESS))
    return found


def _wrong(found: _Guesser, kind: _Kind, at_seconds: float) -> float:
    return max(found.wrong - max(at_seconds - found.at, 0.0) / kind.seconds, 0.0)
