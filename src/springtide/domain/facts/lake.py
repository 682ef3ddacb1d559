"""The lake: sealed facts as one Delta Lake table, partitioned by shop and month.

DuckDB writes the Parquet files; a Delta commit makes them part of the
table, together with the removal of the files that they replace. A row that a newer version
replaces leaves the lake in the very commit that brings the newer one (its file is rewritten
without it), so reading is a plain scan of the current files.

Here it is read; ``writing`` holds its one writer, and ``agreement`` what the state knows of it.
"""

import os
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote

import duckdb
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError, DeltaProtocolError, TableNotFoundError
from deltalake.schema import PrimitiveType

from springtide.domain.facts.model import COLUMNS
from springtide.kit.errors import N_, Refusal
from springtide.kit.sql import quoted

PARTITIONS = ("shop", "month")
#: The application transaction under which the tail is sealed; its version is the last ``seq``.
TAIL = "tail"
# What an instant's month is called in the lake: of UTC.
MONTH = "strftime(timezone('UTC', occurred_at), '%Y-%m')"
LOCK_SECONDS = 600
_DELTA_TYPES = {
    "VARCHAR": "string",
    "TIMESTAMPTZ": "timestamp",
    "INTEGER": "integer",
    "BIGINT": "long",
}
SCHEMA = Schema(
    [
        Field(name, PrimitiveType(_DELTA_TYPES[type_]), nullable=True)
        for name, type_ in COLUMNS.items()
    ]
    + [Field("month", PrimitiveType("string"), nullable=True)]
)
_NAMES = frozenset((*COLUMNS, "month"))


class LakeBusy(Refusal):
    """Another process has been writing to the lake for too long."""

    code = "lake_busy"
    status = 503
    text = N_("Another import or clean-up is writing facts; try again when it is done.")


class LakeUnreadable(Refusal):
    """The log of the facts' table is there, and cannot be read."""

    code = "lake_unreadable"
    status = 503
    text = N_(
        "The log of the facts in {place} is damaged ({why}). Put back the folder that belongs to "
        "this database, or restore a backup (springtide restore). Nothing was changed."
    )


class LakeNewer(LakeUnreadable):
    """The facts' table is of a release that this one does not know."""

    code = "lake_newer"
    status = 503
    text = N_(
        "The facts in {place} are of a newer release of Springtide ({what}): update Springtide, or "
        "restore a backup of before the update. Nothing was changed."
    )


@dataclass(frozen=True, slots=True)
class File:
    """One Parquet file of the table; ``path`` is relative to the table.

    No fact in it occurred before ``first_at``.
    """

    path: str
    shop: str
    month: str
    row_count: int
    size: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The table at one version; the tail is sealed up to ``sealed_seq``.

    ``version`` is -1 and ``table_id`` empty where there is no table.
    """

    version: int
    files: tuple[File, ...]
    sealed_seq: int
    table_id: str
    digest: str


def digest_of(files: Iterable[tuple[str, int, int]]) -> str:
    """Return what tells one set of files (path, rows, bytes) from every other."""
    lines = sorted(f"{path}\t{rows}\t{size}\n" for path, rows, size in files)
    return sha256("".join(lines).encode()).hexdigest()


class Lake:
    """The Delta table under one folder, as one process sees it; safe for threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = folder / "facts"
        self.log = self.table / "_delta_log"
        self._thread_lock = threading.Lock()
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """Return the newest version of the table; nearly free while it has not changed."""
        with self._thread_lock:
            kept = self._snapshot
            if kept is None or self._has_version(kept.version + 1):
                self._snapshot = kept = self._read()
            return kept

    def look_again(self) -> Snapshot:
        """Return the table as it lies on the disk now, whatever was seen before."""
        with self._thread_lock:
            self._snapshot = None
            self._snapshot = found = self._read()
            return found

    def commit_file(self, version: int) -> Path:
        """Return the place of a version's commit in the log."""
        return self.log / f"{version:020}.json"

    def _has_version(self, version: int) -> bool:
        return self.commit_file(version).exists()

    def _read(self) -> Snapshot:
        table = self.open()
        if table is None:
            return Snapshot(-1, (), 0, "", digest_of(()))
        actions = table.get_add_actions(flatten=True)
        columns = [
            actions[name].to_pylist()
            for name in (
                "path", "partition.shop", "partition.month", "num_records", "size_bytes",
                "min.occurred_at",
            )
        ]  # fmt: skip
        files = [
            File(unquote(path), shop, month, rows, size, first_at.astimezone(UTC))
            for path, shop, month, rows, size, first_at in zip(*columns, strict=True)
        ]
        files.sort(key=lambda file: (file.shop, file.month, file.path))
        return Snapshot(
            table.version(),
            tuple(files),
            table.transaction_version(TAIL) or 0,
            str(table.metadata().id),
            digest_of((file.path, file.row_count, file.size) for file in files),
        )

    def open(self) -> DeltaTable | None:
        """Open the table at its newest version; None where there is none.

        Raises LakeUnreadable, and LakeNewer for one that this release does not know.
        """
        # Looked for first: opening a missing table costs a hundred milliseconds.
        if not self.log.is_dir():
            return None
        try:
            table = DeltaTable(self.table)
            unknown = {field.name for field in table.schema().fields} - _NAMES
        except TableNotFoundError:
            return None
        except DeltaProtocolError as error:
            raise LakeNewer(place=self.table, what=str(error)[:160]) from error
        except DeltaError as error:
            raise LakeUnreadable(place=self.log, why=str(error)[:160]) from error
        if unknown:
            raise LakeNewer(place=self.table, what=", ".join(sorted(unknown))[:160])
        return table

    def locate(self, files: Sequence[File]) -> list[str]:
        """Return the places of files, for ``read_parquet``."""
        return [str(self.table / file.path) for file in files]

    def show_known(self, connection: duckdb.DuckDBPyConnection, shop: str) -> None:
        """Give a DuckDB the view ``known``: the shop's facts of the lake as they are now."""
        columns = ", ".join(COLUMNS)
        files = [file for file in self.snapshot().files if file.shop == shop]
        if files:
            query = f"select {columns} from {scan(self.locate(files))}"
        else:
            nothing = ", ".join(f"cast(null as {type_}) {name}" for name, type_ in COLUMNS.items())
            query = f"select {nothing} where false"
        connection.execute(f"create view known as {query}")

    @property
    def spill(self) -> Path:
        """A folder for what does not fit in memory."""
        folder = self.folder / "spill"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def connect(
        self,
        *,
        threads: int = 2,
        memory: str = "1GB",
        spill: Path | None = None,
        file: Path | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """Open a DuckDB in memory; what does not fit spills beside the lake, or where told.

        With a ``file``, tables stand in it from the start: of very many rows even what is kept of
        each spilled block is too much for the memory.
        """
        connection = duckdb.connect(
            str(file) if file else ":memory:",
            config={
                "threads": threads,
                "memory_limit": memory,
                "temp_directory": str(spill or self.spill),
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
            },
        )
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set enable_progress_bar = false")
        # Files never change once written, so neither does what their footers say.
        connection.execute("set parquet_metadata_cache = true")
        if file:
            # It goes with the connection.
            connection.execute("pragma disable_checkpoint_on_shutdown")
        return connection


def scan(places: Sequence[str]) -> str:
    """Return the table function over Parquet files of the lake."""
    files = ", ".join(map(quoted, places))
    return (
        f"read_parquet([{files}], hive_partitioning = true, "
        "hive_types = {'shop': VARCHAR, 'month': VARCHAR})"
    )


def flush(path: Path) -> None:
    """Put a file on the disk before the log names it."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
