"""API keys end, and have a successor; those made before stay valid without an end."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the two columns."""
    op.add_column("api_keys", sa.Column("expires_at", Instant))
    op.add_column("api_keys", sa.Column("replaced_by", sa.Uuid))
