"""The records of imports and the saved mappings, in the state database."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text, UniqueConstraint, Uuid

from springtide.domain.facts.model import KEY_LENGTH_MAX
from springtide.kit.db import Instant, Json, metadata

#: Every import of a file, with its counts in rows of the file.
imports = Table(
    "fact_imports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("shop", String(KEY_LENGTH_MAX), nullable=False),
    Column("file_name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("format", String(60)),
    Column("mapping", Json),
    Column("state", String(20), nullable=False),
    Column("stage", String(20), nullable=False),
    Column("read_count", BigInteger, nullable=False),
    Column("new_count", BigInteger, nullable=False),
    Column("changed_count", BigInteger, nullable=False),
    Column("unchanged_count", BigInteger, nullable=False),
    Column("rejected_count", BigInteger, nullable=False),
    Column("rejects_file", Text),
    Column("problem", Text),
    Column("started_at", Instant, nullable=False),
    Column("finished_at", Instant),
    Column("told_at", Instant),
    Column("progress", Json),
    Column("report", Json),
    Column("cancel_requested_at", Instant),
    Index("ix_fact_imports_shop_id", "shop_id", "started_at"),
    Index("ix_fact_imports_shop", "shop", "sha256"),
)


#: What the columns of a shop's own tables mean, with the header of the table it was said for.
mappings = Table(
    "import_mappings",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("shop_id", Uuid, nullable=False),
    Column("name", String(80), nullable=False),
    Column("document", Json, nullable=False),
    Column("header", Json, nullable=False),
    Column("changed_at", Instant, nullable=False),
    UniqueConstraint("shop_id", "name", name="uq_import_mappings_name"),
)
