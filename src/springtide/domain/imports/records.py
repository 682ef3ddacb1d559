"""The record of every import: begun, its stage and counts, and how it ended."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from springtide.domain.imports import store
from springtide.domain.imports.model import Problem, RowCounts
from springtide.kit.canonical import to_json
from springtide.kit.errors import plain_facts

_TABLE = store.imports


def start_import(
    tx: Connection,
    *,
    import_id: UUID,
    shop_id: UUID,
    shop: str,
    file_name: str,
    sha256: str,
    mapping: Mapping[str, Any] | None,
    told_at: datetime,
    now: datetime,
) -> None:
    """Record that an import began; ``told_at`` is when the file was exported."""
    tx.execute(
        insert(_TABLE).values(
            id=import_id,
            shop_id=shop_id,
            shop=shop,
            file_name=file_name[:500],
            sha256=sha256,
            mapping=mapping,
            state="running",
            stage="reading",
            **_columns(RowCounts()),
            told_at=told_at,
            started_at=now,
        )
    )


def note_stage(tx: Connection, *, import_id: UUID, stage: str, **columns: object) -> None:
    """Record how far an import is (and its ``format`` when that is known)."""
    tx.execute(update(_TABLE).where(_TABLE.c.id == import_id).values(stage=stage, **columns))


def note_progress(
    tx: Connection,
    *,
    import_id: UUID,
    share: float,
    rows_per_second: int | None,
    seconds_left: int | None,
) -> bool:
    """Record how far an import is; return whether somebody asked to cancel it."""
    progress = {
        "share": round(share, 3), "rows_per_second": rows_per_second, "seconds_left": seconds_left
    }  # fmt: skip
    asked = tx.execute(
        update(_TABLE)
        .where(_TABLE.c.id == import_id)
        .values(progress=progress)
        .returning(_TABLE.c.cancel_requested_at)
    ).scalar_one_or_none()
    return asked is not None


def request_cancel(tx: Connection, *, shop_id: UUID, import_id: UUID, now: datetime) -> bool:
    """Ask a running import to stop; return whether there was one to ask."""
    asked = tx.execute(
        update(_TABLE)
        .where(_TABLE.c.shop_id == shop_id, _TABLE.c.id == import_id, _TABLE.c.state == "running")
        .values(cancel_requested_at=now)
        .returning(_TABLE.c.id)
    ).first()
    return asked is not None


def note_counts(
    tx: Connection,
    *,
    import_id: UUID,
    rows: RowCounts,
    rejects_file: str | None,
    report: Mapping[str, Any],
) -> None:
    """Record what will have become of the rows, before the commit that makes it so."""
    tx.execute(
        update(_TABLE)
        .where(_TABLE.c.id == import_id)
        .values(**_columns(rows), rejects_file=rejects_file, report=report)
    )


def end_import(
    tx: Connection, *, import_id: UUID, state: str, problem: Problem | None, now: datetime
) -> None:
    """Record that an import is done, refused, failed or cancelled."""
    tx.execute(
        update(_TABLE)
        .where(_TABLE.c.id == import_id)
        .values(state=state, stage=state, problem=_document(problem), finished_at=now)
    )


def running_imports(tx: Connection) -> list[UUID]:
    """Return the imports that have begun and not ended."""
    return list(tx.execute(select(_TABLE.c.id).where(_TABLE.c.state == "running")).scalars())


def _document(problem: Problem | None) -> str | None:
    if problem is None:
        return None
    return to_json({"text": problem.text, "facts": plain_facts(problem.facts)})


def read_problem(document: str | None) -> Problem | None:
    """Return the problem that an import's record tells of."""
    if document is None:
        return None
    if document.startswith("{"):
        return Problem(**json.loads(document))
    return Problem("{why}", {"why": document})  # as the first releases wrote it


def _columns(rows: RowCounts) -> dict[str, int]:
    return {
        "read_count": rows.read,
        "new_count": rows.new,
        "changed_count": rows.changed,
        "unchanged_count": rows.unchanged,
        "rejected_count": rows.rejected,
    }
