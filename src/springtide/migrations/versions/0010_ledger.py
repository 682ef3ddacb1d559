"""The ledger: accounts with bounds, transfers, lots."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the ledger's tables."""
    op.create_table(
        "ledger_accounts",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("unit", sa.String(60), nullable=False),
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("low", sa.BigInteger),
        sa.Column("high", sa.BigInteger),
        sa.Column("in_lots", sa.Boolean, nullable=False),
        sa.Column("balance", sa.BigInteger, nullable=False),
        sa.Column("held", sa.BigInteger, nullable=False),
        sa.Column("awaiting", sa.BigInteger, nullable=False),
        sa.Column("opened_at", Instant, nullable=False),
        sa.CheckConstraint("held >= 0", name="ck_ledger_accounts_held"),
        sa.CheckConstraint("awaiting >= 0", name="ck_ledger_accounts_awaiting"),
        sa.CheckConstraint("low is null or balance - held >= low", name="ck_ledger_accounts_low"),
        sa.CheckConstraint(
            "high is null or balance + awaiting <= high", name="ck_ledger_accounts_high"
        ),
        sqlite_with_rowid=False,
    )
    owned = sa.text("owner <> ''")
    op.create_index(
        "ix_ledger_accounts_owner",
        "ledger_accounts",
        ["shop_id", "owner"],
        sqlite_where=owned,
        postgresql_where=owned,
    )
    _transfers()
    _lots()


def _transfers() -> None:
    op.create_table(
        "ledger_transfers",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.String(180), nullable=False),
        sa.Column("source", sa.String(200), nullable=False),
        sa.Column("target", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(60), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("is_reserved", sa.Boolean, nullable=False),
        sa.Column("state", sa.String(12), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("ended_at", Instant),
        sa.Column("expires_at", Instant),
        sa.Column("lot_expires_at", Instant),
        sa.Column("reference", sa.String(200)),
        sa.Column("customer_key", sa.String(120)),
        sa.Column("visitor_key", sa.String(120)),
        sa.Column("campaign_key", sa.String(120)),
        sa.CheckConstraint("amount > 0", name="ck_ledger_transfers_amount"),
    )
    op.create_index("uq_ledger_transfers_id", "ledger_transfers", ["id", "shop_id"], unique=True)
    for side in ("source", "target"):
        op.create_index(f"ix_ledger_transfers_{side}", "ledger_transfers", [side, "shop_id", "seq"])
    reserved = sa.text("state = 'reserved'")
    op.create_index(
        "ix_ledger_transfers_reference",
        "ledger_transfers",
        ["shop_id", "reference"],
        sqlite_where=reserved,
        postgresql_where=reserved,
    )
    due = sa.text("state = 'reserved' and expires_at is not null")
    op.create_index(
        "ix_ledger_transfers_due",
        "ledger_transfers",
        ["shop_id", "expires_at"],
        sqlite_where=due,
        postgresql_where=due,
    )


def _lots() -> None:
    op.create_table(
        "ledger_lots",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("id", sa.String(180), primary_key=True),
        sa.Column("account", sa.String(200), nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("left_over", sa.BigInteger, nullable=False),
        sa.Column("granted_at", Instant, nullable=False),
        sa.Column("expires_at", Instant),
        sa.CheckConstraint("left_over between 0 and amount", name="ck_ledger_lots_left_over"),
    )
    op.create_index("ix_ledger_lots_account", "ledger_lots", ["shop_id", "account"])
    op.create_index("ix_ledger_lots_due", "ledger_lots", ["shop_id", "expires_at"])
    op.create_table(
        "ledger_lot_uses",
        sa.Column("shop_id", sa.Uuid, primary_key=True),
        sa.Column("transfer_id", sa.String(180), primary_key=True),
        sa.Column("lot_id", sa.String(180), primary_key=True),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("is_given_back", sa.Boolean, nullable=False),
    )
