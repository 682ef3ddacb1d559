"""Whether an installation is whole: database, facts, ledger, secret and files, and all together.

Looks only; everything may go on meanwhile. What it finds it says in a sentence, with the way out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePath

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from springtide.domain.access.queries import all_shops
from springtide.domain.facts.inspection import inspect, stray_files
from springtide.domain.facts.lake import LakeUnreadable
from springtide.domain.imports.queries import imports
from springtide.domain.ledger.queries import broken_bounds, imbalances
from springtide.flows.files import pending
from springtide.flows.installation import marks
from springtide.flows.installation.tables import every_table
from springtide.flows.timeline.action import Surroundings
from springtide.flows.timeline.model import OPEN_STATES
from springtide.flows.timeline.store import actions
from springtide.kit.db import Database
from springtide.kit.findings import Finding, Watch, unwatched
from springtide.migrations import newest_version, version_of

_RESTORE = "Restore a backup (springtide restore)."
_IMPORTS_LOOKED_AT = 100_000


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found; ``notes`` are harmless, ``counts`` say what it looked at."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    counts: dict[str, int]


def check(house: Surroundings, *, watch: Watch = unwatched) -> Checked:
    """Look at everything; an empty list of findings is right."""
    counts: dict[str, int] = {}
    findings: list[Finding] = []
    notes: list[str] = []
    for finding in _state(house.db, counts, watch):
        findings.append(finding)
        if finding.code in _ENDS:
            return Checked(tuple(findings), (), counts)
    findings += inspect(house.db, house.lake, watch=watch)
    findings += _ledger(house.db, counts, watch)
    findings += _secret(house)
    findings += _files(house, watch)
    try:
        found = house.lake.snapshot()
    except LakeUnreadable:
        return Checked(tuple(findings), (), counts)
    counts["sealed facts"] = sum(file.row_count for file in found.files)
    is_known = not any(finding.area == "facts" for finding in findings)
    # Which files are no longer part of the facts is told by the right log only.
    if is_known and (stray := stray_files(house.lake, found)):
        size = sum((house.lake.table / path).stat().st_size for path in stray)
        notes.append(
            f"{len(stray):,} files ({size:,} bytes) in {house.lake.table} are no longer part of "
            "the facts. What a later commit replaced is deleted after two hours; older ones were "
            "left by a process that died under an earlier release."
        )
    return Checked(tuple(findings), tuple(notes), counts)


#: Findings after which nothing else can be asked.
_ENDS = ("database_unreadable", "database_empty", "database_older", "database_newer")


def _state(db: Database, counts: dict[str, int], watch: Watch) -> Iterator[Finding]:
    watch("the database", 0, 1)
    try:
        at, newest = version_of(db), newest_version()
        if at is None:
            yield Finding(
                "database", "database_empty",
                "The database is empty: there is nothing of Springtide in it.",
                "Look whether SPRINGTIDE_DATABASE_URL and SPRINGTIDE_DATA name the right place. "
                f"If they do: {_RESTORE}",
            )  # fmt: skip
            return
        if at < newest:
            yield Finding(
                "database", "database_older",
                f"The database is of an earlier release: at migration {at}, this one has {newest}.",
                "Start the server or the worker once: they bring it up to date. Then check again.",
            )  # fmt: skip
            return
        if at > newest:
            yield Finding(
                "database", "database_newer",
                f"The database is of a later release: at migration {at}, this one knows {newest}.",
                "Install the release that the data was last used with, or a later one.",
            )  # fmt: skip
            return
        with db.read() as tx:
            yield from _sqlite(tx) if db.is_sqlite else _postgresql(tx)
            tables = every_table()
            for place, table in enumerate(tables):
                watch("tables of the database", place, len(tables))
                counting = select(func.count()).select_from(table)
                counts[table.name] = int(tx.execute(counting).scalar_one())
    except SQLAlchemyError as error:
        yield Finding(
            "database", "database_unreadable",
            f"The database cannot be read: {str(getattr(error, 'orig', error))[:200]}", _RESTORE,
        )  # fmt: skip


def _sqlite(tx: Connection) -> Iterator[Finding]:
    for (said,) in tx.execute(text("pragma integrity_check(5)")):
        if said != "ok":
            yield Finding("database", "database_damaged", f"SQLite says: {said}", _RESTORE)
    for table, row, other, _ in tx.execute(text("pragma foreign_key_check")):
        said = f"A row of {table} (number {row}) names one of {other} that is not there."
        yield Finding("database", "row_missing", said, _RESTORE)


def _postgresql(tx: Connection) -> Iterator[Finding]:
    rows = tx.execute(
        text(
            "select conrelid::regclass::text, conname from pg_constraint where not convalidated "
            "and connamespace = 'public'::regnamespace"
        )
    )
    for table, name in rows:
        yield Finding(
            "database", "constraint_not_valid",
            f"The constraint {name} of {table} was not checked for the rows that are there.",
            f"Let PostgreSQL check it: alter table {table} validate constraint {name}.",
        )  # fmt: skip
    rows = tx.execute(
        text("select indexrelid::regclass::text from pg_index where not indisvalid and indislive")
    )
    for (name,) in rows:
        yield Finding(
            "database", "index_not_valid", f"The index {name} is not valid.",
            f"Let PostgreSQL make it anew: reindex index concurrently {name}.",
        )  # fmt: skip


def _ledger(db: Database, counts: dict[str, int], watch: Watch) -> Iterator[Finding]:
    # One view of the state: what moves meanwhile is in none of the questions, or in all.
    with db.read() as tx:
        shops = all_shops(tx)
        counts["shops"] = len(shops)
        for place, shop in enumerate(shops):
            watch("ledgers", place, len(shops))
            for wrong in imbalances(tx, shop_id=shop.id):
                yield Finding("ledger", "ledger_imbalance", f"Shop {shop.slug}: {wrong}.", _RESTORE)
            for wrong in broken_bounds(tx, shop_id=shop.id):
                yield Finding("ledger", "ledger_bound", f"Shop {shop.slug}: {wrong}.", _RESTORE)


def _secret(house: Surroundings) -> Iterator[Finding]:
    with house.db.read() as tx:
        is_same = marks.knows_secret(tx, house.settings.secret)
    if is_same is False:
        yield Finding(
            "secret", "secret_changed",
            "The secret is another one than this database was used with: links in letters, quotes "
            "and customers' tokens that were given out do not open.",
            "Set SPRINGTIDE_SECRET, or put back the file secret in the data folder.",
        )  # fmt: skip


def _files(house: Surroundings, watch: Watch) -> Iterator[Finding]:
    """Find uploads and rejects that the state names and the disk does not have."""
    watch("uploads and rejects", 0, 1)
    with house.db.read() as tx:
        jobs = tx.execute(
            select(actions.c.shop_id, actions.c.params).where(
                actions.c.kind == "import_file", actions.c.state.in_(OPEN_STATES)
            )
        )
        waiting = [(job.shop_id, each) for job in jobs for each in job.params.get("files", ())]
        named = [
            record.rejects_file
            for shop in all_shops(tx)
            for record in imports(tx, shop_id=shop.id, limit=_IMPORTS_LOOKED_AT)
            if record.rejects_file
        ]
    for shop_id, file in waiting:
        if not pending.is_there(house.settings.uploads, shop_id, pending.key_in(file)):
            yield Finding(
                "files", "upload_missing",
                f"The upload {file.get('name', '')}, which is to be imported, is not on the disk.",
                "Upload it again; its job will say that the file is gone.",
            )  # fmt: skip
    for name in named:
        if not (house.settings.rejects / PurePath(name).name).is_file():
            yield Finding(
                "files", "rejects_missing",
                f"The file {name} of rejected rows is not in {house.settings.rejects}.",
                "Import the file again, or restore a backup (springtide restore).",
            )  # fmt: skip
