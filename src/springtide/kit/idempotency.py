"""The same key has one effect: the answer to a write is kept with a hash of what was asked."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Integer, String, Table, delete, func, insert, select

from springtide.kit.db import Instant, Json, metadata
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import joined

KEY_LENGTH_MAX = 200
_SCOPE_LENGTH_MAX = 120

answers = Table(
    "idempotency_answers",
    metadata,
    Column("scope", String(_SCOPE_LENGTH_MAX), primary_key=True),
    Column("key", String(KEY_LENGTH_MAX), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("answer", Json),
    Column("answered_at", Instant, nullable=False, index=True),
)


class KeyReused(Refusal):
    """The key came before, with another body."""

    code = "idempotency_key_reused"
    status = 409
    text = N_("The Idempotency-Key “{key}” was used for another request.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was answered: HTTP status and JSON document; ``replayed`` when it was kept before."""

    status: int
    document: Any
    replayed: bool = False


def once(
    tx: Connection,
    *,
    scope: str,
    key: str,
    body: bytes,
    now: datetime,
    produce: Callable[[], Answer],
    about: str | None = None,
) -> Answer:
    """Run ``produce`` once for a key in a scope and keep its answer in the same transaction.

    A later call with the same body gets the kept answer; with another body it is refused. Of two
    calls at the same time the second waits and gets the first one's answer. ``tx`` must be a
    fresh write transaction, so that what the first one committed is seen. ``about`` is the key of
    what is written, as its answers hold it.
    """
    _one_at_a_time(tx, scope, key)
    body_hash = hashlib.sha256(body).hexdigest()
    kept_as = joined(scope, length_max=_SCOPE_LENGTH_MAX)
    row = tx.execute(
        select(answers).where(answers.c.scope == kept_as, answers.c.key == key)
    ).one_or_none()
    if row is None and kept_as != scope:
        row = _cut_off(tx, scope, key, body_hash, about)
    if row is not None:
        if row.body_hash != body_hash:
            raise KeyReused(key=key)
        return Answer(row.status, row.answer, replayed=True)
    answer = produce()
    tx.execute(
        insert(answers).values(
            scope=kept_as,
            key=key,
            body_hash=body_hash,
            status=answer.status,
            answer=answer.document,
            answered_at=now,
        )
    )
    return answer


def forget_before(tx: Connection, *, instant: datetime) -> int:
    """Delete answers older than an instant; return how many."""
    return tx.execute(delete(answers).where(answers.c.answered_at < instant)).rowcount


def _cut_off(tx: Connection, scope: str, key: str, body_hash: str, about: str | None) -> Any:
    """Return the answer that was kept when long scopes were cut off, where it is surely this one's.

    Others may have the same beginning, so the answer itself must hold what the scope is about.
    """
    row = tx.execute(
        select(answers).where(
            answers.c.scope == scope[:_SCOPE_LENGTH_MAX],
            answers.c.key == key,
            answers.c.body_hash == body_hash,
        )
    ).one_or_none()
    is_ours = row is not None and isinstance(row.answer, dict) and about in row.answer.values()
    return row if is_ours and about is not None else None


def _one_at_a_time(tx: Connection, scope: str, key: str) -> None:
    # A write transaction on SQLite holds the only write lock from its first statement on.
    if tx.dialect.name == "postgresql":
        digest = hashlib.sha256(f"{scope}\0{key}".encode()).digest()
        number = int.from_bytes(digest[:8], "big", signed=True)
        tx.execute(select(func.pg_advisory_xact_lock(number)))
