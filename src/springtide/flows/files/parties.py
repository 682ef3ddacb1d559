"""The products and customers that a file names, before its facts: facts name no one unknown."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import duckdb
from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Shop
from springtide.domain.catalog.model import Product, product_problems
from springtide.domain.catalog.operations import upsert_products
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.customers.model import CustomerEntry, checked_email
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.imports.ports import Reading
from springtide.kit.db import Database
from springtide.kit.text import BadEmail

_AT_ONCE = 5_000
# Written in one transaction: others who write wait no longer than for these.
_IN_ONE_GO = 20_000
_NAME_MAX = 300

Clock = Callable[[], datetime]


def bring_people(
    database: Database,
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    *,
    shop: Shop,
    actor: Actor,
    clock: Clock,
) -> tuple[int, int]:
    """Write products and customers, some thousands at a time; return how many were new and changed.

    They come in the order of their keys, so that the database's index grows at few places at a
    time: else each would cost more the more there are.

    Stopped in between, those written stay: the next import of the file finds them unchanged.
    """
    new = changed = 0
    for rows in _batches(connection, reading.products):
        now = clock()
        with database.write() as tx:
            found = _products(tx, shop.id, rows)
            done = upsert_products(Act(tx, shop, actor, now, now), products=found)
        new, changed = new + done.new, changed + done.changed
    for rows in _batches(connection, reading.customers):
        entries = [entry for row in rows if (entry := _customer(row))]
        now = clock()
        with database.write() as tx:
            brought = upsert_customers(Act(tx, shop, actor, now, now), entries=entries)
        new, changed = new + brought.new, changed + brought.changed
    return new, changed


def _batches(
    connection: duckdb.DuckDBPyConnection, query: str | None
) -> Iterator[list[tuple[Any, ...]]]:
    if query is None:
        return
    cursor = connection.execute(f"select * from ({query}) order by 1")
    while rows := cursor.fetchmany(_IN_ONE_GO):
        yield rows


def _products(tx: Connection, shop_id: UUID, rows: Sequence[tuple[Any, ...]]) -> list[Product]:
    """Return the products of a file; one without a name only fills a gap in the catalog."""
    nameless = [row[0] for row in rows if not row[1]]
    known: set[str] = set()
    for start in range(0, len(nameless), _AT_ONCE):
        keys = nameless[start : start + _AT_ONCE]
        known |= set(products_by_keys(tx, shop_id=shop_id, keys=keys))
    return [_product(row) for row in rows if row[1] or row[0] not in known]


def _product(row: tuple[Any, ...]) -> Product:
    key, name, brand, category, department, attributes = row
    product = Product(
        key,
        (name or key)[:_NAME_MAX],
        (brand or "")[:_NAME_MAX],
        (category or "")[:_NAME_MAX],
        (department or "")[:_NAME_MAX],
        json.loads(attributes) if attributes else {},
    )
    # What the catalog cannot keep (control characters) is left out; the key has been checked.
    return Product(key, key) if product_problems(product) else product


def _customer(row: tuple[Any, ...]) -> CustomerEntry | None:
    key, name, email, attributes = row
    try:
        address = checked_email(email) if email else None
    except BadEmail:
        address = None
    plain = name[:_NAME_MAX] if name and name.isprintable() else None
    return CustomerEntry(key, plain, address, json.loads(attributes) if attributes else None)
