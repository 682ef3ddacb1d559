"""Tables of the price book and of the promotion rules."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create price book, campaign prices, their history, rules and their versions."""
    _prices()
    _rules()


def _prices() -> None:
    op.create_table(
        "price_book",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("product_key", sa.String(120), primary_key=True),
        sa.Column("regular_minor", sa.BigInteger, nullable=False),
        sa.Column("floor_minor", sa.BigInteger, nullable=False),
        sa.Column("cost_minor", sa.BigInteger),
        sa.Column("changed_at", Instant, nullable=False),
    )
    op.create_table(
        "campaign_prices",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("campaign_id", sa.Uuid, primary_key=True),
        sa.Column("product_key", sa.String(120), primary_key=True),
        sa.Column("price_minor", sa.BigInteger, nullable=False),
        sa.Column("starts_at", Instant),
        sa.Column("ends_at", Instant),
        sa.Column("replaced", Json),
        sa.Column("set_at", Instant, nullable=False),
    )
    op.create_index("ix_campaign_prices_product", "campaign_prices", ["shop_id", "product_key"])
    op.create_table(
        "price_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("product_key", sa.String(120), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("campaign_id", sa.Uuid),
        sa.Column("from_minor", sa.BigInteger),
        sa.Column("to_minor", sa.BigInteger),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("changed_at", Instant, nullable=False),
    )
    op.create_index(
        "ix_price_changes_product", "price_changes", ["shop_id", "product_key", "changed_at"]
    )


def _rules() -> None:
    op.create_table(
        "price_rules",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("campaign_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("is_active", sa.Boolean, nullable=False),
        sa.Column("starts_at", Instant),
        sa.Column("ends_at", Instant),
        sa.Column("removed_at", Instant),
    )
    op.create_index("ix_price_rules_campaign", "price_rules", ["shop_id", "campaign_id"])
    op.create_table(
        "price_rule_versions",
        sa.Column("rule_id", sa.Uuid, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("params", Json, nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("saved_at", Instant, nullable=False),
    )
