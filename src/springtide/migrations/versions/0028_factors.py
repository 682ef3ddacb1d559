"""Second factors: apps, passkeys, recovery codes; a shop may ask everybody for one."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    """Create the tables and add the column."""
    op.add_column(
        "shops",
        sa.Column("requires_second_factor", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    op.create_table(
        "factors",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, _person("factors"), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("used_at", Instant),
        sa.Column("secret", sa.Text),
        sa.Column("last_step", sa.BigInteger),
        sa.Column("credential_id", sa.LargeBinary(1023)),
        sa.Column("public_key", sa.LargeBinary),
        sa.Column("sign_count", sa.BigInteger),
        sa.UniqueConstraint("credential_id", name=op.f("uq_factors_credential_id")),
    )
    op.create_index("ix_factors_person_id", "factors", ["person_id"])
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("person_id", sa.Uuid, _person("recovery_codes"), nullable=False),
        sa.Column("used_at", Instant),
    )
    op.create_index("ix_recovery_codes_person_id", "recovery_codes", ["person_id"])
    op.create_table(
        "used_challenges",
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("at", Instant, nullable=False),
    )


def _person(table: str) -> sa.ForeignKey:
    return sa.ForeignKey("people.id", name=op.f(f"fk_{table}_person_id"))
