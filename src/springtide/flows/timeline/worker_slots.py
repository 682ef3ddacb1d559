"""Which workers are at work: numbered slots with a heartbeat, in real time.

A slot's name is what the durable engine knows a worker by. Who finds a worker dead goes on with
its work. Workers compare no clocks: a heartbeat that does not change is silence.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from springtide.flows.timeline.store import workers
from springtide.kit.db import Database

#: A worker that was silent for so long is taken for dead.
SILENCE_MAX = timedelta(seconds=15)
#: How often a worker tells that it is there.
BEAT = timedelta(seconds=2)
_SLOTS_MAX = 64


class SlotLost(Exception):
    """Another worker took this one for dead and has its work; this one must end."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A worker's place: its number, and the token that tells it from who had it before."""

    number: int
    token: str

    @property
    def name(self) -> str:
        """What the durable engine knows this worker by."""
        return f"worker-{self.number}"

    @property
    def holder(self) -> str:
        """What the leases of this worker carry."""
        return holder_of(self.token)


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker as a page shows it."""

    number: int
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    is_alive: bool


@dataclass(eq=False)
class Watch:
    """One worker's look at the heartbeats of all, by its own clock that never steps.

    Who could not look for a while (the database was away, the process stood still) knows nothing
    of the others, and gives each of them its full time again.
    """

    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    _looked_at: float = 0.0

    def dead(self, tx: Connection) -> list[Slot]:
        """Return the slots whose workers are dead: silent for too long, or their process gone."""
        now = self.clock()
        known = self._seen if now - self._looked_at <= SILENCE_MAX.total_seconds() / 2 else {}
        rows = tx.execute(select(workers)).all()
        self._looked_at = now
        self._seen = {
            row.token: known[row.token]
            if row.token in known and known[row.token][0] == row.beat_at
            else (row.beat_at, now)
            for row in rows
        }
        silent = {
            token
            for token, (_, since) in self._seen.items()
            if now - since > SILENCE_MAX.total_seconds()
        }
        return [Slot(row.slot, row.token) for row in rows if row.token in silent or _is_gone(row)]


def holder_of(token: str) -> str:
    """Return what the leases of the worker with this token carry."""
    return token[:12]


def holders(tx: Connection) -> set[str]:
    """Return the holders whose workers stand in the table: the leases of others are nobody's."""
    return {holder_of(row.token) for row in tx.execute(select(workers.c.token))}


def take_slot(db: Database, *, real_now: datetime) -> Slot:
    """Take the lowest slot that is free or whose process is gone."""
    for _ in range(_SLOTS_MAX):
        try:
            with db.write() as tx:
                taken = _take(tx, real_now)
            if taken is not None:
                return taken
        except IntegrityError:
            continue  # another worker was quicker
    raise RuntimeError(f"no slot is free: {_SLOTS_MAX} workers are at work")


def beat(db: Database, *, slot: Slot, real_now: datetime) -> None:
    """Tell that the worker is there; raises SlotLost."""
    with db.write() as tx:
        found = tx.execute(
            update(workers)
            .where(workers.c.slot == slot.number, workers.c.token == slot.token)
            .values(beat_at=real_now)
            .returning(workers.c.slot)
        ).first()
    if found is None:
        raise SlotLost(slot.name)


def leave(db: Database, *, slot: Slot) -> None:
    """Give the slot back."""
    with db.write() as tx:
        tx.execute(
            delete(workers).where(workers.c.slot == slot.number, workers.c.token == slot.token)
        )


def forget_workers(tx: Connection) -> None:
    """Forget every worker: this state was put back from a backup, and none works on it."""
    tx.execute(delete(workers))


def workers_seen(tx: Connection, *, real_now: datetime) -> list[WorkerSeen]:
    """Return the workers, dead ones too; with none alive, pages say that nothing is carried out."""
    return [
        WorkerSeen(
            row.slot, row.host, row.pid, row.started_at, row.beat_at, _is_alive(row, real_now)
        )
        for row in tx.execute(select(workers).order_by(workers.c.slot))
    ]


def is_worker_alive(tx: Connection, *, real_now: datetime) -> bool:
    """Tell whether any worker is at work."""
    return any(seen.is_alive for seen in workers_seen(tx, real_now=real_now))


def _take(tx: Connection, real_now: datetime) -> Slot | None:
    rows = {row.slot: row for row in tx.execute(select(workers))}
    for number in range(1, _SLOTS_MAX + 1):
        values: dict[str, Any] = {
            "token": uuid4().hex, "host": socket.gethostname()[:200], "pid": os.getpid(),
            "started_at": real_now, "beat_at": real_now,
        }  # fmt: skip
        row = rows.get(number)
        if row is None:
            tx.execute(insert(workers).values(slot=number, **values))
            return Slot(number, values["token"])
        # Our own process number on our own machine: a predecessor's, as in a container begun anew.
        is_own = row.pid == values["pid"] and row.host == values["host"]
        if is_own or _is_gone(row):
            taken = tx.execute(
                update(workers)
                .where(workers.c.slot == number, workers.c.token == row.token)
                .values(**values)
                .returning(workers.c.slot)
            ).first()
            return Slot(number, values["token"]) if taken else None
    return None


def _is_alive(row: Any, real_now: datetime) -> bool:
    # A heartbeat from the future is as old as one from the past: the clock was set back since.
    return abs(real_now - row.beat_at) <= SILENCE_MAX and not _is_gone(row)


def _is_gone(row: Any) -> bool:
    """Tell whether a worker of this machine is in its process table no more."""
    return row.host == socket.gethostname()[:200] and not _process_lives(row.pid)


def _process_lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state == "Z"
