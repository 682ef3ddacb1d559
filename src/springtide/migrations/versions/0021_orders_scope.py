"""Reading orders has a scope of its own; keys that read them so far go on reading them."""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Json

revision = "0021"
down_revision = "0020"

_keys = sa.table("api_keys", sa.column("id", sa.Uuid), sa.column("scopes", Json))


def upgrade() -> None:
    """Add the scope to the keys that hold ``read``."""
    tx = op.get_bind()
    for key_id, scopes in tx.execute(sa.select(_keys.c.id, _keys.c.scopes)).all():
        if "read" in scopes and "orders:read" not in scopes:
            tx.execute(
                sa.update(_keys)
                .where(_keys.c.id == key_id)
                .values(scopes=sorted([*scopes, "orders:read"]))
            )
