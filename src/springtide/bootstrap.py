"""The only place that joins real databases, clocks, connectors and rooms."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import IO

from springtide.domain.access.model import Shop
from springtide.domain.facts import agreement
from springtide.domain.facts.lake import Lake, LakeUnreadable
from springtide.domain.facts.reader import FactReader
from springtide.domain.facts.writing import meet
from springtide.flows.claims.desk import ClaimDesk
from springtide.flows.installation.marks import knows_secret, mark_secret
from springtide.flows.installation.occupancy import alone_in, share
from springtide.flows.installation.restore import finish, is_unfinished
from springtide.flows.people.sender import Postman
from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal
from springtide.kit.private import make_private, tighten, write_privately
from springtide.settings import IN_DATA, SecretMissing, Settings, kept_secret

# How often at most readiness looks at the lake on the disk.
_LAKE_SECONDS = 5.0
# What is left of a restore that was cut off is moved into place in a moment.
_RESTORE_SECONDS = 30.0


class House:
    """One running process: settings, the state database, the facts, the real clock."""

    def __init__(self, settings: Settings, db: Database, at_work: IO[str] | None = None) -> None:
        self._at_work = at_work
        self.settings = settings
        self.db = db
        db.clock = self.real_now
        #: A neighbour that forwards requests and is not trusted to; empty until one did.
        self.unknown_proxy = ""
        self._reader: FactReader | None = None
        self._desk: ClaimDesk | None = None
        self._lock = Lock()
        self._lake_seen: tuple[float, str | None] | None = None

    @cached_property
    def post(self) -> Postman:
        """The process's one postman, who begins with the first letter."""
        return Postman()

    @cached_property
    def lake(self) -> Lake:
        """The sealed facts."""
        return Lake(self.settings.lake)

    def lake_problem(self) -> str | None:
        """Return the code of why state and lake do not agree, or None; looks every few seconds."""
        with self._lock:
            seen = self._lake_seen
            if seen is None or time.monotonic() - seen[0] > _LAKE_SECONDS:
                try:
                    agreement.check(self.db, self.lake)
                    problem = None
                except (agreement.LakeDisagrees, LakeUnreadable) as refusal:
                    problem = refusal.code
                self._lake_seen = seen = (time.monotonic(), problem)
            return seen[1]

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
        return real_instant()

    def now(self, shop: Shop) -> datetime:
        """Return a shop's time: the real one, unless its clock is simulated.

        The clock is part of the shop as it was read; read the shop again to see it moved.
        """
        return shop.now(self.real_now())

    def close(self) -> None:
        """Close what the process holds open."""
        self.post.close()
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
        if self._at_work is not None:
            self._at_work.close()


def real_instant() -> datetime:
    """Return the real instant, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock


def open_house(settings: Settings) -> House:
    """Open the house of these settings: make its data folder and bring its database up to date.

    Refuses (LakeDisagrees) facts that are not those that the database knows, and (SecretMissing)
    a secret made just now for a database that was used with another.
    """
    from springtide.migrations import migrate

    write_privately()
    make_private(settings.data, IN_DATA)
    db = Database(settings.database_url)
    at_work = share(settings.data)
    if is_unfinished(settings.data):
        at_work.close()
        # Of several starts one does it, and the others wait.
        with alone_in(settings.data, seconds=_RESTORE_SECONDS):
            finish(settings.data, db)
        if settings.signing_from != "environment":
            # The restore brought its own.
            secret, signing_from = kept_secret(settings.data)
            settings = replace(settings, secret=secret, signing_from=signing_from)
        at_work = share(settings.data, seconds=_RESTORE_SECONDS)
    for file in db.files():
        tighten(file)
    try:
        migrate(db)
        house = House(settings, db, at_work)
        meet(db, house.lake)
        with db.read() as tx:
            knows = knows_secret(tx, settings.secret)
        if knows is False and settings.signing_from == "made now":
            # The database of another machine, or a data folder that was emptied: what was made
            # just now is not the secret, and must not be taken for it at the next start.
            (settings.data / "secret").unlink(missing_ok=True)
            raise SecretMissing(path=settings.data / "secret")
        if knows is None:
            with db.write() as tx:
                mark_secret(tx, settings.secret)
    except BaseException:
        db.close()
        at_work.close()
        raise
    return house


class NothingThere(Refusal):
    """A command was to look at an installation, and there is none."""

    code = "nothing_there"
    text = N_(
        "There is no Springtide in {place}: set SPRINGTIDE_DATA, or make one (springtide init)."
    )


def look_at_house(settings: Settings) -> House:
    """Open the house of these settings as it is, to look at: nothing is made or brought up to date.

    Refuses (NothingThere) a place without a database.
    """
    db = Database(settings.database_url)
    path = db.engine.url.database
    if settings.signing_from == "made now":
        # Nobody is to take it for the secret of what is there.
        (settings.data / "secret").unlink(missing_ok=True)
    if db.is_sqlite and not (path and Path(path).is_file()):
        raise NothingThere(place=settings.data)
    return House(settings, db)
