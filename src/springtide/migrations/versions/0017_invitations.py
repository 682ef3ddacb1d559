"""Open invitations of people to shops."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Create their table."""
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "shop_id",
            sa.Uuid,
            sa.ForeignKey("shops.id", name=op.f("fk_invitations_shop_id")),
            nullable=False,
        ),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("invited_by", sa.String(120), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("sent_at", Instant),
        sa.UniqueConstraint("shop_id", "email", name=op.f("uq_invitations_shop_id_email")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
