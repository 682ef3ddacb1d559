"""The one writer of the lake: files, commits, and the end of files that nothing names.

Writers are one at a time: a file lock keeps them from working for nothing, and the commit itself
is refused when the table has changed since it was read, so a lock that fails costs a retry and
never a fact. Each begins by making sure that state and lake agree.
"""

import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties
from deltalake.transaction import AddAction, RemoveAction, Transaction

from springtide.domain.facts import agreement, zone_maps
from springtide.domain.facts.lake import (
    LOCK_SECONDS,
    PARTITIONS,
    SCHEMA,
    TAIL,
    File,
    Lake,
    LakeBusy,
    Snapshot,
    digest_of,
    flush,
)
from springtide.domain.facts.model import COLUMNS
from springtide.kit.db import Database
from springtide.kit.sql import quoted

# One customer's facts lie together, in groups so small that a question about one customer reads
# few of them (6 times as fast). Days need no order: months are files. Snappy reads faster than
# zstd and takes half as much space again.
_ORDER = "customer_key, occurred_at"
_GROUP_ROWS = 15 * 2_048
_COMPRESSION = "snappy"
# Columns whose smallest and largest value are noted in the log, for readers that skip files.
_NOTED = ("occurred_at", "amount_minor")
# What our own files are called, relative to the table.
_OURS = re.compile(r"shop=[^/]+/month=[^/]+/[0-9a-f-]{36}\.parquet")


@contextmanager
def writing(database: Database, lake: Lake) -> Iterator["Writer"]:
    """Give the only writer; waits for another process to finish (``LakeBusy``).

    Refuses (``LakeDisagrees``) a lake that is not the one that the state knows. A commit that a
    killed writer had made is written down, one that it had not is forgotten with its files.
    """
    lake.folder.mkdir(parents=True, exist_ok=True)
    with (lake.folder / "writer.lock").open("a") as file:
        _lock(file.fileno())
        _empty(_fresh(lake))
        yield Writer(database, lake, _agreed(database, lake))


def meet(database: Database, lake: Lake) -> None:
    """Make sure that state and lake agree before anything is read or written (``LakeDisagrees``).

    A table that an earlier release left is met for the first time here.
    """
    with database.read() as tx:
        known = agreement.known(tx)
    if known is None and lake.look_again().version >= 0:
        with writing(database, lake):
            pass
    agreement.check(database, lake)


