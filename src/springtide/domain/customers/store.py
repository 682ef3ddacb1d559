"""The customers' table."""

from sqlalchemy import Column, Index, String, Table, UniqueConstraint, Uuid

from springtide.kit.db import Instant, Json, metadata

customers = Table(
    "customers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("key", String(120), nullable=False),
    Column("name", String(300), nullable=False),
    Column("email", String(320)),
    Column("opted_out_at", Instant),
    Column("opted_out_by", String(200)),
    Column("attributes", Json, nullable=False),
    Column("first_seen_at", Instant),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("shop_id", "key"),
)

#: Erasures; ``old_key`` and ``old_email`` stand here only while one is under way.
erasures = Table(
    "customer_erasures",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("old_key", String(120)),
    Column("old_email", String(320)),
    Column("new_key", String(120), nullable=False),
    Column("blocked_hash", String(64)),
    Column("asked_at", Instant, nullable=False),
    Column("erased_at", Instant),
    Index("ix_customer_erasures_shop", "shop_id", "blocked_hash"),
)
