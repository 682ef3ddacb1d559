"""Tables of campaigns and their tasks, private to this room."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
)

from springtide.kit.db import Instant, Json, metadata

campaigns = Table(
    "campaigns",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("name", String(120), nullable=False),
    Column("day", Date, nullable=False),
    Column("zone_name", String(60), nullable=False),
    Column("phases", Json, nullable=False),
    Column("goal_paid_minor", BigInteger, nullable=False),
    Column("goal_buyers", Integer, nullable=False),
    Column("goal_units", Integer, nullable=False),
    Column("note", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    Column("scheduled_at", Instant),
    Column("withdrawn_at", Instant),
    Column("opened_at", Instant),
    Index("ix_campaigns_shop_day", "shop_id", "day"),
)

#: Never edited: the plan as it was in each version, and who made it so.
campaign_versions = Table(
    "campaign_versions",
    metadata,
    Column("campaign_id", Uuid, ForeignKey("campaigns.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("document", Json, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("saved_at", Instant, nullable=False),
)

campaign_heroes = Table(
    "campaign_heroes",
    metadata,
    Column("campaign_id", Uuid, ForeignKey("campaigns.id"), primary_key=True),
    Column("product_key", String(120), primary_key=True),
    Column("position", Integer, nullable=False),
    Column("price_minor", BigInteger, nullable=False),
)

tasks = Table(
    "campaign_tasks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("campaign_id", Uuid, ForeignKey("campaigns.id"), nullable=False, index=True),
    Column("title", String(200), nullable=False),
    Column("role", String(40), nullable=False),
    Column("due", Json, nullable=False),
    Column("done_at", Instant),
    Column("done_by", String(200)),
    # The phase that does not open before it is done; an owner's word that it does all the same.
    Column("gate", String(20)),
    Column("waived_at", Instant),
    Column("waived_by", String(200)),
    Column("waived_why", String(300)),
)

checklist_items = Table(
    "campaign_checklist_items",
    metadata,
    Column("task_id", Uuid, ForeignKey("campaign_tasks.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("text", String(300), nullable=False),
    Column("done_at", Instant),
    Column("done_by", String(200)),
)
