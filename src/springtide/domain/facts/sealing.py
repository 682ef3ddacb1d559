"""The sealer moves the tail into the lake, and keeps the lake in few large files.

Sealing is exactly once: the Delta commit that brings the rows carries the application transaction
("tail", last seq), and rows leave the tail only when the lake says that it has them. Killed
before the commit, nothing happened (the next writer deletes the files); killed after it,
readers already leave out the tail's copies, and the next writer deletes them.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
from deltalake.transaction import AddAction

from springtide.domain.facts import store
from springtide.domain.facts.lake import TAIL, File, Lake, scan
from springtide.domain.facts.model import COLUMNS, Fact
from springtide.domain.facts.reader import load_rows
from springtide.domain.facts.writing import Writer, writing
from springtide.kit.db import Database
from springtide.kit.sql import quoted

# Rows sealed in one commit: bounds memory, a later round takes the rest.
BATCH = 200_000
# A month of a shop with more files than this is compacted: each rewriting makes readers work out
# anew what they keep of that month.
FILES_MAX = 12
# Files of this size are large enough and left alone by compaction.
LARGE_BYTES = 64 * 2**20
# Files that the table no longer names stay this long for readers that still hold them.
RETENTION_HOURS = 2

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Tended:
    """What one round of care did: facts sealed, files compacted away, files deleted."""

    sealed: int
    compacted: int
    swept: int


def silent(_stage: str) -> None:
    """Take no note of progress."""


def seal(database: Database, lake: Lake, *, progress: Progress = silent) -> int:
    """Move the tail into the lake; return the number of facts moved."""
    moved = 0
    while True:
        with writing(database, lake) as writer:
            sealed_seq = writer.snapshot.sealed_seq
            with database.read() as tx:
                rows = store.rows_after(tx, sealed_seq, limit=BATCH)
            progress("read")
            if rows:
                _commit_rows(lake, writer, rows, progress)
            progress("deleted")
        moved += len(rows)
        if len(rows) < BATCH:
            return moved


def seal_new(database: Database, lake: Lake, facts: Sequence[Fact], *, transaction: str) -> bool:
    """Put facts that nobody knows yet into the lake at once; False when that was done before.

    ``transaction`` names the whole: done twice, it is one. For facts whose ids are never sent
    again, such as a simulated past.
    """
    columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
    with writing(database, lake) as writer:
        if writer.done(transaction):
            return False
        connection = lake.connect()
        try:
            connection.execute(f"create table fresh (seq BIGINT, {columns}, month VARCHAR)")
            rows = [{"seq": 0, **{name: getattr(fact, name) for name in COLUMNS}} for fact in facts]
            load_rows(connection, "fresh", rows)
            connection.execute("create view incoming as select * from fresh")
            adds, removes = prepare(writer, connection, _find_superseded(writer, connection))
            writer.commit(adds=adds, removes=removes, transaction=(transaction, 1))
        finally:
            connection.close()
    return True


def _commit_rows(
    lake: Lake, writer: Writer, rows: Sequence[Mapping[str, Any]], progress: Progress
) -> None:
    columns = ", ".join(f"{name} {type_}" for name, type_ in COLUMNS.items())
    connection = lake.connect()
    try:
        connection.execute(f"create table tail (seq BIGINT, {columns}, month VARCHAR)")
        load_rows(connection, "tail", rows)
        connection.execute("create view incoming as select * from tail")
        adds, removes = prepare(writer, connection, _find_superseded(writer, connection))
        progress("written")
        mark = (TAIL, rows[-1]["seq"])
        writer.commit(adds=adds, removes=removes, transaction=mark, progress=progress)
    finally:
        connection.close()


def prepare(
    writer: Writer,
    connection: duckdb.DuckDBPyConnection,
    superseded_in: Sequence[File],
    progress: Progress = silent,
) -> tuple[list[AddAction], list[File]]:
    """Write the files of a relation ``incoming`` (a fact's columns and ``month``).

    The given files of the lake, which hold the facts that the relation ``superseded`` names
    (shop, source, external_id), are written anew without them. Returns the files to add and those
    to remove, for one commit.
    """
    affected: dict[tuple[str, str], list[File]] = defaultdict(list)
    for file in superseded_in:
        affected[(file.shop, file.month)].append(file)
    partitions = connection.execute("select distinct shop, month from incoming").fetchall()
    adds = []
    for shop, month in sorted({*partitions, *affected}):
        columns = ", ".join(COLUMNS)
        literal = f"shop = {quoted(shop)} and month = {quoted(month)}"
        query = f"select {columns} from incoming where {literal}"
        if old := affected.get((shop, month)):
            query += (
                f" union all select {columns} from {scan(writer.lake.locate(old))} as old "
                f"where not exists (select 1 from superseded where {_SAME_FACT})"
            )
        name = str(uuid.uuid4())
        add = writer.write_file(connection, query, shop=shop, month=month, name=name)
        adds += [add] if add else []
        progress("writing")
    return adds, [file for files in affected.values() for file in files]


# Joins ``superseded`` with ``old`` on the fact that goes.
_SAME_FACT = (
    "superseded.shop = old.shop and superseded.source = old.source "
    "and superseded.external_id = old.external_id"
)


def _find_superseded(writer: Writer, connection: duckdb.DuckDBPyConnection) -> list[File]:
    """Make ``superseded`` of the later versions in ``incoming``; return the files to look in."""
    connection.execute(
        "create temp table superseded as select shop, source, external_id from incoming "
        "where version > 1"
    )
    shops = {
        shop for (shop,) in connection.execute("select distinct shop from superseded").fetchall()
    }
    files = [file for file in writer.snapshot.files if file.shop in shops]
    if not files:
        return []
    places = writer.lake.locate(files)
    source = scan(places).removesuffix(")") + ", filename = true)"
    found = connection.execute(
        f"select distinct filename from {source} as old "
        f"where exists (select 1 from superseded where {_SAME_FACT})"
    ).fetchall()
    by_place = dict(zip(places, files, strict=True))
    return [by_place[place] for (place,) in found]


def compact(database: Database, lake: Lake, *, files_max: int = FILES_MAX) -> int:
    """Write each month of many small files as one; return the number of files that went."""
    gone = 0
    with writing(database, lake) as writer:
        months: dict[tuple[str, str], list[File]] = defaultdict(list)
        for file in writer.snapshot.files:
            if file.size < LARGE_BYTES:
                months[(file.shop, file.month)].append(file)
        for (shop, month), files in months.items():
            if len(files) <= files_max:
                continue
            connection = lake.connect()
            try:
                query = f"select {', '.join(COLUMNS)} from {scan(lake.locate(files))}"
                name = str(uuid.uuid4())
                add = writer.write_file(connection, query, shop=shop, month=month, name=name)
            finally:
                connection.close()
            if add is None or f'"numRecords": {sum(f.row_count for f in files)},' not in add.stats:
                raise RuntimeError(f"compaction of {shop} {month} did not keep every fact")
            writer.commit(adds=[add], removes=files, transaction=None, changes_data=False)
            gone += len(files) - 1
    return gone


def sweep(database: Database, lake: Lake, *, retention_hours: int = RETENTION_HOURS) -> int:
    """Delete files that commits removed from the table some hours ago; return how many."""
    with writing(database, lake) as writer:
        return writer.sweep(retention_hours)


def tend(database: Database, lake: Lake, *, progress: Progress = silent) -> Tended:
    """Give the facts one round of care: seal, compact what has become small, sweep leftovers."""
    sealed = seal(database, lake, progress=progress)
    compacted = compact(database, lake)
    return Tended(sealed, compacted, sweep(database, lake))
