"""What a server needs to serve, looked at one by one: the checks behind /readyz and /metrics."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import text

from springtide.bootstrap import House
from springtide.flows.timeline import worker_slots
from springtide.kit.db import Database
from springtide.kit.outage import DatabaseBusy, outage_of
from springtide.migrations import is_current

#: Less room than this is as good as none: a sale writes more within the hour.
FREE_BYTES_MIN = 100_000_000
#: How long the database may let a writer wait.
WRITE_SECONDS_MAX = 2.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """What one look found: a word for people, a number for monitors (NaN: unknown)."""

    name: str
    is_good: bool
    word: str
    number: float = float("nan")


def disk(house: House) -> Found:
    """Look for room where the data lie, in bytes."""
    free = shutil.disk_usage(house.settings.data).free
    is_good = free >= FREE_BYTES_MIN
    least = "" if is_good else f", fewer than {FREE_BYTES_MIN // 1_000_000}"
    return Found("disk", is_good, f"{free // 1_000_000} MB free{least}", free)


def database(house: House) -> Found:
    """Look how many seconds a writer waits for the database."""
    began = time.monotonic()
    while True:
        try:
            _write(house.db)
        except Exception as error:
            waited = time.monotonic() - began
            outage = outage_of(error)
            if outage is None:
                raise
            if not isinstance(outage, DatabaseBusy):
                return Found("database", False, "does not answer")
            if waited > WRITE_SECONDS_MAX:
                return Found(
                    "database", False, f"held for more than {WRITE_SECONDS_MAX:g} s", waited
                )
            time.sleep(_LOOK_SECONDS)
        else:
            waited = time.monotonic() - began
            return Found(
                "database", waited <= WRITE_SECONDS_MAX, f"writes after {waited:.2f} s", waited
            )


def migrations(house: House) -> Found:
    """Look whether the database is of this release."""
    is_good = is_current(house.db)
    return Found("migrations", is_good, "current" if is_good else "not migrated", is_good)


def lake(house: House) -> Found:
    """Look whether the sealed facts can be read and are those that the database knows."""
    problem = house.lake_problem()
    if problem:
        return Found("lake", False, f"not the facts of this database ({problem}): springtide check")
    count = len(house.lake.snapshot().files)
    return Found("lake", True, f"{count} files", count)


def workers(house: House) -> Found:
    """Look for workers; told only: pages and API serve without any."""
    with house.db.read() as tx:
        seen = worker_slots.workers_seen(tx, real_now=house.real_now())
    alive = sum(each.is_alive for each in seen)
    return Found("workers", True, f"{alive} alive", alive)


#: All that is looked at; to add one is to add a function here.
CHECKS: Sequence[Callable[[House], Found]] = (disk, database, migrations, lake, workers)


def look(house: House) -> list[Found]:
    """Make every check; one that fails by an outage is not good, and stops no other."""
    return [_looked(check, house) for check in CHECKS]


def _looked(check: Callable[[House], Found], house: House) -> Found:
    try:
        return check(house)
    except Exception as error:
        outage = outage_of(error)
        word = "the look at it failed" if outage is None else outage.code
        return Found(check.__name__, False, word)


def _write(db: Database) -> None:
    with db.write(is_patient=False) as tx:
        if not db.is_sqlite:
            # A number of a transaction is given only where one may write.
            tx.execute(text("select pg_current_xact_id()"))
