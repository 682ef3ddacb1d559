"""The orders' tables."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)

from springtide.domain.orders.model import KEY_LENGTH_MAX
from springtide.kit.db import Instant, Json, metadata

orders = Table(
    "orders",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("key", String(KEY_LENGTH_MAX), nullable=False),
    Column("customer_key", String(KEY_LENGTH_MAX)),
    Column("visitor_key", String(KEY_LENGTH_MAX)),
    Column("campaign_key", String(KEY_LENGTH_MAX)),
    Column("state", String(20), nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("shipping_minor", BigInteger, nullable=False),
    Column("decision", Json, nullable=False),
    Column("price_inputs", Json),
    Column("refunded_minor", BigInteger, nullable=False, server_default="0"),
    Column("deposit_minor", BigInteger, nullable=False, server_default="0"),
    Column("source_path", String(300)),
    Column("is_simulated", Boolean, nullable=False),
    Column("placed_at", Instant, nullable=False),
    Column("paid_at", Instant),
    Column("payment_key", String(200)),
    Column("closed_at", Instant),
    Column("close_reason", String(200)),
    Column("received_at", Instant),
    Column("earned_at", Instant),
    UniqueConstraint("shop_id", "key"),
    # Listing newest first, closing the unpaid, and one customer's orders.
    Index("ix_orders_shop_id_id", "shop_id", "id"),
    Index("ix_orders_shop_id_state_placed_at", "shop_id", "state", "placed_at"),
    Index("ix_orders_shop_id_customer_key", "shop_id", "customer_key"),
    Index(
        "ix_orders_earning",
        "shop_id",
        "paid_at",
        sqlite_where=text("state = 'paid' and earned_at is null"),
        postgresql_where=text("state = 'paid' and earned_at is null"),
    ),
    Index(
        "ix_orders_receipt",
        "shop_id",
        "paid_at",
        sqlite_where=text("state = 'paid' and received_at is null"),
        postgresql_where=text("state = 'paid' and received_at is null"),
    ),
)

lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Uuid, ForeignKey("orders.id"), primary_key=True),
    Column("line_no", Integer, primary_key=True),
    Column("product_key", String(KEY_LENGTH_MAX), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("list_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("payable_minor", BigInteger, nullable=False),
)

#: Never edited: what came back of an order, and what was paid back for it.
returns = Table(
    "order_returns",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("orders.id"), nullable=False),
    Column("key", String(KEY_LENGTH_MAX), nullable=False),
    Column("lines", Json, nullable=False),
    Column("policy", String(20), nullable=False),
    Column("refund_minor", BigInteger, nullable=False),
    Column("returned_at", Instant, nullable=False),
    UniqueConstraint("order_id", "key"),
)
