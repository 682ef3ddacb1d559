"""The customers' table."""

from sqlalchemy import Column, String, Table, UniqueConstraint, Uuid

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
