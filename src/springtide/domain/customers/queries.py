"""Reads of the customer file: who they are, where they stand, what they did."""

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Text,
    cast,
    func,
    or_,
    select,
)

from springtide.domain.access.model import Shop
from springtide.domain.customers.model import (
    Customer,
    CustomersPage,
    Standing,
    Standings,
    UnknownPage,
)
from springtide.domain.customers.standing import (
    history_of,
    last_full_day,
    money_kind,
    standings,
)
from springtide.domain.customers.store import customers
from springtide.domain.facts.reader import FactReader
from springtide.kit.canonical import (
    to_json,
)
from springtide.kit.errors import NotFound

__all__ = [
    "customer",
    "customer_by_id",
    "customer_count",
    "customers_by_keys",
    "customers_page",
    "customers_with",
    "history_of",
    "last_full_day",
    "money_kind",
    "reachable_keys",
    "standings",
]

PAGE_LENGTH_MAX = 200
_KEYS_AT_ONCE = 5_000
_FOUND_MAX = 5_000

#: How the list may be ordered; each gives the sort value of a standing, best first.
SORTS: dict[str, Callable[[Standing], tuple[Any, ...]]] = {
    "money": lambda s: (-s.money_minor, s.customer_key),
    "orders": lambda s: (-s.order_count, s.customer_key),
    "recent": lambda s: (s.recency_days, s.customer_key),
    "key": lambda s: (s.customer_key,),
}


def customer(tx: Connection, *, shop_id: UUID, key: str) -> Customer:
    """Return a customer by the shop's own key; raise NotFound."""
    row = tx.execute(
        select(customers).where(customers.c.shop_id == shop_id, customers.c.key == key)
    ).one_or_none()
    if row is None:
        raise NotFound(what="customer", key=key[:60])
    return _customer(row)


def customer_by_id(tx: Connection, *, shop_id: UUID, customer_id: UUID) -> Customer:
    """Return a customer by id; raise NotFound, also for another shop's."""
    row = tx.execute(
        select(customers).where(customers.c.shop_id == shop_id, customers.c.id == customer_id)
    ).one_or_none()
    if row is None:
        raise NotFound(what="customer", key=str(customer_id))
    return _customer(row)


def customers_by_keys(
    tx: Connection, *, shop_id: UUID, keys: Collection[str]
) -> dict[str, Customer]:
    """Return the customers of these keys that are on file."""
    found: dict[str, Customer] = {}
    for batch in _batches(keys):
        rows = tx.execute(
            select(customers).where(customers.c.shop_id == shop_id, customers.c.key.in_(batch))
        )
        found.update({row.key: _customer(row) for row in rows})
    return found


def customers_after(tx: Connection, *, shop_id: UUID, after: str, limit: int) -> list[Customer]:
    """Return the customers on file by key, from after a key on."""
    query = select(customers).where(customers.c.shop_id == shop_id, customers.c.key > after)
    return [_customer(row) for row in tx.execute(query.order_by(customers.c.key).limit(limit))]


def customer_count(tx: Connection, *, shop_id: UUID) -> int:
    """Return how many customers are on file."""
    query = select(func.count()).select_from(customers).where(customers.c.shop_id == shop_id)
    return int(tx.execute(query).scalar_one())


def reachable_keys(tx: Connection, *, shop_id: UUID) -> set[str]:
    """Return the keys of all customers with an address who did not opt out."""
    rows = tx.execute(
        select(customers.c.key).where(
            customers.c.shop_id == shop_id,
            customers.c.email.is_not(None),
            customers.c.opted_out_at.is_(None),
        )
    )
    return set(rows.scalars())


def customers_with(tx: Connection, *, shop_id: UUID, attribute: str) -> Iterator[Customer]:
    """Yield the customers who did not opt out and whose file has an attribute."""
    query = select(customers).where(
        customers.c.shop_id == shop_id,
        customers.c.opted_out_at.is_(None),
        cast(customers.c.attributes, Text).contains(f"{to_json(attribute)}:", autoescape=True),
    )
    for row in tx.execute(query):
        found = _customer(row)
        if attribute in found.attributes:
            yield found


