"""Erasures of customers, and the one way in which the audit log may be rewritten: for them."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    """Create the tables; the audit log opens within a transaction that says it erases."""
    op.create_table(
        "customer_erasures",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("shop_id", sa.Uuid, nullable=False),
        sa.Column("old_key", sa.String(120)),
        sa.Column("old_email", sa.String(320)),
        sa.Column("new_key", sa.String(120), nullable=False),
        sa.Column("blocked_hash", sa.String(64)),
        sa.Column("asked_at", Instant, nullable=False),
        sa.Column("erased_at", Instant),
    )
    op.create_index("ix_customer_erasures_shop", "customer_erasures", ["shop_id", "blocked_hash"])
    op.create_table("audit_erasing", sa.Column("id", sa.Uuid, primary_key=True))
    if op.get_bind().dialect.name == "sqlite":
        op.execute("drop trigger audit_log_no_update")
        op.execute(
            "create trigger audit_log_no_update before update on audit_log "
            "when not exists (select 1 from audit_erasing) "
            "begin select raise(abort, 'the audit log is append-only'); end"
        )
        return
    op.execute(
        "create or replace function audit_log_is_append_only() returns trigger language plpgsql "
        "as $$ begin if tg_op = 'UPDATE' and exists (select 1 from audit_erasing) then "
        "return new; end if; raise exception 'the audit log is append-only'; end $$"
    )
