"""Log-ins are counted by account and network together; browsers are known; sessions say where."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Create the tables anew whose rows live for hours; people log in once more."""
    # Kept for a day and counted in another way from now on.
    op.drop_table("log_in_attempts")
    op.create_table(
        "log_in_attempts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account", sa.String(254), nullable=False),
        sa.Column("network", sa.String(64), nullable=False),
        sa.Column("browser", sa.LargeBinary(32)),
        sa.Column("at", Instant, nullable=False),
        sa.Column("is_good", sa.Boolean, nullable=False),
    )
    op.create_index("ix_log_in_attempts_at", "log_in_attempts", ["at"])
    op.create_index("ix_log_in_attempts_account_at", "log_in_attempts", ["account", "at"])
    op.create_index("ix_log_in_attempts_network_at", "log_in_attempts", ["network", "at"])
    op.create_index(
        "ix_log_in_attempts_account_network_at", "log_in_attempts", ["account", "network", "at"]
    )
    op.create_table(
        "browsers",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("person_id", sa.Uuid, _person("browsers"), primary_key=True),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
    )
    op.create_index("ix_browsers_person_id", "browsers", ["person_id"])
    _sessions()


def _sessions() -> None:
    # A session lives for twelve hours at most; the old ones do not say where they are from.
    op.drop_table("sessions")
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("person_id", sa.Uuid, _person("sessions"), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("proved_at", Instant, nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(200), nullable=False),
        sa.Column("browser", sa.LargeBinary(32)),
    )
    op.create_index("ix_sessions_person_id", "sessions", ["person_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])


def _person(table: str) -> sa.ForeignKey:
    return sa.ForeignKey("people.id", name=op.f(f"fk_{table}_person_id"))
