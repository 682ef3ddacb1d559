"""A shop keeps what the columns of its own tables mean."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "import_mappings",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("document", Json, nullable=False),
        sa.Column("header", Json, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.UniqueConstraint("shop_id", "name", name="uq_import_mappings_name"),
    )
