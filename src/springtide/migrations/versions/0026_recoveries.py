"""Links that recover an account, and how many were asked for."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "recoveries",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column(
            "person_id",
            sa.Uuid,
            sa.ForeignKey("people.id", name=op.f("fk_recoveries_person_id")),
            nullable=False,
        ),
        sa.Column("expires_at", Instant, nullable=False),
    )
    op.create_index("ix_recoveries_person_id", "recoveries", ["person_id"])
    op.create_table(
        "recovery_asks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account", sa.String(254), nullable=False),
        sa.Column("network", sa.String(64), nullable=False),
        sa.Column("at", Instant, nullable=False),
    )
    op.create_index("ix_recovery_asks_account", "recovery_asks", ["account"])
    op.create_index("ix_recovery_asks_network", "recovery_asks", ["network"])
