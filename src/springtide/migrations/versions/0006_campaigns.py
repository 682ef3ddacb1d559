"""Tables of campaigns and their tasks."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Create campaigns with versions, heroes, tasks and checklists."""
    _campaigns()
    _tasks()


def _campaigns() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("zone_name", sa.String(60), nullable=False),
        sa.Column("phases", Json, nullable=False),
        sa.Column("goal_paid_minor", sa.BigInteger, nullable=False),
        sa.Column("goal_buyers", sa.Integer, nullable=False),
        sa.Column("goal_units", sa.Integer, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
        sa.Column("scheduled_at", Instant),
        sa.Column("withdrawn_at", Instant),
    )
    op.create_index("ix_campaigns_shop_day", "campaigns", ["shop_id", "day"])
    op.create_table(
        "campaign_versions",
        sa.Column("campaign_id", sa.Uuid, sa.ForeignKey("campaigns.id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("document", Json, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("saved_at", Instant, nullable=False),
    )
    op.create_table(
        "campaign_heroes",
        sa.Column("campaign_id", sa.Uuid, sa.ForeignKey("campaigns.id"), primary_key=True),
        sa.Column("product_key", sa.String(120), primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
    )


def _tasks() -> None:
    op.create_table(
        "campaign_tasks",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("campaign_id", sa.Uuid, sa.ForeignKey("campaigns.id"), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("role", sa.String(40), nullable=False),
        sa.Column("due", Json, nullable=False),
        sa.Column("done_at", Instant),
        sa.Column("done_by", sa.String(200)),
    )
    op.create_index("ix_campaign_tasks_campaign_id", "campaign_tasks", ["campaign_id"])
    op.create_table(
        "campaign_checklist_items",
        sa.Column("task_id", sa.Uuid, sa.ForeignKey("campaign_tasks.id"), primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("text", sa.String(300), nullable=False),
        sa.Column("done_at", Instant),
        sa.Column("done_by", sa.String(200)),
    )
