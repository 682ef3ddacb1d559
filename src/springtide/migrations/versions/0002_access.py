"""Shops, people, memberships, sessions, API keys, the audit log and log-in attempts."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant, Json

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables of access."""
    _shops_and_people()
    _sessions_and_keys()
    _log()
    _keep_the_audit_log()


def _shops_and_people() -> None:
    op.create_table(
        "shops",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("slug", sa.String(60), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.Column("zone_name", sa.String(64), nullable=False),
        sa.Column("is_demo", sa.Boolean, nullable=False),
        sa.Column("clock_shows_at", Instant),
        sa.Column("clock_set_at", Instant),
        sa.Column("clock_speed", sa.Float),
        sa.Column("clock_stops_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.UniqueConstraint("slug", name=op.f("uq_shops_slug")),
    )
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.UniqueConstraint("email", name=op.f("uq_people_email")),
    )
    op.create_table(
        "memberships",
        sa.Column("shop_id", sa.Uuid, _to("memberships", "shop_id", "shops"), primary_key=True),
        sa.Column(
            "person_id", sa.Uuid, _to("memberships", "person_id", "people"), primary_key=True
        ),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_index("ix_memberships_person_id", "memberships", ["person_id"])


def _sessions_and_keys() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("person_id", sa.Uuid, _to("sessions", "person_id", "people"), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, _to("api_keys", "shop_id", "shops"), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("prefix", sa.String(20), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("is_publishable", sa.Boolean, nullable=False),
        sa.Column("scopes", Json, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant),
        sa.Column("revoked_at", Instant),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_keys_token_hash")),
    )
    op.create_index("ix_api_keys_shop_id", "api_keys", ["shop_id"])


def _log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, _to("audit_log", "shop_id", "shops")),
        sa.Column("at", Instant, nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.String(120), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("before", Json),
        sa.Column("after", Json),
    )
    op.create_index("ix_audit_log_shop_id_id", "audit_log", ["shop_id", "id"])
    op.create_table(
        "log_in_attempts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account", sa.String(254), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("at", Instant, nullable=False),
        sa.Column("is_good", sa.Boolean, nullable=False),
    )
    op.create_index("ix_log_in_attempts_account_at", "log_in_attempts", ["account", "at"])
    op.create_index("ix_log_in_attempts_address_at", "log_in_attempts", ["address", "at"])


def _keep_the_audit_log() -> None:
    # The log is append-only by the database itself, not only by the lack of code that edits it.
    if op.get_bind().dialect.name == "sqlite":
        for what in ("update", "delete"):
            op.execute(
                f"create trigger audit_log_no_{what} before {what} on audit_log "
                "begin select raise(abort, 'the audit log is append-only'); end"
            )
        return
    op.execute(
        "create function audit_log_is_append_only() returns trigger language plpgsql as "
        "$$ begin raise exception 'the audit log is append-only'; end $$"
    )
    op.execute(
        "create trigger audit_log_append_only before update or delete on audit_log "
        "for each row execute function audit_log_is_append_only()"
    )


def _to(table: str, column: str, other: str) -> sa.ForeignKey:
    return sa.ForeignKey(f"{other}.id", name=op.f(f"fk_{table}_{column}"))
