"""Writes to the catalog."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.operations import record_audit
from springtide.domain.catalog.model import Product, Upserted, product_problems
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.catalog.store import products as table
from springtide.kit.db import insert_into
from springtide.kit.errors import N_, Invalid, Refusal

UPSERTED = AuditAction("catalog.upsert_products", N_("Products taken in"), AuditGroup.PRODUCTS)

_ROWS_AT_ONCE = 5_000
_PROBLEMS_SHOWN_MAX = 100


def upsert_products(act: Act, *, products: Iterable[Product]) -> Upserted:
    """Write products by their keys: new ones are added, changed ones replaced.

    Of two with one key the later wins. All or none: where any product cannot be kept, raises
    Invalid with fields such as ``products.3.name`` (callers who want the rest to go in leave
    those with ``product_problems`` out).
    """
    all_products = list(products)
    _refuse_bad(all_products)
    by_key = {product.key: product for product in all_products}
    # In one order for everybody: two batches of the same products do not wait in a ring.
    remaining = iter([by_key[key] for key in sorted(by_key)])
    new = changed = 0
    while some := list(islice(remaining, _ROWS_AT_ONCE)):
        stored = products_by_keys(
            act.tx, shop_id=act.shop.id, keys=[product.key for product in some]
        )
        differing = [product for product in some if stored.get(product.key) != product]
        _write(act.tx, act.shop.id, differing, act.now)
        changed += sum(product.key in stored for product in differing)
        new += sum(product.key not in stored for product in differing)
    done = Upserted(new=new, changed=changed, unchanged=len(by_key) - new - changed)
    if new or changed:
        record_audit(
            act.tx,
            shop=act.shop.id,
            actor=act.actor,
            action=UPSERTED,
            subject="products",
            after={"new": done.new, "changed": done.changed, "unchanged": done.unchanged},
        )
    return done


def _write(tx: Connection, shop_id: UUID, products: Sequence[Product], now: datetime) -> None:
    if not products:
        return
    statement: Any = insert_into(tx, table)
    replaced = ("name", "brand", "category", "department", "attributes", "updated_at")
    statement = statement.on_conflict_do_update(
        index_elements=["shop_id", "key"],
        set_={column: statement.excluded[column] for column in replaced},
    )
    tx.execute(
        statement,
        [
            {
                "shop_id": shop_id,
                "key": product.key,
                "name": product.name,
                "brand": product.brand,
                "category": product.category,
                "department": product.department,
                "attributes": product.attributes,
                "updated_at": now,
            }
            for product in products
        ],
    )


def _refuse_bad(products: Sequence[Product]) -> None:
    problems: dict[str, Refusal] = {}
    for index, product in enumerate(products):
        for field, problem in product_problems(product).items():
            problems[f"products.{index}.{field}"] = problem
        if len(problems) >= _PROBLEMS_SHOWN_MAX:
            break
    if problems:
        raise Invalid(problems)
