"""One table of a file into a shop: read, checked, its people written, its facts committed.

Products and customers are written just before the one commit of the lake that brings the facts:
facts never name a customer whom the house does not know, and whoever stops an import before that
finds nothing of it.
"""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.cells import calling
from springtide.connectors.tabular.rejects import write_rejects
from springtide.connectors.tabular.staging import Staging, blaming
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_audit
from springtide.domain.facts import operations
from springtide.domain.facts.lake import Lake
from springtide.domain.imports import merge, normalise, records
from springtide.domain.imports.model import RowCounts
from springtide.domain.imports.ports import Head, Reading, ReadOptions
from springtide.domain.imports.reports import make_report
from springtide.flows.files.parties import Clock, bring_people
from springtide.flows.files.progress import Cancelled, Gauge, Measured
from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import outward

IMPORTED = AuditAction("facts.import", N_("File imported"), AuditGroup.DATA)

_MEMORY = "550MB"
# From here on (some five million rows) the tables stand in a file; a packed file counts tenfold.
_LARGE_BYTES = 400_000_000

__all__ = ["Bringing", "Cancelled", "Clock", "Listener", "Progress", "Target"]

Progress = Callable[[str], None]
Listener = Callable[[Measured], None]


class StrictRefusal(Refusal):
    """Rows were wrong, and the import was to be all or nothing."""

    code = "rows_rejected"
    text = N_(
        "{file}: {count} rows were rejected, so nothing was imported, as all or nothing was asked "
        "for. The first is row {row}, column “{column}”: {reason}."
    )

    def __init__(self, rejects: Path, **facts: object) -> None:
        super().__init__(**facts)
        #: Where all of them stand: a path of the server, for commands only.
        self.rejects = rejects


class StrictRowRefusal(StrictRefusal):
    """The same where the first of them is wrong as a whole."""

    text = N_(
        "{file}: {count} rows were rejected, so nothing was imported, as all or nothing was asked "
        "for. The first is row {row}: {reason}."
    )


@dataclass(frozen=True, slots=True)
class Target:
    """Where imports go: the state, the lake, the folder of rejects, and the real clock."""

    database: Database
    lake: Lake
    rejects: Path
    clock: Clock


@dataclass
class Bringing:
    """One import, from the staged rows to the commit."""

    target: Target
    head: Head
    name: str
    kind: str
    shop: Shop
    actor: Actor
    import_id: UUID
    told_at: datetime
    is_strict: bool
    progress: Progress
    listener: Listener
    mapping_name: str | None = None

    def run(self, options: ReadOptions) -> tuple[RowCounts, Path | None, Mapping[str, Any]]:
        """Read, check, compare, commit; return counts, rejects file and report."""
        # Of its own, so that it can be swept up after a process that died.
        spill = self.target.lake.spill / str(self.import_id)
        spill.mkdir()
        size = self.head.path.stat().st_size * (10 if self.head.member is not None else 1)
        file = spill / "rows.duckdb" if size > _LARGE_BYTES else None
        connection = self.target.lake.connect(memory=_MEMORY, spill=spill, file=file)
        self.gauge = Gauge(self.target.database, self.import_id, connection, self.listener)
        try:
            with calling(self.head.path, self.head.name), self.gauge, blaming(self.name):
                return self._run(connection, options, spill)
        except duckdb.InterruptException:
            raise Cancelled from None
        finally:
            connection.close()
            shutil.rmtree(spill, ignore_errors=True)

    def _run(
        self, connection: duckdb.DuckDBPyConnection, options: ReadOptions, spill: Path
    ) -> tuple[RowCounts, Path | None, Mapping[str, Any]]:
        self._note("reading")
        self.target.lake.show_known(connection, self.shop.slug)
        stage = Staging(connection, spill)
        reading = FORMATS[self.kind].read(self.head, stage, options)
        with self.target.database.write() as tx:
            pairs = {(self.shop.slug, reading.source)}
            operations.claim_sources(tx, pairs, way="file")
        self.gauge.row_count = stage.row_count
        self._note("checking")
        left_out = normalise.validate(connection, reading)
        row_count = stage.row_count - left_out
        rejects_file = self._write_rejects(stage)
        report = make_report(
            connection, reading, self.head, stage.names,
            currency=self.shop.currency, zone=self.shop.zone_name,
        )  # fmt: skip
        report["left_out"] = left_out
        if self.mapping_name:
            report["mapping"] = self.mapping_name
        reading = normalise.forget_rows(connection, reading)
        rows = self._bring(connection, reading, row_count, rejects_file, report)
        self._end(rows)
        self.progress("done")
        return rows, rejects_file, report

    def _end(self, rows: RowCounts) -> None:
        with self.target.database.write() as tx:
            now = self.target.clock()
            records.end_import(tx, import_id=self.import_id, state="done", problem=None, now=now)
            record_audit(
                tx,
                shop=self.shop,
                actor=self.actor,
                action=IMPORTED,
                subject=outward("imp", self.import_id),
                after={"file": self.name, "rows": rows.read, "rejected": rows.rejected},
            )

    def _note(self, stage: str) -> None:
        self.gauge.enter(stage)
        with self.target.database.write() as tx:
            records.note_stage(tx, import_id=self.import_id, stage=stage)
        self.progress(stage)

    def _write_rejects(self, stage: Staging) -> Path | None:
        """Write the rejected rows, and refuse the file when it is all or nothing."""
        path = self.target.rejects / f"{outward('imp', self.import_id)}.csv"
        first = write_rejects(stage, path)
        if first is None:
            return None
        count, row, column, reason = first
        if self.is_strict:
            # With its record, so that whoever imports finds the rows on its page.
            self._count(RowCounts(stage.row_count, rejected=count), path, {})
            refusal = StrictRefusal if column else StrictRowRefusal
            raise refusal(path, file=self.name, count=count, row=row, column=column, reason=reason)
        return path

    def _bring(
        self,
        connection: duckdb.DuckDBPyConnection,
        reading: Reading,
        row_count: int,
        rejects_file: Path | None,
        report: dict[str, Any],
    ) -> RowCounts:
        def ready(outcome: merge.Outcome) -> RowCounts:
            new, changed = self._bring_people(connection, reading)
            rows = outcome.counting(new, changed)
            report["older"] = outcome.older
            self._count(rows, rejects_file, report)
            return rows

        if not reading.emits:
            return ready(merge.count_rows(connection, row_count))
        return merge.commit(
            self.target.database,
            self.target.lake,
            connection,
            shop=self.shop.slug,
            reading=reading,
            import_id=self.import_id,
            told_at=self.told_at,
            row_count=row_count,
            ready=ready,
            progress=self._note,
        )

    def _bring_people(
        self, connection: duckdb.DuckDBPyConnection, reading: Reading
    ) -> tuple[int, int]:
        self._note("people")
        return bring_people(
            self.target.database,
            connection,
            reading,
            shop=self.shop,
            actor=self.actor,
            clock=self.target.clock,
        )

    def _count(self, rows: RowCounts, rejects_file: Path | None, report: Mapping[str, Any]) -> None:
        with self.target.database.write() as tx:
            records.note_counts(
                tx,
                import_id=self.import_id,
                rows=rows,
                rejects_file=rejects_file.name if rejects_file else None,
                report=report,
            )
