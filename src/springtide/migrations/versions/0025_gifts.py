"""Gifts by hand, and what one person may give alone."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Create the two tables."""
    op.create_table(
        "gifts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("money_minor", sa.BigInteger, nullable=False),
        sa.Column("is_budget", sa.Boolean, nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("requested_by_id", sa.String(80), nullable=False),
        sa.Column("requested_by", sa.String(120), nullable=False),
        sa.Column("requested_at", Instant, nullable=False),
        sa.Column("decided_by_id", sa.String(80)),
        sa.Column("decided_by", sa.String(120)),
        sa.Column("decided_at", Instant),
    )
    op.create_index("ix_gifts_shop_state", "gifts", ["shop_id", "state", "id"])
    op.create_index("ix_gifts_requested", "gifts", ["shop_id", "requested_by_id", "requested_at"])
    op.create_table(
        "gift_bounds",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("points", sa.BigInteger, nullable=False),
        sa.Column("money_minor", sa.BigInteger, nullable=False),
        sa.Column("budget_points", sa.BigInteger, nullable=False),
        sa.Column("budget_money_minor", sa.BigInteger, nullable=False),
    )
