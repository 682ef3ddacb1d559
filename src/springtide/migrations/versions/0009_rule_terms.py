"""Terms of promotion rules, their limits and uses, guards of campaigns, taxes, returns."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns and tables; product sets move from the parameters to the terms."""
    for table in ("price_rules", "price_rule_versions"):
        op.add_column(
            table, sa.Column("terms", Json, nullable=False, server_default=sa.text("'{}'"))
        )
    op.add_column(
        "price_book", sa.Column("tax_bps", sa.Integer, nullable=False, server_default="0")
    )
    op.create_index("ix_price_book_regular", "price_book", ["shop_id", "regular_minor"])
    op.add_column("orders", sa.Column("price_inputs", Json))
    op.add_column(
        "orders", sa.Column("refunded_minor", sa.BigInteger, nullable=False, server_default="0")
    )
    _move_products("price_rules", ["id"])
    _move_products("price_rule_versions", ["rule_id", "version"])
    _tables()


def _move_products(name: str, keys: list[str]) -> None:
    columns: list[sa.ColumnClause[Any]] = [sa.column(key) for key in keys]
    params, terms = sa.column("params", Json), sa.column("terms", Json)
    table = sa.table(name, *columns, params, terms)
    bind = op.get_bind()
    for row in bind.execute(sa.select(*columns, params)).all():
        values: dict[str, Any] = row.params
        if "products" not in values:
            continue
        named = values.pop("products")
        kept = {"conditions": {"products": {"keys": list(named)}}} if named else {}
        here = [column == value for column, value in zip(columns, row[:-1], strict=True)]
        bind.execute(sa.update(table).where(*here).values(params=values, terms=kept))


def _tables() -> None:
    op.create_table(
        "campaign_terms",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("campaign_id", sa.Uuid, primary_key=True),
        sa.Column("guard_mode", sa.String(20), nullable=False),
        sa.Column("guard_bps", sa.Integer, nullable=False),
        sa.Column("returns", sa.String(20), nullable=False),
    )
    op.create_table(
        "price_plans",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("document", Json, nullable=False),
    )
    op.create_table(
        "rule_accounts",
        sa.Column("rule_id", sa.Uuid, primary_key=True),
        sa.Column("owner", sa.String(120), primary_key=True),
        sa.Column("unit", sa.String(20), primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("used", sa.BigInteger, nullable=False),
        sa.Column("bound", sa.BigInteger, nullable=False),
        sa.CheckConstraint("used >= 0", name="ck_rule_accounts_used"),
    )
    op.create_table(
        "rule_uses",
        sa.Column("order_key", sa.String(120), primary_key=True),
        sa.Column("rule_id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("customer_key", sa.String(120)),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("used_at", Instant, nullable=False),
        sa.Column("given_back_at", Instant),
    )
    op.create_table(
        "order_returns",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), nullable=False),
        sa.Column("key", sa.String(120), nullable=False),
        sa.Column("lines", Json, nullable=False),
        sa.Column("policy", sa.String(20), nullable=False),
        sa.Column("refund_minor", sa.BigInteger, nullable=False),
        sa.Column("returned_at", Instant, nullable=False),
        sa.UniqueConstraint("order_id", "key", name=op.f("uq_order_returns_order_id_key")),
    )