def customers_page(
    tx: Connection,
    *,
    reader: FactReader,
    shop: Shop,
    as_of: date,
    text: str = "",
    segment: str | None = None,
    sort: str = "money",
    after: str | None = None,
    limit: int = 50,
) -> CustomersPage:
    """Return one page of customers with their standing.

    ``text`` is looked for in key, name and email; ``segment`` keeps one tier. Customers without
    any order follow after all others, by key. ``after`` is the cursor of the page before.
    """
    limit, text = min(limit, PAGE_LENGTH_MAX), text.strip()
    ranked = standings(reader, shop=shop, as_of=as_of)
    ordered: Sequence[str] = _ordered(ranked, sort, segment)
    if text:
        matching = _matching(tx, shop.id, text)
        matching |= {key for key in ordered if text.lower() in key.lower()}
        ordered = [key for key in ordered if key in matching]
    part, place = _read_cursor(after, sort)
    keys: list[str] = []
    if part == "ranked":
        value = SORTS[sort]
        start = bisect_right(ordered, place, key=lambda key: value(ranked.by_key[key]))
        keys = list(ordered[start : start + limit + 1])
    silent = (
        []
        if segment
        else _without_orders(
            tx, shop.id, ranked, text, place[-1] if part == "silent" else "", limit + 1 - len(keys)
        )
    )
    total = len(ordered)
    if not segment and not text:
        total = max(total, customer_count(tx, shop_id=shop.id))
    elif not segment:
        total += len(matching - ranked.by_key.keys())
    return _page(tx, shop, ranked, [*keys, *silent], sort, limit, total)


def _page(
    tx: Connection,
    shop: Shop,
    ranked: Standings,
    keys: Sequence[str],
    sort: str,
    limit: int,
    total: int,
) -> CustomersPage:
    shown = keys[:limit]
    known = customers_by_keys(tx, shop_id=shop.id, keys=shown)
    # A customer of the facts who is on no file yet is shown by key, with an id that leads nowhere.
    rows = [
        (
            known.get(key) or Customer(UUID(int=0), shop.id, key, key, None),
            ranked.by_key.get(key),
        )
        for key in shown
    ]
    cursor = None
    if len(keys) > limit:
        last = ranked.by_key.get(shown[-1])
        place = ["silent", shown[-1]] if last is None else ["ranked", *SORTS[sort](last)]
        cursor = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
    return CustomersPage(rows, cursor, total)


def _read_cursor(cursor: str | None, sort: str) -> tuple[str, tuple[Any, ...]]:
    """Return the part of the list and the sort value after which a page begins."""
    if sort not in SORTS:
        raise UnknownPage()
    if not cursor:
        return "ranked", ()
    try:
        part, *place = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (ValueError, TypeError) as error:
        raise UnknownPage() from error
    kinds = [str] if part == "silent" or sort == "key" else [int, str]
    if part not in ("ranked", "silent") or [type(value) for value in place] != kinds:
        raise UnknownPage()
    return part, tuple(place)


@lru_cache(maxsize=16)
def _ordered(ranked: Standings, sort: str, segment: str | None) -> tuple[str, ...]:
    """Return the keys of one tier (or all) in order; kept, for the list is asked page by page."""
    chosen = (s for s in ranked.by_key.values() if segment is None or s.segment == segment)
    return tuple(s.customer_key for s in sorted(chosen, key=SORTS[sort]))


def _matching(tx: Connection, shop_id: UUID, text: str) -> set[str]:
    query = select(customers.c.key).where(customers.c.shop_id == shop_id, _contains(text))
    return set(tx.execute(query.limit(_FOUND_MAX)).scalars())


def _contains(text: str) -> ColumnElement[bool]:
    columns = (customers.c.key, customers.c.name, customers.c.email)
    return or_(*(column.icontains(text, autoescape=True) for column in columns))


def _without_orders(
    tx: Connection, shop_id: UUID, ranked: Standings, text: str, after: str, limit: int
) -> list[str]:
    """Return up to ``limit`` keys on file that have no standing, from after a key on."""
    found: list[str] = []
    while len(found) < limit:
        query = select(customers.c.key).where(
            customers.c.shop_id == shop_id, customers.c.key > after
        )
        if text:
            query = query.where(_contains(text))
        keys = list(tx.execute(query.order_by(customers.c.key).limit(_KEYS_AT_ONCE)).scalars())
        found += [key for key in keys if key not in ranked.by_key]
        if len(keys) < _KEYS_AT_ONCE:
            break
        after = keys[-1]
    return found[: max(limit, 0)]


def _batches(keys: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(keys)
    while batch := list(islice(remaining, _KEYS_AT_ONCE)):
        yield batch


def _customer(row: Row[Any]) -> Customer:
    return Customer(
        row.id, row.shop_id, row.key, row.name, row.email, row.opted_out_at, row.attributes
    )
