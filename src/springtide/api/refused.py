"""Refused calls of the API in their shops' audit logs: counted here, written beside the answers.

An answer costs one addition. A thread of its own writes what was counted: an entry for a key, a
reason and a route at once, then one a minute with how many there were; of each server process.
"""

import logging
import threading
import time
from dataclasses import dataclass
from uuid import UUID

from springtide.bootstrap import House
from springtide.domain.access import operations
from springtide.domain.access.model import Actor, Caller
from springtide.kit.outage import unless_away

log = logging.getLogger(__name__)
#: An entry for each key, reason and route within so many seconds.
EVERY_SECONDS = 60.0
#: What is counted and not yet written, or written within EVERY_SECONDS: more kinds are left out.
KINDS_MAX = 1_000
_LOOK_SECONDS = 1.0
_CLOSE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class _Kind:
    shop_id: UUID
    actor: Actor
    reason: str
    route: str


class Refusals:
    """What one process refused to keys of shops, until it stands in their audit logs."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._counts: dict[_Kind, int] = {}
        self._written: dict[_Kind, float] = {}
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def note(self, caller: Caller, *, reason: str, route: str) -> None:
        """Count a refusal (by its code) of a call to a route's template; writes nothing."""
        kind = _Kind(caller.shop.id, caller.actor, reason, route)
        with self._lock:
            known = kind in self._counts or kind in self._written
            if not known and len(self._counts) + len(self._written) >= KINDS_MAX:
                return
            self._counts[kind] = self._counts.get(kind, 0) + 1
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._work, name="refusals", daemon=True)
                self._thread.start()

    def write(self, *, at_seconds: float, is_last: bool = False) -> None:
        """Write what is due at a monotonic time; what the database does not take waits."""
        with self._writing:
            self._write(at_seconds, is_last=is_last)

    def _write(self, at_seconds: float, *, is_last: bool) -> None:
        with self._lock:
            for kind, at in list(self._written.items()):
                if at_seconds - at >= EVERY_SECONDS:
                    del self._written[kind]
            due = {
                kind: count
                for kind, count in self._counts.items()
                if is_last or kind not in self._written
            }
        if not due:
            return
        with unless_away("refused calls"):
            with self._house.db.write(is_patient=False) as tx:
                for kind, count in due.items():
                    operations.record_audit(
                        tx,
                        shop=kind.shop_id,
                        actor=kind.actor,
                        action=operations.API_REFUSED,
                        subject=kind.route,
                        after={"reason": kind.reason, "count": count},
                    )
            self._took(due, at_seconds)

    def close(self) -> None:
        """Write what waits, for some seconds at most."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _took(self, due: dict[_Kind, int], at_seconds: float) -> None:
        with self._lock:
            for kind, count in due.items():
                left = self._counts.pop(kind) - count
                if left:
                    self._counts[kind] = left
                self._written[kind] = at_seconds

    def _work(self) -> None:
        while not self._closing.wait(_LOOK_SECONDS):
            self._try(is_last=False)
        self._try(is_last=True)

    def _try(self, *, is_last: bool) -> None:
        try:
            self.write(at_seconds=time.monotonic(), is_last=is_last)
        except Exception:
            # A fault, such as of a shop that is gone; the next ones are written.
            log.exception("refused calls could not be written")
            with self._lock:
                self._counts.clear()
