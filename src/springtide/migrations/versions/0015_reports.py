"""Imports tell when their file was exported, how far they are and what they understood."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the columns."""
    op.add_column("fact_imports", sa.Column("told_at", Instant))
    op.add_column("fact_imports", sa.Column("progress", Json))
    op.add_column("fact_imports", sa.Column("report", Json))
    op.add_column("fact_imports", sa.Column("cancel_requested_at", Instant))
