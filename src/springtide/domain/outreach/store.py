"""Outreach in tables: the plan of one send, and one row a person."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)

from springtide.kit.db import Instant, Json, metadata

outreaches = Table(
    "outreaches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False, index=True),
    Column("campaign_id", Uuid, index=True),
    Column("name", String(200), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("segment", Json, nullable=False),
    Column("subject", String(300), nullable=False),
    Column("body", Text, nullable=False),
    Column("link", String(1000), nullable=False),
    Column("language", String(8), nullable=False),
    Column("control_bps", Integer, nullable=False),
    Column("status", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("frozen_at", Instant),
    Column("started_at", Instant),
    Column("finished_at", Instant),
)

#: One row a person and outreach: the unique key is what makes "each person once" hold.
messages = Table(
    "messages",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("outreach_id", Uuid, ForeignKey("outreaches.id"), nullable=False),
    Column("customer_key", String(120), nullable=False),
    Column("state", String(20), nullable=False),
    Column("sender", String(120)),
    Column("address", String(320)),
    Column("attempts", Integer, nullable=False),
    Column("claimed_at", Instant),
    Column("sent_at", Instant),
    Column("problem", String(500)),
    UniqueConstraint("outreach_id", "customer_key"),
    Index("ix_messages_outreach_id_state_id", "outreach_id", "state", "id"),
    Index("ix_messages_shop_id_customer_key", "shop_id", "customer_key"),
)
