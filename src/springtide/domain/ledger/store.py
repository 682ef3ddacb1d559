"""The ledger's tables, private to this room."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    text,
)

from springtide.domain.ledger.model import ID_LENGTH_MAX, KEY_LENGTH_MAX, OWNER_LENGTH_MAX
from springtide.kit.db import Instant, metadata

#: The bounds stand beside what they bound, so no statement of anybody passes them.
accounts = Table(
    "ledger_accounts",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("key", String(KEY_LENGTH_MAX), primary_key=True),
    Column("unit", String(60), nullable=False),
    Column("owner", String(OWNER_LENGTH_MAX), nullable=False),
    Column("low", BigInteger),
    Column("high", BigInteger),
    Column("in_lots", Boolean, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("awaiting", BigInteger, nullable=False),
    Column("opened_at", Instant, nullable=False),
    CheckConstraint("held >= 0", name="ck_ledger_accounts_held"),
    CheckConstraint("awaiting >= 0", name="ck_ledger_accounts_awaiting"),
    CheckConstraint("low is null or balance - held >= low", name="ck_ledger_accounts_low"),
    CheckConstraint("high is null or balance + awaiting <= high", name="ck_ledger_accounts_high"),
    Index(
        "ix_ledger_accounts_owner",
        "shop_id",
        "owner",
        sqlite_where=text("owner <> ''"),
        postgresql_where=text("owner <> ''"),
    ),
    # One tree instead of two: a claim may open an account.
    sqlite_with_rowid=False,
)

#: Never edited but for the end of a reserved one; ``seq`` is the order in which they were kept.
#: Indexes begin with what tells rows apart: a plan made while a table is new takes any that fits.
transfers = Table(
    "ledger_transfers",
    metadata,
    Column(
        "seq",
        BigInteger().with_variant(Integer, "sqlite"),
        primary_key=True,
        info={"numbered": True},
    ),
    Column("shop_id", Uuid, nullable=False),
    Column("id", String(ID_LENGTH_MAX), nullable=False),
    Column("source", String(KEY_LENGTH_MAX), nullable=False),
    Column("target", String(KEY_LENGTH_MAX), nullable=False),
    Column("unit", String(60), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("is_reserved", Boolean, nullable=False),
    Column("state", String(12), nullable=False),
    Column("at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("expires_at", Instant),
    Column("lot_expires_at", Instant),
    Column("reference", String(200)),
    Column("customer_key", String(120)),
    Column("visitor_key", String(120)),
    Column("campaign_key", String(120)),
    CheckConstraint("amount > 0", name="ck_ledger_transfers_amount"),
    Index("uq_ledger_transfers_id", "id", "shop_id", unique=True),
    Index("ix_ledger_transfers_source", "source", "shop_id", "seq"),
    Index("ix_ledger_transfers_target", "target", "shop_id", "seq"),
    Index(
        "ix_ledger_transfers_reference",
        "shop_id",
        "reference",
        sqlite_where=text("state = 'reserved'"),
        postgresql_where=text("state = 'reserved'"),
    ),
    Index(
        "ix_ledger_transfers_due",
        "shop_id",
        "expires_at",
        sqlite_where=text("state = 'reserved' and expires_at is not null"),
        postgresql_where=text("state = 'reserved' and expires_at is not null"),
    ),
)

#: What came at one time into an account in lots; ``left_over`` is neither spent nor held.
lots = Table(
    "ledger_lots",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("id", String(ID_LENGTH_MAX), primary_key=True),
    Column("account", String(KEY_LENGTH_MAX), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("left_over", BigInteger, nullable=False),
    Column("granted_at", Instant, nullable=False),
    Column("expires_at", Instant),
    CheckConstraint("left_over between 0 and amount", name="ck_ledger_lots_left_over"),
    Index("ix_ledger_lots_account", "shop_id", "account"),
    Index("ix_ledger_lots_due", "shop_id", "expires_at"),
)

#: Which transfer took how much of which lot; taken back whole when a reserved one ends in nothing.
lot_uses = Table(
    "ledger_lot_uses",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("transfer_id", String(ID_LENGTH_MAX), primary_key=True),
    Column("lot_id", String(ID_LENGTH_MAX), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("is_given_back", Boolean, nullable=False),
)
