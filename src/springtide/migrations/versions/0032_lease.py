"""What a worker holds an action by is a lease; a claim is a customer's."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """Give the column the word of its module."""
    op.execute("alter table timeline_actions rename column claim to lease")
