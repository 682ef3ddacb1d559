"""Tables of the timeline: actions, the journal of their steps, and the workers at work."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Uuid

from springtide.domain.campaigns.queries import waiver_of
from springtide.flows.timeline.model import Action, Progress, State, Trouble
from springtide.kit.db import Instant, Json, metadata

actions = Table(
    "timeline_actions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("campaign_id", Uuid, index=True),
    Column("phase", String(40), nullable=False),
    Column("kind", String(80), nullable=False),
    Column("target", String(120), nullable=False),
    Column("params", Json, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    # campaign/phase/kind/target: planning the same thing twice is planning it once.
    Column("unique_key", String(300), nullable=False, unique=True),
    Column("receipt", Json),
    Column("attempts", Integer, nullable=False),
    # Counts the starts; with the id it names the durable workflow.
    Column("run", Integer, nullable=False),
    Column("error", Json),
    # Real time, not the shop's: waiting after a failure is not sped up with the clock.
    Column("retry_at", Instant),
    # How long the wait was when it began: the clock may have stepped since.
    Column("retry_seconds", Float),
    Column("is_stopping", Boolean, nullable=False),
    # Which worker holds it; a step of a worker that lost it is refused.
    Column("lease", String(80)),
    Column("progress_done", BigInteger, nullable=False),
    Column("progress_total", BigInteger, nullable=False),
    Column("progress_text", String(200), nullable=False),
    Column("planned_by", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("done_at", Instant),
    Column("undone_at", Instant),
    # Real time: the order of doing, also while the shop's clock stands still.
    Column("ended_at", Instant),
    # An owner's word that what needs it goes on without it.
    Column("waived_at", Instant),
    Column("waived_by", String(200)),
    Column("waived_why", String(300)),
    Index(None, "shop_id", "state", "due_at"),
)

steps = Table(
    "timeline_steps",
    metadata,
    Column("action_id", Uuid, primary_key=True),
    Column("direction", String(4), primary_key=True),
    Column("name", String(120), primary_key=True),
    Column("result", Json),
    Column("done_at", Instant, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("slot", Integer, primary_key=True, autoincrement=False),
    Column("token", String(40), nullable=False),
    Column("host", String(200), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
)


def to_action(row: Any) -> Action:
    """Return the frozen value of a row of ``actions``."""
    return Action(
        id=row.id,
        shop_id=row.shop_id,
        campaign_id=row.campaign_id,
        phase=row.phase,
        kind=row.kind,
        target=row.target,
        params=row.params,
        due_at=row.due_at,
        position=row.position,
        state=State(row.state),
        receipt=row.receipt,
        attempts=row.attempts,
        run=row.run,
        error=Trouble(**row.error) if row.error else None,
        progress=Progress(row.progress_done, row.progress_total, row.progress_text),
        is_stopping=row.is_stopping,
        started_at=row.started_at,
        done_at=row.done_at,
        undone_at=row.undone_at,
        ended_at=row.ended_at,
        waiver=waiver_of(row),
    )
