"""A sale is open once its timeline opened it; what holds that back, and an owner's waiver."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

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
    op.add_column("campaign_tasks", sa.Column("waiver", Json))
    op.add_column("timeline_actions", sa.Column("waiver", Json))
    op.execute(_OPENED)