@contextmanager
def kept_files(lake: Lake) -> Iterator[None]:
    """Keep every file that is in the lake now where it is, also those that commits remove."""
    lake.folder.mkdir(parents=True, exist_ok=True)
    with (lake.folder / "keep.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _agreed(database: Database, lake: Lake) -> DeltaTable:
    """Return the table once state and lake agree; the lock is held."""
    with database.read() as tx:
        known = agreement.known(tx)
    found = lake.look_again()
    if known is None:
        return _met(database, lake, found)
    agreement.compare(lake, known, found)
    if agreement.is_next(known, found):
        with database.write() as tx:
            agreement.settle(tx, found)
    elif known.next_version is not None:
        _forget(lake, found, known.next_paths or ())
        with database.write() as tx:
            agreement.give_up(tx)
    return DeltaTable(lake.table)


def _met(database: Database, lake: Lake, found: Snapshot) -> DeltaTable:
    """Return a table that the state meets for the first time, made now where there is none."""
    with database.write() as tx:
        # Judged before anything is made, so that what is missing stays to be seen.
        if found.version >= 0:
            agreement.adopt(tx, lake, found)
        else:
            agreement.refuse_unless_new(tx, lake)
    if found.version >= 0:
        return DeltaTable(lake.table)
    table = DeltaTable.create(
        lake.table, SCHEMA, mode="ignore", partition_by=list(PARTITIONS), name="facts"
    )
    flush(lake.commit_file(0))
    with database.write() as tx:
        agreement.adopt(tx, lake, lake.look_again())
    return table


def _forget(lake: Lake, found: Snapshot, paths: Sequence[str]) -> None:
    """Delete the files of a commit that was never made."""
    current = {file.path for file in found.files}
    for path in paths:
        if path not in current and _OURS.fullmatch(path):
            (lake.table / path).unlink(missing_ok=True)


def _fresh(lake: Lake) -> Path:
    """Return the folder of files that no commit has named yet."""
    folder = lake.folder / "new"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _empty(folder: Path) -> None:
    # The lock is ours, so whoever wrote them is dead.
    for left in folder.iterdir():
        left.unlink(missing_ok=True)


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
    """The one writer of the lake, for the time of one lock; state and lake agree."""

    def __init__(self, database: Database, lake: Lake, table: DeltaTable) -> None:
        self.database = database
        self.lake = lake
        self._table = table
        self.snapshot = lake.snapshot()

    def done(self, transaction: str) -> int:
        """Return the version that an application transaction has reached; 0 for none."""
        return self._table.transaction_version(transaction) or 0

    def write_file(
        self, connection: duckdb.DuckDBPyConnection, query: str, *, shop: str, month: str, name: str
    ) -> AddAction | None:
        """Write the rows of a query (all columns of a fact) as one file; None when it is empty.

        It lies aside until the commit that makes it part of the table.
        """
        place = _fresh(self.lake) / f"{name}.parquet"
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
        zone_maps.note(connection, self.lake, place)
        return AddAction(
            path=f"shop={shop}/month={month}/{name}.parquet",
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
        progress: Callable[[str], None] = lambda _stage: None,
    ) -> None:
        """Make files part of the table and others not, at once; refused if the table moved on.

        Rows that are sealed by it leave the tail when it is written down.
        """
        self._expect(adds, removes, transaction)
        self._move_in(adds)
        progress("expected")
        marks = [Transaction(transaction[0], transaction[1])] if transaction else None
        self._table.create_write_transaction(
            _actions(adds, removes, changes_data=changes_data),
            "append",
            SCHEMA,
            list(PARTITIONS),
            commit_properties=CommitProperties(max_commit_retries=0, app_transactions=marks),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )
        self._table.update_incremental()
        # The state must not know of a commit that a power cut takes back.
        flush(self.lake.commit_file(self._table.version()))
        progress("committed")
        self.snapshot = self.lake.look_again()
        with self.database.write() as tx:
            known = agreement.known(tx)
            if known is None or not agreement.is_next(known, self.snapshot):
                raise agreement.LakeDisagrees(place=self.lake.folder)
            agreement.settle(tx, self.snapshot)

    def _expect(
        self,
        adds: Sequence[AddAction],
        removes: Sequence[File],
        transaction: tuple[str, int] | None,
    ) -> None:
        gone = {file.path for file in removes}
        files = [
            (file.path, file.row_count, file.size)
            for file in self.snapshot.files
            if file.path not in gone
        ]
        files += [(add.path, json.loads(add.stats)["numRecords"], add.size) for add in adds]
        seals = transaction is not None and transaction[0] == TAIL
        with self.database.write() as tx:
            agreement.expect(
                tx,
                version=self.snapshot.version + 1,
                digest=digest_of(files),
                sealed_seq=transaction[1] if transaction and seals else self.snapshot.sealed_seq,
                paths=[add.path for add in adds],
            )

    def _move_in(self, adds: Sequence[AddAction]) -> None:
        folders = set()
        for add in adds:
            place = self.lake.table / add.path
            place.parent.mkdir(parents=True, exist_ok=True)
            os.rename(_fresh(self.lake) / place.name, place)
            folders |= {place.parent, place.parent.parent, self.lake.table}
        for folder in folders:
            flush(folder)

    def sweep(self, retention_hours: int) -> int:
        """Delete files that commits removed some hours ago; return how many.

        Only what the log, which agrees with the state, says to be removed; while a backup keeps
        files, nothing.
        """
        with (self.lake.folder / "keep.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            with self.database.read() as tx:
                known = agreement.known(tx)
            if known is None:
                raise agreement.LakeDisagrees(place=self.lake.folder)
            before_ms = time.time_ns() // 1_000_000 - retention_hours * 3_600_000
            dead, version = self._dead(known.swept_version, before_ms)
            for path in dead:
                (self.lake.table / path).unlink(missing_ok=True)
            with self.database.write() as tx:
                agreement.note_swept(tx, version)
        zone_maps.forget(self.lake, self.snapshot.files)
        return len(dead)

    def _dead(self, swept: int, before_ms: int) -> tuple[list[str], int]:
        """Return the files that versions after ``swept`` removed, and up to which they are told."""
        current = {file.path for file in self.snapshot.files}
        dead: list[str] = []
        for version in range(swept + 1, self.snapshot.version + 1):
            removed = _removed(self.lake.commit_file(version))
            if any(at_ms > before_ms for _, at_ms in removed):
                return dead, version - 1
            dead += [
                path
                for path, _ in removed
                if path not in current
                and _OURS.fullmatch(path)
                and (self.lake.table / path).exists()
            ]
        return dead, self.snapshot.version


def _actions(
    adds: Sequence[AddAction], removes: Sequence[File], *, changes_data: bool
) -> list[AddAction | RemoveAction]:
    now_ms = time.time_ns() // 1_000_000
    for add in adds:
        add.data_change = changes_data
    return [
        *adds,
        *(
            RemoveAction(
                path=file.path,
                data_change=changes_data,
                deletion_timestamp=now_ms,
                size=file.size,
                partition_values={"shop": file.shop, "month": file.month},
            )
            for file in removes
        ),
    ]


def _removed(commit: Path) -> list[tuple[str, int]]:
    """Return the files that a commit removed, and when (Unix ms).

    None of a commit that is no longer there: then nothing says that they are dead.
    """
    try:
        lines = commit.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        if '"remove"' not in line:
            continue
        action = json.loads(line).get("remove")
        if action and "deletionTimestamp" in action:
            found.append((unquote(action["path"]), int(action["deletionTimestamp"])))
    return found


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


def copy_log(lake: Lake, found: Snapshot, copy: Lake) -> None:
    """Write the log of the table, up to a version of it, into the empty log of another.

    From the last checkpoint on: what is before it says only what no longer is.
    """
    checkpoints = {
        int(place.name[:20]): place
        for place in lake.log.glob("*.checkpoint.parquet")
        if int(place.name[:20]) <= found.version
    }
    first = 0
    if checkpoints:
        first = max(checkpoints)
        shutil.copyfile(checkpoints[first], copy.log / checkpoints[first].name)
    for version in range(first, found.version + 1):
        shutil.copyfile(lake.commit_file(version), copy.commit_file(version))
