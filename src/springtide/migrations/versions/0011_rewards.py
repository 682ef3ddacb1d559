"""Rewards and games, what was claimed of them, whom they are for, and batches of codes."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the rewards' tables."""
    op.create_table(
        "rewards",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("campaign_id", sa.Uuid),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("terms", Json, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("opens_at", Instant, nullable=False),
        sa.Column("closes_at", Instant, nullable=False),
        sa.Column("seed", sa.String(64), nullable=False),
        sa.Column("settled_at", Instant),
        sa.Column("saved_at", Instant, nullable=False),
    )
    op.create_index("ix_rewards_shop", "rewards", ["shop_id", "saved_at"])
    _claims()
    op.create_table(
        "reward_audience",
        sa.Column("reward_id", sa.Uuid, primary_key=True),
        sa.Column("customer_key", sa.String(120), primary_key=True),
    )
    op.create_table(
        "reward_codes",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("code", sa.String(40), primary_key=True),
        sa.Column("reward_id", sa.Uuid, nullable=False),
        sa.Column("batch", sa.Integer, nullable=False),
        sa.Column("claim_id", sa.Uuid),
    )
    op.create_index("ix_reward_codes_reward", "reward_codes", ["reward_id", "batch"])
    op.create_table(
        "reward_code_batches",
        sa.Column("reward_id", sa.Uuid, primary_key=True),
        sa.Column("batch", sa.Integer, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("made_at", Instant, nullable=False),
    )


def _claims() -> None:
    op.create_table(
        "reward_claims",
        sa.Column("reward_id", sa.Uuid, primary_key=True),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.String(240), nullable=False),
        sa.Column("asked", sa.String(32), nullable=False),
        sa.Column("customer_key", sa.String(120), nullable=False),
        sa.Column("granted", Json, nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("rule", sa.String(40)),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("claimed_at", Instant, nullable=False),
        sa.Column("expires_at", Instant),
        sa.Column("order_key", sa.String(120)),
        sqlite_with_rowid=False,
    )
    op.create_index("uq_reward_claims_key", "reward_claims", ["key", "shop_id"], unique=True)
    op.create_index("ix_reward_claims_customer", "reward_claims", ["customer_key", "shop_id", "id"])
    ordered = sa.text("order_key is not null")
    op.create_index(
        "ix_reward_claims_order",
        "reward_claims",
        ["shop_id", "order_key"],
        sqlite_where=ordered,
        postgresql_where=ordered,
    )
