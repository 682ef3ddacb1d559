"""Which workers are at work: numbered slots with a heartbeat, in real time.

A slot's name is what the durable engine knows a worker by. Who takes a dead worker's slot, or
finds it dead, goes on with its work.
"""

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from springtide.flows.store import workers
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
        return slot_name(self.number)


@dataclass(frozen=True, slots=True)
class WorkerSeen:
    """A worker as a page shows it."""

    number: int
    host: str
    pid: int
    started_at: datetime
    beat_at: datetime
    is_alive: bool


def slot_name(number: int) -> str:
    """Return the name of a slot."""
    return f"worker-{number}"


def take_slot(db: Database, *, real_now: datetime) -> Slot:
    """Take the lowest slot that is free or whose worker is dead."""
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


def dead_slots(tx: Connection, *, real_now: datetime) -> list[Slot]:
    """Return the slots whose workers are dead."""
    return [
        Slot(row.slot, row.token)
        for row in tx.execute(select(workers))
        if not _is_alive(row, real_now)
    ]


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
        if is_own or not _is_alive(row, real_now):
            taken = tx.execute(
                update(workers)
                .where(workers.c.slot == number, workers.c.token == row.token)
                .values(**values)
                .returning(workers.c.slot)
            ).first()
            return Slot(number, values["token"]) if taken else None
    return None


def _is_alive(row: Any, real_now: datetime) -> bool:
    if real_now - row.beat_at > SILENCE_MAX:
        return False
    # On the same machine the process table knows it sooner than the heartbeat.
    return row.host != socket.gethostname()[:200] or _process_lives(row.pid)


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
