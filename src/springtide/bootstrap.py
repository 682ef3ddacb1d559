"""The only place that joins real databases, clocks, connectors and rooms."""

from datetime import UTC, datetime
from functools import cached_property
from threading import Lock

from springtide.domain.access.model import Shop
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.queries import FactReader
from springtide.flows.claiming import ClaimDesk
from springtide.kit.db import Database
from springtide.settings import Settings


class House:
    """One running process: settings, the state database, the facts, the real clock."""

    def __init__(self, settings: Settings, db: Database) -> None:
        self.settings = settings
        self.db = db
        #: A neighbour that forwards requests and is not trusted to; empty until one did.
        self.unknown_proxy = ""
        self._reader: FactReader | None = None
        self._desk: ClaimDesk | None = None
        self._lock = Lock()

    @cached_property
    def lake(self) -> Lake:
        """The sealed facts."""
        return Lake(self.settings.lake)

    @property
    def facts(self) -> FactReader:
        """The process's one reader of facts, opened at its first use."""
        with self._lock:
            if self._reader is None:
                self._reader = FactReader(self.db, self.lake)
            return self._reader

    @property
    def claims(self) -> ClaimDesk:
        """The process's one desk for claims, opened at its first use."""
        if self._desk is None:
            with self._lock:
                self._desk = self._desk or self._open_desk()
        return self._desk

    def _open_desk(self) -> ClaimDesk:
        return ClaimDesk(
            self.db,
            self.now,
            secret=self.settings.secret,
            real_now=self.real_now,
            reader_of=lambda: self.facts,
        )

    def real_now(self) -> datetime:
        """Return the real instant, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock

    def now(self, shop: Shop) -> datetime:
        """Return a shop's time: the real one, unless its clock is simulated.

        The clock is part of the shop as it was read; read the shop again to see it moved.
        """
        return shop.now(self.real_now())

    def close(self) -> None:
        """Close what the process holds open."""
        with self._lock:
            desk, self._desk = self._desk, None
        if desk is not None:
            # Not under the lock: its last claims may ask for the reader.
            desk.close()
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        self.db.close()


def open_house(settings: Settings) -> House:
    """Open the house of these settings: make its data folder and bring its database up to date."""
    from springtide.migrations import migrate

    settings.data.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database_url)
    migrate(db)
    return House(settings, db)
