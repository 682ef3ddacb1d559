"""A table whose columns a person explains: its first rows, and a mapping tried on them."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.cells import Row, calling
from springtide.connectors.tabular.detect import HEAD_ROWS, look, table_rows
from springtide.connectors.tabular.mapping import parse_mapping
from springtide.connectors.tabular.rejects import read_rejects, write_rejects
from springtide.connectors.tabular.staging import Staging, blaming
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_audit
from springtide.domain.facts.lake import Lake
from springtide.domain.imports import mappings, normalise
from springtide.domain.imports.mappings import SavedMapping
from springtide.domain.imports.ports import Head, ReadOptions
from springtide.domain.imports.reports import make_report
from springtide.flows.files.table_load import Target
from springtide.kit.errors import N_
from springtide.kit.ids import outward

MAPPING_SAVED = AuditAction("mapping.save", N_("Mapping of columns saved"), AuditGroup.DATA)
MAPPING_RENAMED = AuditAction("mapping.rename", N_("Mapping of columns renamed"), AuditGroup.DATA)
MAPPING_DELETED = AuditAction("mapping.delete", N_("Mapping of columns deleted"), AuditGroup.DATA)

TRIED_ROWS = 200
_REJECTS_SHOWN = 20
_MEMORY = "550MB"


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows under a header, each with its number, as texts."""

    names: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def values(self, place: int) -> list[str]:
        """Return the different texts of a column, by its place."""
        return sorted({cells[place].strip() for _, cells in self.rows} - {""})


@dataclass(frozen=True, slots=True)
class Trial:
    """What a mapping makes of the first rows: the report, and the rows it would reject.

    A reject begins with row, column, reason and value.
    """

    row_count: int
    rejected: int
    rejects: Sequence[Sequence[str]]
    report: Mapping[str, Any]


def preview(lake: Lake, head: Head, header_row: int) -> Preview:
    """Return the rows under a header, as texts (refuses a file it cannot read)."""
    with calling(head.path, head.name), _staging(lake) as stage:
        columns = stage.load(head, header_row)
        shown = ", ".join(
            f"left(cast({column.sql} as varchar), 200)" for column in columns.values()
        )
        found = stage.connection.execute(
            f"select row_no, {shown} from staged order by row_no"
        ).fetchall()
    rows = [(int(number), tuple(cell or "" for cell in cells)) for number, *cells in found]
    return Preview(tuple(columns), tuple(rows))


def try_mapping(lake: Lake, head: Head, mapping: Mapping[str, Any], shop: Shop) -> Trial:
    """Read the first rows by a mapping; nothing is written (refuses what an import would)."""
    options = ReadOptions(shop.currency, shop.zone_name, mapping)
    with calling(head.path, head.name), blaming(head.name), _staging(lake) as stage:
        reading = FORMATS["generic"].read(head, stage, options)
        normalise.validate(stage.connection, reading)
        report = make_report(
            stage.connection, reading, head, stage.names,
            currency=shop.currency, zone=shop.zone_name,
        )  # fmt: skip
        path = stage.folder / "rejects.csv"
        found = write_rejects(stage, path)
        rejects = read_rejects(path, _REJECTS_SHOWN)[1] if found else []
        return Trial(stage.row_count, found[0] if found else 0, rejects, report)


def tables(lake: Lake, path: Path, name: str, document: Mapping[str, Any]) -> tuple[Head, ...]:
    """Return the tables of a file, called ``name``, looked at as a mapping says it is written."""
    changed = path.stat().st_mtime_ns
    encoding, delimiter = document.get("encoding"), document.get("delimiter")
    return _looked(path, name, changed, encoding, delimiter, lake.spill)


def keep_mapping(
    target: Target,
    shop: Shop,
    actor: Actor,
    *,
    name: str,
    document: Mapping[str, Any],
    header: Sequence[str],
) -> SavedMapping:
    """Check a mapping, save it under a name, and write down who did."""
    parse_mapping(document)
    now = target.clock()
    with target.database.write() as tx:
        before = mappings.mapping_named(tx, shop_id=shop.id, name=name)
        saved = mappings.save_mapping(
            tx, shop_id=shop.id, name=name, document=document, header=header, now=now
        )
        record_audit(
            tx,
            shop=shop,
            actor=actor,
            action=MAPPING_SAVED,
            subject=outward("map", saved.id),
            before={"document": dict(before.document)} if before else None,
            after={"name": saved.name, "document": dict(document)},
        )
    return saved


def rename_mapping(
    target: Target, shop: Shop, actor: Actor, saved: SavedMapping, name: str
) -> None:
    """Give a saved mapping another name, and write down who did."""
    now = target.clock()
    with target.database.write() as tx:
        mappings.rename_mapping(tx, shop_id=shop.id, mapping_id=saved.id, name=name, now=now)
        record_audit(
            tx,
            shop=shop,
            actor=actor,
            action=MAPPING_RENAMED,
            subject=outward("map", saved.id),
            before={"name": saved.name},
            after={"name": name.strip()},
        )


def remove_mapping(target: Target, shop: Shop, actor: Actor, saved: SavedMapping) -> None:
    """Delete a saved mapping, and write down who did."""
    with target.database.write() as tx:
        mappings.remove_mapping(tx, shop_id=shop.id, mapping_id=saved.id)
        record_audit(
            tx,
            shop=shop,
            actor=actor,
            action=MAPPING_DELETED,
            subject=outward("map", saved.id),
            before={"name": saved.name, "document": dict(saved.document)},
        )


@contextmanager
def _staging(lake: Lake) -> Iterator[Staging]:
    with tempfile.TemporaryDirectory(dir=lake.spill, prefix="look-") as folder:
        connection = lake.connect(threads=1, memory=_MEMORY, spill=Path(folder))
        try:
            yield Staging(connection, Path(folder), most=TRIED_ROWS, rows=_rows)
        finally:
            connection.close()


# A page asks for the same few rows again and again, and a workbook is read whole for its first.
@lru_cache(maxsize=16)
def _looked(
    path: Path, name: str, _changed: int, encoding: str | None, delimiter: str | None, folder: Path
) -> tuple[Head, ...]:
    return look(path, name=name, encoding=encoding, delimiter=delimiter, folder=folder)


def _rows(head: Head) -> tuple[Row, ...]:
    return _read(head, head.path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read(head: Head, _changed: int) -> tuple[Row, ...]:
    return tuple(islice(table_rows(head), HEAD_ROWS + 2 * TRIED_ROWS))
