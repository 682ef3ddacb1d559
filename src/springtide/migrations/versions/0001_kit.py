"""Answers kept for idempotency keys."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the table of answers."""
    op.create_table(
        "idempotency_answers",
        sa.Column("scope", sa.String(120), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("answer", Json),
        sa.Column("answered_at", Instant, nullable=False),
    )
    op.create_index("ix_idempotency_answers_answered_at", "idempotency_answers", ["answered_at"])
