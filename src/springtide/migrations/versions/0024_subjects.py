"""What happened to one person's account is found in the audit log without reading all of it."""

from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Create the index."""
    op.create_index("ix_audit_log_subject_id", "audit_log", ["subject", "id"])
