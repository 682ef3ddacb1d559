"""What later files told again: an older file that comes after them does not count against it.

A fact that a file tells as it is known keeps its version, since to write it anew each day would
cost as much as the whole lake. So the minute in which it was told again is noted beside the lake,
with a hash of the fact's id; only files older than that look there.
"""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import duckdb

from springtide.domain.facts.lake import Lake, flush
from springtide.kit.sql import quoted

#: Files kept of one source: some months of daily exports.
FILES_MAX = 120
_HASH = "md5_number_lower({}.external_id)"


def note(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    *,
    shop: str,
    source: str,
    import_id: UUID,
    version: int,
) -> None:
    """Write down which facts of ``emitted`` a file told again, later than they were known.

    ``compared`` holds what became of them. True whether or not the import comes to its end.
    """
    again = "same and had < own and emitted.version is null"
    rows = f"from emitted join compared on emitted.rowid = compared.place where {again}"
    if not connection.execute(f"select 1 {rows} limit 1").fetchall():
        return
    folder = _folder(lake, shop, source)
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / f"{version:012d}-{import_id}.parquet"
    half = place.with_suffix(".part")
    connection.execute(
        f"copy (select {_HASH.format('emitted')} as id {rows} order by id) "
        f"to {quoted(str(half))} (format parquet, compression zstd)"
    )
    # A half of it after a power cut would stop every late file.
    flush(half)
    os.replace(half, place)
    # Also halves of imports that died: the lake has one writer.
    for left in (*folder.glob("*.part"), *sorted(folder.glob("*.parquet"))[:-FILES_MAX]):
        left.unlink(missing_ok=True)


def raise_versions(
    connection: duckdb.DuckDBPyConnection, lake: Lake, *, shop: str, source: str, version: int
) -> None:
    """Raise the versions in ``old`` of facts that files later than ``version`` told again."""
    places = _later(lake, shop, source, version)
    if not places:
        return
    names = ", ".join(quoted(str(place)) for place in places)
    connection.execute(
        f"update old set version = greatest(version, told.minute) from (select id, max(cast("
        "left(parse_filename(filename), 12) as integer)) as minute "
        f"from read_parquet([{names}], filename = true) group by id) as told "
        f"where {_HASH.format('old')} = told.id"
    )


def _later(lake: Lake, shop: str, source: str, version: int) -> Sequence[Path]:
    folder = _folder(lake, shop, source)
    return [place for place in folder.glob("*.parquet") if int(place.name[:12]) > version]


def _folder(lake: Lake, shop: str, source: str) -> Path:
    # A source is any text; its hash is a name that every disk takes.
    return lake.folder / "confirmed" / shop / sha256(source.encode()).hexdigest()[:16]
