"""The tail of the facts, its keys and counter, and the imports."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of the facts room."""
    _tail()
    op.create_table(
        "fact_keys",
        sa.Column("shop", sa.String(200), primary_key=True),
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("external_id", sa.String(200), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("content_hash", sa.String(32), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    counters = op.create_table(
        "fact_counters",
        sa.Column("name", sa.String(20), primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counters, [{"name": "tail", "value": 0}])
    op.create_table(
        "fact_sources",
        sa.Column("shop", sa.String(200), primary_key=True),
        sa.Column("source", sa.String(200), primary_key=True),
        sa.Column("way", sa.String(20), nullable=False),
    )
    _imports()


def _tail() -> None:
    op.create_table(
        "fact_tail",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("shop", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("occurred_at", Instant, nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("external_id", sa.String(200), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("visitor_key", sa.String(200)),
        sa.Column("customer_key", sa.String(200)),
        sa.Column("product_key", sa.String(200)),
        sa.Column("sku_key", sa.String(200)),
        sa.Column("order_key", sa.String(200)),
        sa.Column("quantity", sa.Integer, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("discount_minor", sa.BigInteger, nullable=False),
        sa.Column("source_path", sa.String(200)),
        sa.Column("campaign_key", sa.String(200)),
        sa.Column("reference", sa.String(200)),
        sa.Column("props", Json, nullable=False),
        sa.Column("appended_at", Instant, nullable=False),
    )


def _imports() -> None:
    op.create_table(
        "fact_imports",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("shop", sa.String(200), nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("format", sa.String(60)),
        sa.Column("mapping", Json),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("stage", sa.String(20), nullable=False),
        sa.Column("read_count", sa.BigInteger, nullable=False),
        sa.Column("new_count", sa.BigInteger, nullable=False),
        sa.Column("changed_count", sa.BigInteger, nullable=False),
        sa.Column("unchanged_count", sa.BigInteger, nullable=False),
        sa.Column("rejected_count", sa.BigInteger, nullable=False),
        sa.Column("rejects_file", sa.Text),
        sa.Column("problem", sa.Text),
        sa.Column("started_at", Instant, nullable=False),
        sa.Column("finished_at", Instant),
    )
    op.create_index("ix_fact_imports_shop_id", "fact_imports", ["shop_id", "started_at"])
    op.create_index("ix_fact_imports_shop", "fact_imports", ["shop", "sha256"])
