"""The lake: sealed facts as one Delta Lake table, partitioned by shop and month.

DuckDB writes the Parquet files; a Delta commit makes them part of the
table, together with the removal of the files that they replace. A row that a newer version
replaces leaves the lake in the very commit that brings the newer one (its file is rewritten
without it), so reading is a plain scan of the current files.

Writers are one at a time: a file lock keeps them from working for nothing, and the commit itself
is refused when the table has changed since it was read, so a lock that fails costs a retry and
never a fact.
"""

import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
from deltalake import CommitProperties, DeltaTable, Field, PostCommitHookProperties, Schema
from deltalake.exceptions import TableNotFoundError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction, Transaction

from springtide.domain.facts import ranges
from springtide.domain.facts.model import COLUMNS
from springtide.kit.errors import N_, Refusal
from springtide.kit.sql import quoted

PARTITIONS = ("shop", "month")
#: The application transaction under which the tail is sealed; its version is the last ``seq``.
TAIL = "tail"
# What an instant's month is called in the lake: of UTC.
MONTH = "strftime(timezone('UTC', occurred_at), '%Y-%m')"
LOCK_SECONDS = 600
# One customer's facts lie together, in groups so small that a question about one customer reads
# few of them (6 times as fast). Days need no order: months are files. Snappy reads faster than
# zstd and takes half as much space again.
_ORDER = "customer_key, occurred_at"
_GROUP_ROWS = 15 * 2_048
_COMPRESSION = "snappy"

_DELTA_TYPES = {
    "VARCHAR": "string",
    "TIMESTAMPTZ": "timestamp",
    "INTEGER": "integer",
    "BIGINT": "long",
}
_SCHEMA = Schema(
    [
        Field(name, PrimitiveType(_DELTA_TYPES[type_]), nullable=True)
        for name, type_ in COLUMNS.items()
    ]
    + [Field("month", PrimitiveType("string"), nullable=True)]
)
# Columns whose smallest and largest value are noted in the log, for readers that skip files.
_NOTED = ("occurred_at", "amount_minor")


class LakeBusy(Refusal):
    """Another process has been writing to the lake for too long."""

    code = "lake_busy"
    status = 503
    text = N_("Another import or clean-up is writing facts; try again when it is done.")


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
    """The table at one version; the tail is sealed up to ``sealed_seq``."""

    version: int
    files: tuple[File, ...]
    sealed_seq: int


class Lake:
    """The Delta table under one folder, as one process sees it; safe for threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.table = folder / "facts"
        self._log = self.table / "_delta_log"
        self._thread_lock = threading.Lock()
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """Return the newest version of the table; nearly free while it has not changed."""
        with self._thread_lock:
            kept = self._snapshot
            if kept is None or self._has_version(kept.version + 1):
                self._snapshot = kept = self._read()
            return kept

    def _has_version(self, version: int) -> bool:
        return (self._log / f"{version:020}.json").exists()

    def _read(self) -> Snapshot:
        table = self._open()
        if table is None:
            return Snapshot(-1, (), 0)
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
        return Snapshot(table.version(), tuple(files), table.transaction_version(TAIL) or 0)

    def _open(self) -> DeltaTable | None:
        # Looked for first: opening a missing table costs a hundred milliseconds.
        if not self._log.is_dir():
            return None
        try:
            return DeltaTable(self.table)
        except TableNotFoundError:
            return None

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

    @contextmanager
    def writing(self) -> Iterator["Writer"]:
        """Give the only writer; waits for another process to finish (``LakeBusy``)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "writer.lock").open("a") as file:
            _lock(file.fileno())
            table = self._open()
            if table is None:
                table = DeltaTable.create(
                    self.table, _SCHEMA, mode="ignore", partition_by=list(PARTITIONS), name="facts"
                )
            yield Writer(self, table)


def scan(places: Sequence[str]) -> str:
    """Return the table function over Parquet files of the lake."""
    files = ", ".join(map(quoted, places))
    return (
        f"read_parquet([{files}], hive_partitioning = true, "
        "hive_types = {'shop': VARCHAR, 'month': VARCHAR})"
    )


