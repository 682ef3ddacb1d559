"""The tables of access; private to the room."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    false,
)

from springtide.domain.access.model import (
    ApiKey,
    Entry,
    Factor,
    FactorKind,
    Invitation,
    Person,
    PointsKeeper,
    Role,
    Scope,
    Shop,
)
from springtide.kit.db import Instant, Json, metadata
from springtide.kit.time import SimulatedClock

shops = Table(
    "shops",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("slug", String(60), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("zone_name", String(64), nullable=False),
    Column("is_demo", Boolean, nullable=False),
    Column("points_kept_by", String(10), nullable=False, server_default="ledger"),
    Column("requires_second_factor", Boolean, nullable=False, server_default=false()),
    Column("clock_shows_at", Instant),
    Column("clock_set_at", Instant),
    Column("clock_speed", Float),
    Column("clock_stops_at", Instant),
    Column("created_at", Instant, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("email", String(254), nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("language", String(2), nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

memberships = Table(
    "memberships",
    metadata,
    Column("shop_id", Uuid, ForeignKey("shops.id"), primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), primary_key=True, index=True),
    Column("role", String(20), nullable=False),
    Column("created_at", Instant, nullable=False),
)

# Open invitations only: one that is taken up or withdrawn goes, the audit log knows of it.
invitations = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, ForeignKey("shops.id"), nullable=False),
    Column("email", String(254), nullable=False),
    Column("role", String(20), nullable=False),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("invited_by", String(120), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("sent_at", Instant),
    UniqueConstraint("shop_id", "email"),
)

# Only the SHA-256 of a token is kept: whoever reads the table cannot use what it names.
sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), nullable=False, index=True),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    # When the person last proved who they are: the log-in, or a confirmation since.
    Column("proved_at", Instant, nullable=False),
    Column("address", String(64), nullable=False),
    Column("agent", String(200), nullable=False),
    Column("browser", LargeBinary(32)),
)

# Second factors. An app's secret is closed with the installation's; of a passkey only the public
# key is here.
factors = Table(
    "factors",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), nullable=False, index=True),
    Column("kind", String(10), nullable=False),
    Column("name", String(120), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("used_at", Instant),
    Column("secret", Text),
    Column("last_step", BigInteger),
    Column("credential_id", LargeBinary(1023), unique=True),
    Column("public_key", LargeBinary),
    Column("sign_count", BigInteger),
)

recovery_codes = Table(
    "recovery_codes",
    metadata,
    Column("code_hash", LargeBinary(32), primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), nullable=False, index=True),
    Column("used_at", Instant),
)

# Challenges that a passkey answered, kept while their answer could come once more.
used_challenges = Table(
    "used_challenges",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("at", Instant, nullable=False),
)

# Links that recover an account; one a person, used up by the new password.
recoveries = Table(
    "recoveries",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), nullable=False, index=True),
    Column("expires_at", Instant, nullable=False),
)

# Who asked for a link within the hour, whether or not the account exists.
recovery_asks = Table(
    "recovery_asks",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account", String(254), nullable=False, index=True),
    Column("network", String(64), nullable=False, index=True),
    Column("at", Instant, nullable=False),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, ForeignKey("shops.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("prefix", String(20), nullable=False),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("is_publishable", Boolean, nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("last_used_at", Instant),
    Column("revoked_at", Instant),
    # None: without an end. Keys made before there were ends have none.
    Column("expires_at", Instant),
    Column("replaced_by", Uuid),
)

# Append-only: the migration adds triggers that refuse to change or delete a row. ``seq`` is the
# order of commit and is given by a trigger too; none stands within the transaction that wrote it on
# PostgreSQL, where it is given last of all. ``shop_at`` is what the shop's clock showed, where it
# is a simulated one.
audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, ForeignKey("shops.id")),
    Column("at", Instant, nullable=False),
    Column("actor_kind", String(20), nullable=False),
    Column("actor_id", String(80), nullable=False),
    Column("actor_name", String(120), nullable=False),
    Column("action", String(60), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("before", Json),
    Column("after", Json),
    Column("seq", BigInteger),
    Column("shop_at", Instant),
    Index("ix_audit_log_seq", "seq", unique=True),
    Index("ix_audit_log_shop_id_seq", "shop_id", "seq"),
    Index("ix_audit_log_shop_id_id", "shop_id", "id"),
    Index("ix_audit_log_subject_id", "subject", "id"),
)

# Kept for a day. ``network`` is the address, of IPv6 its /64; ``browser`` is set where the browser
# (or the session, for who confirms a password) was known: such tries count by themselves.
# A row here, within one transaction, lets that transaction rewrite the log: to erase a person.
audit_erasing = Table("audit_erasing", metadata, Column("id", Uuid, primary_key=True))

log_in_attempts = Table(
    "log_in_attempts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account", String(254), nullable=False),
    Column("network", String(64), nullable=False),
    Column("browser", LargeBinary(32)),
    Column("at", Instant, nullable=False, index=True),
    Column("is_good", Boolean, nullable=False),
    Index("ix_log_in_attempts_account_network_at", "account", "network", "at"),
    Index("ix_log_in_attempts_account_at", "account", "at"),
    Index("ix_log_in_attempts_network_at", "network", "at"),
)

# Browsers that a person has logged in with: what strangers do to the account is not theirs to bear.
browsers = Table(
    "browsers",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.id"), primary_key=True, index=True),
    Column("created_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
)


def to_shop(row: Row[Any]) -> Shop:
    """Return the shop of a row that holds every column of ``shops``."""
    columns = row._mapping
    clock = None
    if columns[shops.c.clock_shows_at] is not None:
        clock = SimulatedClock(
            shows=columns[shops.c.clock_shows_at],
            set_at=columns[shops.c.clock_set_at],
            speed=columns[shops.c.clock_speed],
            stops_at=columns[shops.c.clock_stops_at],
        )
    return Shop(
        id=columns[shops.c.id],
        slug=columns[shops.c.slug],
        name=columns[shops.c.name],
        currency=columns[shops.c.currency],
        zone_name=columns[shops.c.zone_name],
        clock=clock,
        is_demo=columns[shops.c.is_demo],
        points_kept_by=PointsKeeper(columns[shops.c.points_kept_by]),
        requires_second_factor=columns[shops.c.requires_second_factor],
    )


def to_factor(row: Row[Any]) -> Factor:
    """Return the factor of a row that holds every column of ``factors``."""
    columns = row._mapping
    values = {column.name: columns[column] for column in factors.c}
    return Factor(**{**values, "kind": FactorKind(values["kind"])})


def to_person(row: Row[Any]) -> Person:
    """Return the person of a row that holds every column of ``people``."""
    columns = row._mapping
    return Person(
        id=columns[people.c.id],
        email=columns[people.c.email],
        name=columns[people.c.name],
        language=columns[people.c.language],
    )


def to_key(row: Row[Any]) -> ApiKey:
    """Return the key of a row that holds every column of ``api_keys``."""
    columns = row._mapping
    return ApiKey(
        id=columns[api_keys.c.id],
        shop_id=columns[api_keys.c.shop_id],
        name=columns[api_keys.c.name],
        prefix=columns[api_keys.c.prefix],
        is_publishable=columns[api_keys.c.is_publishable],
        scopes=frozenset(Scope(scope) for scope in columns[api_keys.c.scopes]),
        created_at=columns[api_keys.c.created_at],
        last_used_at=columns[api_keys.c.last_used_at],
        revoked_at=columns[api_keys.c.revoked_at],
        expires_at=columns[api_keys.c.expires_at],
        replaced_by=columns[api_keys.c.replaced_by],
    )


def to_invitation(row: Row[Any]) -> Invitation:
    """Return the invitation of a row that holds every column of ``invitations``."""
    columns = row._mapping
    return Invitation(
        id=columns[invitations.c.id],
        shop_id=columns[invitations.c.shop_id],
        email=columns[invitations.c.email],
        role=Role(columns[invitations.c.role]),
        invited_by=columns[invitations.c.invited_by],
        created_at=columns[invitations.c.created_at],
        expires_at=columns[invitations.c.expires_at],
        sent_at=columns[invitations.c.sent_at],
    )


def to_entry(row: Row[Any]) -> Entry:
    """Return the audit entry of a row."""
    columns = row._mapping
    return Entry(
        id=columns[audit_log.c.id],
        at=columns[audit_log.c.at],
        actor_kind=columns[audit_log.c.actor_kind],
        actor_id=columns[audit_log.c.actor_id],
        actor_name=columns[audit_log.c.actor_name],
        action=columns[audit_log.c.action],
        subject=columns[audit_log.c.subject],
        before=columns[audit_log.c.before],
        after=columns[audit_log.c.after],
        shop_at=columns[audit_log.c.shop_at],
    )
