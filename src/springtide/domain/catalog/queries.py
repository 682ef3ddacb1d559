"""Reads of the catalog."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection, func, or_, select

from springtide.domain.catalog.model import Product
from springtide.domain.catalog.store import products as table
from springtide.kit.errors import NotFound

PAGE_LENGTH_MAX = 200
_KEYS_AT_ONCE = 5_000
# In the order of the fields of a Product.
_COLUMNS = (
    table.c.key,
    table.c.name,
    table.c.brand,
    table.c.category,
    table.c.department,
    table.c.attributes,
)


def product(tx: Connection, *, shop_id: UUID, key: str) -> Product:
    """Return one product; raise NotFound where the catalog holds none of this key."""
    found = products_by_keys(tx, shop_id=shop_id, keys=[key]).get(key)
    if found is None:
        raise NotFound(what="product", key=key)
    return found


def products_by_keys(tx: Connection, *, shop_id: UUID, keys: Iterable[str]) -> dict[str, Product]:
    """Return the products of some keys; keys the catalog does not hold are left out."""
    wanted = sorted(set(keys))
    found: dict[str, Product] = {}
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        some = wanted[start : start + _KEYS_AT_ONCE]
        query = select(*_COLUMNS).where(table.c.shop_id == shop_id, table.c.key.in_(some))
        found |= {row[0]: Product(*row) for row in tx.execute(query)}
    return found


def search_products(
    tx: Connection,
    *,
    shop_id: UUID,
    text: str = "",
    category: str | None = None,
    after_key: str | None = None,
    limit: int = 50,
) -> list[Product]:
    """Return products in the order of their keys, from after a key on.

    ``text`` is looked for in key, name, brand and category, without regard to case.
    """
    query = select(*_COLUMNS).where(table.c.shop_id == shop_id).order_by(table.c.key)
    if text:
        columns = (table.c.key, table.c.name, table.c.brand, table.c.category)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if category is not None:
        query = query.where(table.c.category == category)
    if after_key is not None:
        query = query.where(table.c.key > after_key)
    return [Product(*row) for row in tx.execute(query.limit(min(limit, PAGE_LENGTH_MAX)))]


def categories(tx: Connection, *, shop_id: UUID) -> list[tuple[str, int]]:
    """Return every category with its number of products, in the order of names."""
    query = (
        select(table.c.category, func.count())
        .where(table.c.shop_id == shop_id)
        .group_by(table.c.category)
        .order_by(table.c.category)
    )
    return [(name, number) for name, number in tx.execute(query)]


def departments(tx: Connection, *, shop_id: UUID) -> list[str]:
    """Return the names of all departments, in order."""
    query = (
        select(table.c.department)
        .where(table.c.shop_id == shop_id, table.c.department != "")
        .distinct()
        .order_by(table.c.department)
    )
    return list(tx.execute(query).scalars())


def keys_of_departments(tx: Connection, *, shop_id: UUID, departments: Iterable[str]) -> list[str]:
    """Return the keys of all products of some departments."""
    query = select(table.c.key).where(
        table.c.shop_id == shop_id, table.c.department.in_(list(departments))
    )
    return list(tx.execute(query).scalars())


def product_count(tx: Connection, *, shop_id: UUID) -> int:
    """Return how many products the catalog holds."""
    query = select(func.count()).select_from(table).where(table.c.shop_id == shop_id)
    return int(tx.execute(query).scalar_one())
