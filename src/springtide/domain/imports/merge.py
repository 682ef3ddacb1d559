"""What a file says meets what is known: compared with the lake, and committed in one go.

New and changed facts, and the files rewritten without their older versions, go in with one Delta
commit, under the application transaction ("import:<id>", 1). No content hash is kept with the
facts: both sides are hashed in the query that compares them, so the lake stays small and the hash
may differ between releases of the engine.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import duckdb

from springtide.domain.facts.lake import File, Lake, scan
from springtide.domain.facts.model import COLUMNS
from springtide.domain.facts.sealing import prepare, silent
from springtide.domain.facts.writing import Writer, writing
from springtide.domain.facts.zone_maps import may_hold
from springtide.domain.imports import watermarks
from springtide.domain.imports.model import RowCounts
from springtide.domain.imports.ports import Reading
from springtide.kit.db import Database
from springtide.kit.sql import quoted

_CONTENT = tuple(
    name for name in COLUMNS if name not in ("shop", "source", "external_id", "version")
)
_NAMED = "shop VARCHAR, source VARCHAR, external_id VARCHAR"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a file's rows.

    ``older`` rows said something older than what is known. ``factless`` ones gave no fact, such
    as a person of whom nothing happened; they are among the unchanged.
    """

    rows: RowCounts
    older: int
    factless: int

    def counting(self, new: int, changed: int) -> RowCounts:
        """Return the counts with so many people or products that came or changed.

        What a row with facts brings beside them is counted with it already.
        """
        rows = self.rows
        new = min(max(new - rows.new, 0), self.factless)
        changed = min(max(changed - rows.changed, 0), self.factless - new)
        return replace(
            rows,
            new=rows.new + new,
            changed=rows.changed + changed,
            unchanged=rows.unchanged - new - changed,
        )


def commit(
    database: Database,
    lake: Lake,
    connection: duckdb.DuckDBPyConnection,
    *,
    shop: str,
    reading: Reading,
    import_id: UUID,
    told_at: datetime,
    row_count: int,
    ready: Callable[["Outcome"], RowCounts],
    progress: Progress = silent,
) -> RowCounts:
    """Compare ``emitted`` with the lake and commit what is new or changed; return the counts.

    Of a fact that the lake has from a file exported later than ``told_at``, the lake's stands.
    ``ready`` is told the outcome just before the commit, so that a process that dies after it can
    be told from one that dies before it; it gives the counts that are returned.
    """
    with writing(database, lake) as writer:
        progress("comparing")
        version = version_of(told_at)
        files = _settle(writer, connection, shop, reading, version)
        outcome = count_rows(connection, row_count)
        progress("writing")
        adds, removes = prepare(writer, connection, files, lambda _: progress("writing"))
        if _is_known(connection):
            watermarks.note(
                connection, lake, shop=shop, source=reading.source, import_id=import_id,
                version=version,
            )  # fmt: skip
        counts = ready(outcome)
        progress("committing")
        if adds or removes:
            mark = (transaction_name(import_id), 1)
            writer.commit(adds=adds, removes=removes, transaction=mark)
        progress("committed")
    return counts


def transaction_name(import_id: UUID) -> str:
    """Return the application transaction of an import."""
    return f"import:{import_id}"