def _lock(handle: int) -> None:
    gives_up = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > gives_up:
                raise LakeBusy from None
            time.sleep(0.05)


class Writer:
    """The one writer of the lake, for the time of one lock."""

    def __init__(self, lake: Lake, table: DeltaTable) -> None:
        self.lake = lake
        self._table = table
        self.snapshot = lake.snapshot()

    def done(self, transaction: str) -> int:
        """Return the version that an application transaction has reached; 0 for none."""
        return self._table.transaction_version(transaction) or 0

    def write_file(
        self, connection: duckdb.DuckDBPyConnection, query: str, *, shop: str, month: str, name: str
    ) -> AddAction | None:
        """Write the rows of a query (all columns of a fact) as one file; None when it is empty."""
        path = f"shop={shop}/month={month}/{name}.parquet"
        place = self.lake.table / path
        place.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(column for column in COLUMNS if column != "shop")
        ((_, row_count, size, _, statistics, *_),) = connection.execute(
            f"copy (select {columns} from ({query}) order by {_ORDER}) to {quoted(str(place))} "
            f"(format parquet, compression {_COMPRESSION}, row_group_size {_GROUP_ROWS}, "
            "return_stats)"
        ).fetchall()
        if not row_count:
            place.unlink(missing_ok=True)
            return None
        flush(place)
        ranges.note(connection, self.lake, place)
        return AddAction(
            path=path,
            size=size,
            partition_values={"shop": shop, "month": month},
            modification_time=time.time_ns() // 1_000_000,
            data_change=True,
            stats=_stats(row_count, statistics),
        )

    def commit(
        self,
        *,
        adds: Sequence[AddAction],
        removes: Sequence[File],
        transaction: tuple[str, int] | None,
        changes_data: bool = True,
    ) -> None:
        """Make files part of the table and others not, at once; refused if the table moved on."""
        now_ms = time.time_ns() // 1_000_000
        actions: list[AddAction | RemoveAction] = list(adds)
        for add in adds:
            add.data_change = changes_data
        actions += [
            RemoveAction(
                path=file.path,
                data_change=changes_data,
                deletion_timestamp=now_ms,
                size=file.size,
                partition_values={"shop": file.shop, "month": file.month},
            )
            for file in removes
        ]
        marks = [Transaction(transaction[0], transaction[1])] if transaction else None
        self._table.create_write_transaction(
            actions,
            "append",
            _SCHEMA,
            list(PARTITIONS),
            commit_properties=CommitProperties(max_commit_retries=0, app_transactions=marks),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )
        self._table.update_incremental()
        self.snapshot = self.lake.snapshot()

    def sweep(self, retention_hours: int) -> int:
        """Delete files that no version of the last hours names; return how many.

        Also files of writers that were killed before their commit: the lock is ours, so a file
        that no version names belongs to nobody.
        """
        options: dict[str, Any] = {
            "retention_hours": retention_hours,
            "enforce_retention_duration": False,
            "full": True,
        }
        if not self._table.vacuum(dry_run=True, **options):
            return 0
        swept = self._table.vacuum(dry_run=False, **options)
        self.snapshot = self.lake.snapshot()
        ranges.forget(self.lake, self.snapshot.files)
        return len(swept)


def flush(path: Path) -> None:
    """Put a file on the disk before the log names it."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _stats(row_count: int, statistics: Mapping[str, Mapping[str, str]]) -> str:
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    for column in _NOTED:
        noted = statistics.get(f'"{column}"', {})
        if "min" in noted and "max" in noted:
            least[column] = _noted(column, noted["min"])
            most[column] = _noted(column, noted["max"])
    return json.dumps({"numRecords": row_count, "minValues": least, "maxValues": most})


def _noted(column: str, text: str) -> str | int:
    if column != "occurred_at":
        return int(text)
    # Delta's form of an instant: 2017-01-01T11:53:26.000Z
    return text.removesuffix("+00").replace(" ", "T") + "Z"
