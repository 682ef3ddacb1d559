"""Looking at the lake file by file: what the log names is there, whole, and each fact once."""

from collections.abc import Iterator

import duckdb

from springtide.domain.facts import agreement, store
from springtide.domain.facts.lake import MONTH, File, Lake, LakeUnreadable, Snapshot
from springtide.domain.facts.model import COLUMNS
from springtide.domain.facts.reader import FactReader
from springtide.domain.facts.writing import kept_files
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from springtide.kit.findings import Finding, Watch, unwatched
from springtide.kit.sql import quoted

_PUT_BACK = (
    "Put back the folder that belongs to this database, or restore a backup (springtide restore)."
)
_ALSO_WITHOUT_IDS = ("springtide", "simulated")
#: Examples named of a kind.
_NAMED_MAX = 5


def inspect(database: Database, lake: Lake, *, watch: Watch = unwatched) -> Iterator[Finding]:
    """Find what is wrong with the lake, and between it and the state; changes nothing.

    Files stay where they are meanwhile, so others may go on writing.
    """
    with kept_files(lake):
        watch("the log of the facts", 0, 1)
        try:
            agreement.check(database, lake)
        except agreement.FilesMissing:
            pass  # each is told below
        except (agreement.LakeDisagrees, LakeUnreadable) as refusal:
            yield Finding("facts", refusal.code, *_said(refusal))
            return
        found = lake.snapshot()
        bad = list(_bad_files(lake, found, watch))
        yield from bad
        if bad:
            return
        yield from _facts(database, lake, watch)


def _said(refusal: Refusal) -> tuple[str, str]:
    """Return what a refusal says is wrong, and apart from it the way out that it names."""
    what, mark, way_out = str(refusal).partition(". ")
    return f"{what}." if mark else what, way_out or _PUT_BACK


def stray_files(lake: Lake, found: Snapshot) -> list[str]:
    """Return files in the table's folder that the log does not name as current.

    They are removed ones that wait for the sweep, or left by a process that died long ago.
    """
    current = {file.path for file in found.files}
    places = (
        str(place.relative_to(lake.table)) for place in lake.table.glob("shop=*/month=*/*.parquet")
    )
    return sorted(place for place in places if place not in current)


def _bad_files(lake: Lake, found: Snapshot, watch: Watch) -> Iterator[Finding]:
    missing = agreement.absent(lake, found.files)
    connection = lake.connect()
    try:
        for place, file in enumerate(found.files):
            watch("files of facts", place, len(found.files))
            if file in missing:
                text = f"The file {file.path} is missing, or not as long as it was written."
                yield Finding("facts", "file_missing", text, _PUT_BACK)
            elif problem := _problem(connection, lake, file):
                yield Finding("facts", "file_damaged", problem, _PUT_BACK)
    finally:
        connection.close()


def _problem(connection: duckdb.DuckDBPyConnection, lake: Lake, file: File) -> str | None:
    """Read every value of a file; return what is wrong with it."""
    values = ", ".join(name for name in COLUMNS if name != "shop")
    try:
        ((rows, elsewhere, _),) = connection.execute(
            f"select count(*), count(*) filter ({MONTH} <> {quoted(file.month)}), "
            f"bit_xor(hash({values})) from read_parquet({quoted(str(lake.table / file.path))})"
        ).fetchall()
    except duckdb.Error as error:
        return f"The file {file.path} cannot be read ({str(error)[:120]})."
    if rows != file.row_count:
        return f"The file {file.path} holds {rows:,} facts; the log says {file.row_count:,}."
    if elsewhere:
        return f"The file {file.path} holds {elsewhere:,} facts of another month."
    return None


def _facts(database: Database, lake: Lake, watch: Watch) -> Iterator[Finding]:
    """Find facts that are there twice or not at all, in lake and tail together."""
    reader = FactReader(database, lake)
    try:
        watch("each fact once", 0, 1)
        yield from _twice(reader)
        watch("facts taken in", 0, 1)
        yield from _lost(database, reader)
    finally:
        reader.close()


def _twice(reader: FactReader) -> Iterator[Finding]:
    rows = reader.rows(
        "select shop, source, external_id, count(*) from facts group by all having count(*) > 1 "
        f"order by all limit {_NAMED_MAX}",
        is_kept=False,
    )
    for shop, source, external_id, count in rows:
        text = f"The fact {external_id} of {source} in shop {shop} is there {count} times."
        yield Finding("facts", "fact_twice", text, _PUT_BACK)


def _lost(database: Database, reader: FactReader) -> Iterator[Finding]:
    """Compare the facts of each source that came one by one with what was taken in of it."""
    with database.read() as tx:
        before = store.taken_in(tx)
    held = {
        (shop, source): count
        for shop, source, count in reader.rows(
            "select shop, source, count(*) from facts group by all", is_kept=False
        )
    }
    with database.read() as tx:
        after = store.taken_in(tx)
    for (shop, source), least in before.items():
        count, most = held.get((shop, source), 0), after.get((shop, source), least)
        # Facts of our own may also come without their ids being remembered.
        if count < least or (count > most and source not in _ALSO_WITHOUT_IDS):
            text = (
                f"Of the source {source} in shop {shop}, {least:,} facts were taken in and "
                f"{count:,} are there."
            )
            yield Finding("facts", "facts_lost", text, _PUT_BACK)
