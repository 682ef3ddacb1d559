"""The rewards' tables, private to this room."""

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

#: A reward or game; what is published is never edited, but for its state.
rewards = Table(
    "rewards",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("campaign_id", Uuid),
    Column("kind", String(60), nullable=False),
    Column("name", String(80), nullable=False),
    Column("params", Json, nullable=False),
    Column("terms", Json, nullable=False),
    Column("state", String(12), nullable=False),
    Column("opens_at", Instant, nullable=False),
    Column("closes_at", Instant, nullable=False),
    Column("seed", String(64), nullable=False),
    Column("settled_at", Instant),
    Column("saved_at", Instant, nullable=False),
    Index("ix_rewards_shop", "shop_id", "saved_at"),
)

#: What customers took; ``granted`` is the answer, the same whenever the key comes again.
claims = Table(
    "reward_claims",
    metadata,
    Column("reward_id", Uuid, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("key", String(240), nullable=False),
    Column("asked", String(32), nullable=False),
    Column("customer_key", String(120), nullable=False),
    Column("granted", Json, nullable=False),
    Column("what", String(20), nullable=False),
    Column("rule", String(40)),
    Column("state", String(12), nullable=False),
    Column("claimed_at", Instant, nullable=False),
    Column("expires_at", Instant),
    Column("order_key", String(120)),
    Index("uq_reward_claims_key", "key", "shop_id", unique=True),
    Index("ix_reward_claims_customer", "customer_key", "shop_id", "id"),
    Index(
        "ix_reward_claims_order",
        "shop_id",
        "order_key",
        sqlite_where=text("order_key is not null"),
        postgresql_where=text("order_key is not null"),
    ),
    # What is over is looked for every second.
    Index(
        "ix_reward_claims_due",
        "shop_id",
        "state",
        "expires_at",
        sqlite_where=text("expires_at is not null"),
        postgresql_where=text("expires_at is not null"),
    ),
    # One tree instead of two: claims are written by the thousand.
    sqlite_with_rowid=False,
)

#: Groups that buy together; ``reached`` is how many had paid when it was decided.
groups = Table(
    "reward_groups",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("key", String(40), primary_key=True),
    Column("reward_id", Uuid, nullable=False),
    Column("opened_by", String(120), nullable=False),
    Column("product_key", String(120), nullable=False),
    Column("size", Integer, nullable=False),
    Column("state", String(12), nullable=False),
    Column("opened_at", Instant, nullable=False),
    Column("ends_at", Instant, nullable=False),
    Column("reached", Integer),
    Column("settled_at", Instant),
    Index("ix_reward_groups_reward", "reward_id", "state", "ends_at"),
    Index(
        "ix_reward_groups_due",
        "shop_id",
        "ends_at",
        sqlite_where=text("settled_at is null"),
        postgresql_where=text("settled_at is null"),
    ),
)

#: The customers whom a targeted reward is for.
audience = Table(
    "reward_audience",
    metadata,
    Column("reward_id", Uuid, primary_key=True),
    Column("customer_key", String(120), primary_key=True),
)

#: Codes made in batches; ``code`` is as it is compared, without dashes and capitals.
codes = Table(
    "reward_codes",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("code", String(40), primary_key=True),
    Column("reward_id", Uuid, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("claim_id", Uuid),
    Index("ix_reward_codes_reward", "reward_id", "batch"),
)

#: Batches of codes: their secret makes the codes, so a million need no list to be shown again.
code_batches = Table(
    "reward_code_batches",
    metadata,
    Column("reward_id", Uuid, primary_key=True),
    Column("batch", Integer, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("made_at", Instant, nullable=False),
)

#: What was given by hand: alone, or with a second person's word.
gifts = Table(
    "gifts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("points", BigInteger, nullable=False),
    Column("money_minor", BigInteger, nullable=False),
    Column("is_budget", Boolean, nullable=False),
    Column("params", Json, nullable=False),
    Column("reason", String(200), nullable=False),
    Column("state", String(12), nullable=False),
    Column("requested_by_id", String(80), nullable=False),
    Column("requested_by", String(120), nullable=False),
    Column("requested_at", Instant, nullable=False),
    Column("decided_by_id", String(80)),
    Column("decided_by", String(120)),
    Column("decided_at", Instant),
    Index("ix_gifts_shop_state", "shop_id", "state", "id"),
    Index("ix_gifts_requested", "shop_id", "requested_by_id", "requested_at"),
)

#: What one person may give alone within a day, where a shop says other than the default.
gift_bounds = Table(
    "gift_bounds",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("points", BigInteger, nullable=False),
    Column("money_minor", BigInteger, nullable=False),
    Column("budget_points", BigInteger, nullable=False),
    Column("budget_money_minor", BigInteger, nullable=False),
)