def version_of(told_at: datetime) -> int:
    """Return the version of facts that a file exported at an instant tells."""
    return int(told_at.timestamp() // 60)


def _settle(
    writer: Writer,
    connection: duckdb.DuckDBPyConnection,
    shop: str,
    reading: Reading,
    version: int,
) -> list[File]:
    """Make ``incoming``, the emitted facts that are new or changed, and ``superseded``.

    ``superseded`` names the lake's facts that go, because a newer version comes or because their
    order no longer has them. Returns the files that hold them.
    """
    places = _find_old(writer, connection, shop, reading)
    plain = ", ".join(name for name in COLUMNS if name not in ("shop", "version"))
    own = f"coalesce(emitted.version, {version})"
    fields = f"{quoted(shop)} as shop, {plain}, {own} as version, month"
    if not _is_known(connection):
        connection.execute(f"create view incoming as select {fields} from emitted")
        connection.execute(f"create temp table superseded ({_NAMED})")
        return []
    watermarks.raise_versions(
        connection, writer.lake, shop=shop, source=reading.source, version=version
    )
    content = ", ".join(_CONTENT)
    # Where a file has all of each order, what a later one did not tell of an order is not new.
    later = f"version > {version}" if reading.withdraws == "true" else "false"
    connection.execute(
        "create temp table compared as select emitted.rowid as place, row_no, "
        "coalesce(old.version, later.version) as had, "
        f"case when old.id is not null then old.content = hash({content}) "
        f"when later.version is not null then false end as same, {own} as own from emitted "
        "left join (select id, content, version from old) as old "
        "on old.id = hash(emitted.external_id) "
        "left join (select order_key as of_order, max(version) as version from old "
        f"where {later} and order_key is not null group by order_key) as later "
        "on later.of_order = emitted.order_key"
    )
    connection.execute(
        f"create temp table incoming as select {fields} from emitted "
        "join compared on emitted.rowid = compared.place "
        "where had is null or (same is not true and had <= own)"
    )
    connection.execute(
        f"create temp table superseded as select {quoted(shop)} as shop, "
        f"{quoted(reading.source)} as source, external_id, file from old where id in ("
        "select hash(external_id) from emitted join compared on emitted.rowid = compared.place "
        f"where same is false and had <= own) or ({_withdrawn(connection, reading, version)})"
    )
    gone = connection.execute("select distinct file from superseded").fetchall()
    return [places[place] for (place,) in gone]


def _is_known(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the lake has anything of the emitted facts or their orders."""
    return bool(connection.execute("select 1 from old limit 1").fetchall())


def _withdrawn(connection: duckdb.DuckDBPyConnection, reading: Reading, version: int) -> str:
    """Return the condition of the lake's facts that orders of the file no longer have.

    An order with a rejected row is not whole; where a row was rejected that does not even say
    its order, none is.
    """
    if reading.withdraws is None:
        return "false"
    if connection.execute("select 1 from broken where is_lost limit 1").fetchall():
        return "false"
    in_time = "true" if reading.completes else f"version <= {version}"
    return (
        f"({reading.withdraws}) and {in_time} "
        "and id not in (select hash(external_id) from emitted) "
        "and order_key in (select order_key from emitted) and order_key not in ("
        "select order_key from broken where order_key is not null)"
    )


def _find_old(
    writer: Writer, connection: duckdb.DuckDBPyConnection, shop: str, reading: Reading
) -> dict[str, File]:
    """Make ``old``: what the lake has of the emitted facts, and of their orders if some may go.

    Only files are looked into that may hold them by the ranges of their ids; of these the ids are
    read first and the rest only where some are found, so that many facts of other days cost
    little. Returns those files by their places.
    """
    of_shop = [file for file in writer.snapshot.files if file.shop == shop]
    files = may_hold(
        connection, writer.lake, of_shop, reading.source, with_orders=reading.withdraws is not None
    )
    places = dict(zip(writer.lake.locate(files), files, strict=True))
    found: list[tuple[str]] = []
    wanted = "hash(external_id) in (select hash(external_id) from emitted)"
    if reading.withdraws is not None:
        wanted = (
            f"({wanted} or order_key in (select order_key from emitted "
            "where order_key is not null))"
        )
    of_source = f"source = {quoted(reading.source)} and {wanted}"
    if places:
        found = connection.execute(
            f"select distinct filename from {_scan(list(places))} where {of_source}"
        ).fetchall()
    if not found:
        connection.execute(
            "create temp table old (id UBIGINT, external_id VARCHAR, order_key VARCHAR, "
            "content UBIGINT, version INTEGER, file VARCHAR)"
        )
        return places
    connection.execute(
        "create temp table old as select hash(external_id) as id, external_id, order_key, "
        f"hash({', '.join(_CONTENT)}) as content, version, filename as file "
        f"from {_scan([place for (place,) in found])} where {of_source}"
    )
    return places


def _scan(places: Sequence[str]) -> str:
    return scan(places).removesuffix(")") + ", filename = true)"


def count_rows(connection: duckdb.DuckDBPyConnection, row_count: int) -> Outcome:
    """Return what becomes of the rows.

    A row is new or unchanged when all of its facts are, and changed in any other case. Rows are
    bits: a set of them takes little memory, however many there are.
    """
    ((rejected,),) = connection.execute("select count(distinct row_no) from rejected").fetchall()
    ((first, last),) = connection.execute("select min(row_no), max(row_no) from emitted").fetchall()
    if first is None:
        left = row_count - rejected
        return Outcome(RowCounts(row_count, 0, 0, left, rejected), older=0, factless=left)

    def rows(where: str) -> str:
        return (
            f"coalesce(bitstring_agg(row_no, {first}, {last}) filter ({where}), "
            f"bitstring('0', {last - first + 1}))"
        )

    is_known = _is_known(connection)
    source = "compared" if is_known else "(select row_no, null as had, null as same from emitted)"
    own = "had > own" if is_known else "false"
    ((new, changed, older, told),) = connection.execute(
        "select bit_count(fresh & ~(same | other)), "
        "bit_count(other | (fresh & same)), bit_count(older), bit_count(fresh | same | other) "
        "from (select "
        f"{rows('had is null')} as fresh, {rows(f'same or {own}')} as same, "
        f"{rows(f'not same and not ({own})')} as other, {rows(f'not same and {own}')} as older "
        f"from {source})"
    ).fetchall()
    unchanged = row_count - rejected - new - changed
    counts = RowCounts(row_count, new, changed, unchanged, rejected)
    return Outcome(counts, older=older, factless=row_count - rejected - told)
