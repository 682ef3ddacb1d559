"""Outreaches and their messages."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "outreaches",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("campaign_id", sa.Uuid),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("channel", sa.String(40), nullable=False),
        sa.Column("segment", Json, nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("link", sa.String(1000), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("control_bps", sa.Integer, nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("frozen_at", Instant),
        sa.Column("started_at", Instant),
        sa.Column("finished_at", Instant),
    )
    op.create_index("ix_outreaches_shop_id", "outreaches", ["shop_id"])
    op.create_index("ix_outreaches_campaign_id", "outreaches", ["campaign_id"])
    _create_messages()


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("outreach_id", sa.Uuid, sa.ForeignKey("outreaches.id"), nullable=False),
        sa.Column("customer_key", sa.String(120), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("sender", sa.String(120)),
        sa.Column("address", sa.String(320)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("claimed_at", Instant),
        sa.Column("sent_at", Instant),
        sa.Column("problem", sa.String(500)),
        sa.UniqueConstraint(
            "outreach_id", "customer_key", name=op.f("uq_messages_outreach_id_customer_key")
        ),
    )
    op.create_index("ix_messages_outreach_id_state_id", "messages", ["outreach_id", "state", "id"])
    op.create_index("ix_messages_shop_id_customer_key", "messages", ["shop_id", "customer_key"])
