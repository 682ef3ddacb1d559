"""What failed keeps how long it was told to wait, not only until when by a clock that may step."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Add the column."""
    op.add_column("timeline_actions", sa.Column("retry_seconds", sa.Float))
