"""When an order was received, and when what it earned was worked out."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the instants; orders of before earn nothing any more."""
    op.add_column("orders", sa.Column("received_at", Instant))
    op.add_column("orders", sa.Column("earned_at", Instant))
    op.execute("update orders set earned_at = paid_at, received_at = paid_at where state = 'paid'")
    for name, column in (("earning", "earned_at"), ("receipt", "received_at")):
        open_ones = sa.text(f"state = 'paid' and {column} is null")
        op.create_index(
            f"ix_orders_{name}",
            "orders",
            ["shop_id", "paid_at"],
            sqlite_where=open_ones,
            postgresql_where=open_ones,
        )
