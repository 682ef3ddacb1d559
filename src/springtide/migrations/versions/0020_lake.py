"""The state keeps what it knows of the facts' table in the lake."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Json

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Create the table; its row is made when the lake is looked at for the first time."""
    op.create_table(
        "fact_lake",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("table_id", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("sealed_seq", sa.BigInteger, nullable=False),
        sa.Column("swept_version", sa.BigInteger, nullable=False),
        sa.Column("next_version", sa.BigInteger),
        sa.Column("next_digest", sa.String(64)),
        sa.Column("next_sealed_seq", sa.BigInteger),
        sa.Column("next_paths", Json),
    )
