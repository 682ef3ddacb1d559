"""The state knows its secret's mark, and the restores that it went through."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "installation_marks",
        sa.Column("name", sa.String(40), primary_key=True),
        sa.Column("value", sa.String(200), nullable=False),
    )
    op.create_table(
        "installation_restores",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("backup_id", sa.String(32), nullable=False),
        sa.Column("backed_up_at", Instant, nullable=False),
        sa.Column("restored_at", Instant, nullable=False),
    )
