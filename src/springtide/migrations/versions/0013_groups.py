"""Groups that buy together, deposits paid before an order, and claims found by their end."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Add the groups' table, the orders' deposits and the claims' index."""
    op.add_column(
        "orders", sa.Column("deposit_minor", sa.BigInteger, nullable=False, server_default="0")
    )
    op.create_table(
        "reward_groups",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(40), primary_key=True),
        sa.Column("reward_id", sa.Uuid, nullable=False),
        sa.Column("opened_by", sa.String(120), nullable=False),
        sa.Column("product_key", sa.String(120), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("reached", sa.Integer),
        sa.Column("settled_at", Instant),
    )
    op.create_index("ix_reward_groups_reward", "reward_groups", ["reward_id", "state", "ends_at"])
    has_end = sa.text("expires_at is not null")
    op.create_index(
        "ix_reward_claims_due",
        "reward_claims",
        ["shop_id", "state", "expires_at"],
        sqlite_where=has_end,
        postgresql_where=has_end,
    )
    is_open = sa.text("settled_at is null")
    op.create_index(
        "ix_reward_groups_due",
        "reward_groups",
        ["shop_id", "ends_at"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
