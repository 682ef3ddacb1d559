"""The catalog's table."""

from sqlalchemy import Column, Index, String, Table, Uuid

from springtide.domain.catalog.model import KEY_LENGTH_MAX, TEXT_LENGTH_MAX
from springtide.kit.db import Instant, Json, metadata

products = Table(
    "products",
    metadata,
    Column("shop_id", Uuid, primary_key=True),
    Column("key", String(KEY_LENGTH_MAX), primary_key=True),
    Column("name", String(TEXT_LENGTH_MAX), nullable=False),
    Column("brand", String(TEXT_LENGTH_MAX), nullable=False),
    Column("category", String(TEXT_LENGTH_MAX), nullable=False),
    Column("department", String(TEXT_LENGTH_MAX), nullable=False),
    Column("attributes", Json, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Index("ix_products_shop_id_category_key", "shop_id", "category", "key"),
)
