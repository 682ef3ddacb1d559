"""A sale is open once its timeline opened it; what holds that back, and an owner's waiver."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0030"
down_revision = "0029"

_OPENED = """
update campaigns set opened_at = (
    select max(done_at) from timeline_actions
    where timeline_actions.campaign_id = campaigns.id
        and kind = 'open_sale' and state in ('done', 'undoing')
)
"""


def upgrade() -> None:
    """Add the columns; what was opened before stays open."""
    op.add_column("campaigns", sa.Column("opened_at", Instant))
    op.add_column("campaign_tasks", sa.Column("gate", sa.String(20)))
    for table in ("campaign_tasks", "timeline_actions"):
        op.add_column(table, sa.Column("waived_at", Instant))
        op.add_column(table, sa.Column("waived_by", sa.String(200)))
        op.add_column(table, sa.Column("waived_why", sa.String(300)))
    op.execute(_OPENED)
