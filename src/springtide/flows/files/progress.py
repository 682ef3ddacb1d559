"""How far an import is, told once a second; and the ear for somebody who wants it stopped."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from uuid import UUID

import duckdb

from springtide.domain.imports import records
from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal
from springtide.kit.outage import unless_away

_EVERY_SECONDS = 0.5
#: The share of an import that is done when a stage begins, and when it ends.
_SHARES = {
    "reading": (0.0, 0.25),
    "checking": (0.25, 0.6),
    "comparing": (0.6, 0.7),
    "writing": (0.7, 0.9),
    "people": (0.9, 0.99),
}
# From here on something of the file stays: too late to stop.
_LATE = ("people", "committing", "committed", "done")


class Cancelled(Refusal):
    """Somebody stopped the import."""

    code = "import_cancelled"
    status = 409
    text = N_("The import was stopped; nothing of it was kept.")


@dataclass(frozen=True, slots=True)
class Measured:
    """How far an import is: the share done (0 to 1), and its speed once it is known."""

    share: float
    rows_per_second: int | None
    seconds_left: int | None


class Gauge:
    """Watches an import's database engine from a thread of its own while in use."""

    def __init__(
        self,
        database: Database,
        import_id: UUID,
        connection: duckdb.DuckDBPyConnection,
        listener: Callable[[Measured], None],
    ) -> None:
        self.row_count = 0
        self._listener = listener
        self._database = database
        self._import_id = import_id
        self._connection = connection
        self._stage = "reading"
        self._share = 0.0
        self._began = time.monotonic()
        self._over = threading.Event()
        self._is_cancelled = False
        self._thread = threading.Thread(target=self._watch, name="import gauge", daemon=True)
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        connection.execute("set progress_bar_time = 0")

    def __enter__(self) -> "Gauge":
        self._thread.start()
        return self

    def __exit__(
        self,
        type_: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def enter(self, stage: str) -> None:
        """Note that a stage begins; ``Cancelled`` when it is not to."""
        if self._is_cancelled and stage not in _LATE:
            raise Cancelled
        self._stage = stage

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            share = self._measure()
            seconds = time.monotonic() - self._began
            speed = int(self.row_count * share / seconds) if self.row_count else None
            left = int(seconds * (1 - share) / share) + 1 if share > 0.05 else None
            measured = Measured(share, speed, left)
            self._listener(measured)
            asked = False
            # While the database is away the bar stands still; the import itself goes on or waits.
            with unless_away("how far an import is"), self._database.write() as tx:
                asked = records.note_progress(
                    tx,
                    import_id=self._import_id,
                    share=share,
                    rows_per_second=speed,
                    seconds_left=left,
                )
            if asked and self._stage not in _LATE:
                self._is_cancelled = True
                self._connection.interrupt()

    def _measure(self) -> float:
        """Return the share done: that of the stage, and of the query that runs in it."""
        start, end = _SHARES.get(self._stage, (1.0, 1.0))
        within = max(0.0, self._connection.query_progress()) / 100
        # A stage is several queries: the bar never goes back.
        self._share = max(self._share, start, start + (end - start) * min(within, 1.0) / 2)
        return min(self._share, 1.0)
