"""Tables of the price book and of the promotion rules, private to this room."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Uuid,
    text,
)

from springtide.kit.db import Instant, Json, metadata

price_book = Table(
    "price_book",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("product_key", String(120), primary_key=True),
    Column("regular_minor", BigInteger, nullable=False),
    Column("floor_minor", BigInteger, nullable=False),
    Column("cost_minor", BigInteger),
    Column("tax_bps", Integer, nullable=False, server_default="0"),
    Column("changed_at", Instant, nullable=False),
    Index("ix_price_book_regular", "shop_id", "regular_minor"),
)

#: A row holds while it stands: withdrawal puts back what it ``replaced``, or deletes it.
campaign_prices = Table(
    "campaign_prices",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("campaign_id", Uuid, primary_key=True),
    Column("product_key", String(120), primary_key=True),
    Column("price_minor", BigInteger, nullable=False),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("replaced", Json),
    Column("set_at", Instant, nullable=False),
    Index("ix_campaign_prices_product", "shop_id", "product_key"),
)

#: Never edited: what every price was, when it changed, who changed it and why.
price_changes = Table(
    "price_changes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("product_key", String(120), nullable=False),
    Column("what", String(20), nullable=False),
    Column("campaign_id", Uuid),
    Column("from_minor", BigInteger),
    Column("to_minor", BigInteger),
    Column("why", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("changed_at", Instant, nullable=False),
    Index("ix_price_changes_product", "shop_id", "product_key", "changed_at"),
)

price_rules = Table(
    "price_rules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("campaign_id", Uuid, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    Column("params", Json, nullable=False),
    Column("terms", Json, nullable=False, server_default=text("'{}'")),
    Column("is_active", Boolean, nullable=False),
    Column("starts_at", Instant),
    Column("ends_at", Instant),
    Column("removed_at", Instant),
    Index("ix_price_rules_campaign", "shop_id", "campaign_id"),
)

#: Never edited: the parameters a rule had in each version, so that a decision can be replayed.
price_rule_versions = Table(
    "price_rule_versions",
    metadata,
    Column("rule_id", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("kind", String(60), nullable=False),
    Column("params", Json, nullable=False),
    Column("terms", Json, nullable=False, server_default=text("'{}'")),
    Column("actor", String(200), nullable=False),
    Column("saved_at", Instant, nullable=False),
)

#: What a campaign promises: its guard of the margin, and what a return gives back.
campaign_terms = Table(
    "campaign_terms",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("campaign_id", Uuid, primary_key=True),
    Column("guard_mode", String(20), nullable=False),
    Column("guard_bps", Integer, nullable=False),
    Column("returns", String(20), nullable=False),
)

#: Never edited: the plans that priced orders, by digest.
price_plans = Table(
    "price_plans",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("document", Json, nullable=False),
)
