"""A shop says who keeps its customers' points; until it does, the ledger keeps them."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Add the column."""
    op.add_column(
        "shops",
        sa.Column("points_kept_by", sa.String(10), nullable=False, server_default="ledger"),
    )
