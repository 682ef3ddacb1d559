"""Tables of flows: the timeline's actions, their steps, the workers."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "timeline_actions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("campaign_id", sa.Uuid),
        sa.Column("phase", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(80), nullable=False),
        sa.Column("target", sa.String(120), nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("due_at", Instant, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("unique_key", sa.String(300), nullable=False),
        sa.Column("receipt", Json),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("run", sa.Integer, nullable=False),
        sa.Column("error", Json),
        sa.Column("retry_at", Instant),
        sa.Column("is_stopping", sa.Boolean, nullable=False),
        sa.Column("claim", sa.String(80)),
        sa.Column("progress_done", sa.BigInteger, nullable=False),
        sa.Column("progress_total", sa.BigInteger, nullable=False),
        sa.Column("progress_text", sa.String(200), nullable=False),
        sa.Column("planned_by", Json, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("started_at", Instant),
        sa.Column("done_at", Instant),
        sa.Column("undone_at", Instant),
        sa.Column("ended_at", Instant),
        sa.UniqueConstraint("unique_key", name=op.f("uq_timeline_actions_unique_key")),
    )
    op.create_index(op.f("ix_timeline_actions_campaign_id"), "timeline_actions", ["campaign_id"])
    op.create_index(
        op.f("ix_timeline_actions_shop_id"), "timeline_actions", ["shop_id", "state", "due_at"]
    )
    op.create_table(
        "timeline_steps",
        sa.Column("action_id", sa.Uuid, primary_key=True),
        sa.Column("direction", sa.String(4), primary_key=True),
        sa.Column("name", sa.String(120), primary_key=True),
        sa.Column("result", Json),
        sa.Column("done_at", Instant, nullable=False),
    )
    op.create_table(
        "workers",
        sa.Column("slot", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("token", sa.String(40), nullable=False),
        sa.Column("host", sa.String(200), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("beat_at", Instant, nullable=False),
    )
