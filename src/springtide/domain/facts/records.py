"""The record of every import: begun, its stage and counts, and how it ended."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from springtide.domain.facts import store
from springtide.domain.facts.model import Problem, RowCounts
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
    now: datetime,
) -> None:
    """Record that an import began."""
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
            started_at=now,
        )
    )


def note_stage(tx: Connection, *, import_id: UUID, stage: str, **columns: object) -> None:
    """Record how far an import is (and its ``format`` when that is known)."""
    tx.execute(update(_TABLE).where(_TABLE.c.id == import_id).values(stage=stage, **columns))


def note_counts(
    tx: Connection, *, import_id: UUID, rows: RowCounts, rejects_file: str | None
) -> None:
    """Record what will have become of the rows, before the commit that makes it so."""
    tx.execute(
        update(_TABLE)
        .where(_TABLE.c.id == import_id)
        .values(**_columns(rows), rejects_file=rejects_file)
    )


def end_import(
    tx: Connection, *, import_id: UUID, state: str, problem: Problem | None, now: datetime
) -> None:
    """Record that an import is done, refused or failed."""
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
