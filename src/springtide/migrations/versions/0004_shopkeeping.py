"""Products, customers, orders and their lines."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the tables."""
    _create_products()
    _create_customers()
    _create_orders()


def _create_products() -> None:
    op.create_table(
        "products",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(120), primary_key=True),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("brand", sa.String(300), nullable=False),
        sa.Column("category", sa.String(300), nullable=False),
        sa.Column("department", sa.String(300), nullable=False),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_index("ix_products_shop_id_category_key", "products", ["shop_id", "category", "key"])


def _create_customers() -> None:
    op.create_table(
        "customers",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("opted_out_at", Instant),
        sa.Column("opted_out_by", sa.String(200)),
        sa.Column("attributes", Json, nullable=False),
        sa.Column("first_seen_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_customers_shop_id_key")),
    )


def _create_orders() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("customer_key", sa.String(120)),
        sa.Column("visitor_key", sa.String(120)),
        sa.Column("campaign_key", sa.String(120)),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("discount_minor", sa.BigInteger, nullable=False),
        sa.Column("shipping_minor", sa.BigInteger, nullable=False),
        sa.Column("decision", Json, nullable=False),
        sa.Column("source_path", sa.String(300)),
        sa.Column("is_simulated", sa.Boolean, nullable=False),
        sa.Column("placed_at", Instant, nullable=False),
        sa.Column("paid_at", Instant),
        sa.Column("payment_key", sa.String(200)),
        sa.Column("closed_at", Instant),
        sa.Column("close_reason", sa.String(200)),
        sa.UniqueConstraint("shop_id", "key", name=op.f("uq_orders_shop_id_key")),
    )
    op.create_index("ix_orders_shop_id_id", "orders", ["shop_id", "id"])
    op.create_index(
        "ix_orders_shop_id_state_placed_at", "orders", ["shop_id", "state", "placed_at"]
    )
    op.create_index("ix_orders_shop_id_customer_key", "orders", ["shop_id", "customer_key"])
    op.create_table(
        "order_lines",
        sa.Column(
            "order_id",
            sa.Uuid,
            sa.ForeignKey("orders.id", name=op.f("fk_order_lines_order_id")),
            primary_key=True,
        ),
        sa.Column("line_no", sa.Integer, primary_key=True),
        sa.Column("product_key", sa.String(120), nullable=False),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("list_minor", sa.BigInteger, nullable=False),
        sa.Column("discount_minor", sa.BigInteger, nullable=False),
        sa.Column("payable_minor", sa.BigInteger, nullable=False),
    )
