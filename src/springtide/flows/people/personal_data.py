"""Where the state may name a customer, and how such a place is told the new name.

Every text of every table is either here or is known to name none (a contract test keeps it so).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, Text, cast, or_, select, update

from springtide.domain.access.model import Shop
from springtide.domain.facts import queries as facts
from springtide.domain.ledger import queries as ledger
from springtide.domain.orders import queries as orders
from springtide.domain.outreach import queries as outreach
from springtide.domain.rewards import approvals
from springtide.domain.rewards import queries as rewards
from springtide.flows.timeline import planning
from springtide.kit import idempotency
from springtide.kit.db import Json, metadata

#: The rooms whose tables are named here: the tables are there once these are.
ROOMS = (facts, ledger, orders, outreach, rewards, approvals, planning, idempotency)

#: Table -> columns that may hold a customer's key, alone, in a composed name or in a document.
PLACES: Mapping[str, tuple[str, ...]] = {
    "fact_tail": ("external_id", "customer_key", "reference", "props"),
    "fact_keys": ("external_id",),
    "fact_imports": ("problem", "progress", "report"),
    "ledger_accounts": ("key", "owner"),
    "ledger_transfers": ("id", "source", "target", "reference", "customer_key"),
    "ledger_lots": ("id", "account"),
    "ledger_lot_uses": ("transfer_id", "lot_id"),
    "orders": ("customer_key", "decision", "price_inputs"),
    "outreaches": ("segment",),
    "messages": ("customer_key", "address", "problem"),
    "reward_claims": ("key", "customer_key", "granted"),
    "reward_groups": ("opened_by",),
    "reward_audience": ("customer_key",),
    "gifts": ("subject", "params", "reason"),
    "idempotency_answers": ("key", "scope", "answer"),
    "timeline_actions": ("target", "unique_key", "params", "receipt", "error", "progress_text"),
    "timeline_steps": ("name", "result"),
    "audit_log": ("subject", "before", "after"),
}
#: Tables changed in one transaction: an account without its lots and transfers would be none.
TOGETHER = ("ledger_accounts", "ledger_transfers", "ledger_lots", "ledger_lot_uses")
#: Columns that name movements of the ledger: many are called after an order.
_MOVEMENTS = frozenset(
    {
        ("ledger_transfers", "id"), ("ledger_transfers", "reference"), ("ledger_lots", "id"),
        ("ledger_lot_uses", "transfer_id"), ("ledger_lot_uses", "lot_id"),
    }
)  # fmt: skip
# Names in a document whose values are other things' keys, which may look the same.
_OTHERS = frozenset(
    {
        "order_key", "product_key", "sku_key", "campaign_key", "payment_key",
        "product_keys", "products", "lines", "heroes", "codes", "tags",
    }
)  # fmt: skip
# Names of maps by the keys of products.
_BY_PRODUCT = frozenset({"book", "prices", "stocks"})
# How ids of facts and of the ledger begin whose second part is the key of an order.
_OF_ORDERS = re.compile(r"(?:order|payment|refund|close|return)\w*:")
_BEFORE, _AFTER = r"(?<![^:\s/=,;|\"“])", r"(?![^:\s/=,;|\"”~])"


# How names begin that go on with the key of an order, or of what belongs to one.
_OF_OTHERS = re.compile(
    r"(?:back:)*(?:(?:order|payment|refund|repaid|close|return|earned|used|use|packet)\w*[: ]"
    r"|clm_\w+:use:)"
)


@dataclass(frozen=True, slots=True)
class Swap:
    """Old names of one person, each with what stands in its place.

    With ``is_shared`` an order or a product has the same key (shops number all three), and its
    names stay: they hold facts, movements and prices together, and tell of nobody.
    """

    names: Mapping[str, str]
    is_shared: bool = False

    def text(self, value: str) -> str:
        """Return a text with every old name in it replaced; part of a longer word is none.

        >>> Swap({"7": "x"}).text("points:7"), Swap({"7": "x"}).text("points:77")
        ('points:x', 'points:77')
        """
        if self.is_shared and _OF_OTHERS.match(value):
            return value
        for old, new in self.names.items():
            if value == old:
                return new
            if old not in value:
                continue
            head = _OF_ORDERS.match(value)
            kept = value[: len(head[0]) + len(old)] if head else ""
            if head and kept == head[0] + old:
                # The order is called as its buyer is: the order keeps its name.
                value = kept + self._within(value[len(kept) :], old, new)
            else:
                value = self._within(value, old, new)
        return value

    def movement(self, value: str) -> str:
        """Return the name of a movement of the ledger with every old name in it replaced."""
        if self.is_shared:
            for old in self.names:
                # Of the order of that key: its points, what it earned, what it refers to.
                if value.startswith((old, f"points:{old}", f"back:points:{old}")):
                    return value
        return self.text(value)

    def document(self, value: Any) -> Any:
        """Return a document with every old name in it replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.document(each) for each in value]
        if isinstance(value, dict):
            return {self.text(name): self._part(name, each, value) for name, each in value.items()}
        return value

    def _part(self, name: str, each: Any, whole: Mapping[str, Any]) -> Any:
        if self.is_shared and name in _BY_PRODUCT and isinstance(each, dict):
            return {key: self.document(inner) for key, inner in each.items()}
        # The key of what has a customer is its own; a list of keys is one of other things.
        is_key = name in _OTHERS or (name == "key" and "customer_key" in whole)
        is_keys = isinstance(each, str) or (
            isinstance(each, list) and all(isinstance(inner, str) for inner in each)
        )
        return each if is_key and is_keys else self.document(each)

    @staticmethod
    def _within(value: str, old: str, new: str) -> str:
        return re.sub(_BEFORE + re.escape(old) + _AFTER, lambda _: new, value)


def rows_naming(
    tx: Connection, name: str, *, shop: Shop, swap: Swap
) -> Iterator[tuple[ColumnElement[bool], dict[str, Any], dict[str, Any]]]:
    """Yield rows of a table that name the person: which row, what it holds, what it shall hold."""
    table = metadata.tables[name]
    columns = [table.c[each] for each in PLACES[name]]
    wanted = or_(
        *(
            cast(column, Text).contains(needle, autoescape=True)
            for column in columns
            for needle in _needles(swap)
        )
    )
    keys = _identity(table)
    for row in tx.execute(select(*keys, *columns).where(wanted, *_of_shop(table, shop))).mappings():
        before = {column.name: row[column] for column in columns}
        after = {
            column.name: swap.document(row[column])
            if isinstance(column.type, Json)
            else row[column] and _name(swap, table.name, column.name)(row[column])
            for column in columns
        }
        changed = {key: value for key, value in after.items() if value != before[key]}
        if changed:
            which = [key == row[key] for key in keys]
            yield _all(which), before, changed


def rename(tx: Connection, name: str, *, shop: Shop, swap: Swap) -> int:
    """Replace the old names in all rows of a table; return how many rows changed."""
    found = list(rows_naming(tx, name, shop=shop, swap=swap))
    for which, _, changed in found:
        tx.execute(update(metadata.tables[name]).where(which).values(changed))
    return len(found)


def _name(swap: Swap, table: str, column: str) -> Callable[[str], str]:
    return swap.movement if (table, column) in _MOVEMENTS else swap.text


def _identity(table: Table) -> list[Any]:
    keys = list(table.primary_key.columns)
    # The ledger's transfers have their order for a key, and no constraint of that name.
    return keys or [column for column in table.c if column.name in ("seq", "id", "shop_id")]


def _of_shop(table: Table, shop: Shop) -> list[ColumnElement[bool]]:
    if "shop_id" in table.c:
        return [table.c.shop_id == shop.id]
    return [table.c.shop == shop.slug] if "shop" in table.c else []


def _all(parts: list[Any]) -> ColumnElement[bool]:
    whole: ColumnElement[bool] = parts[0]
    for part in parts[1:]:
        whole = whole & part
    return whole


def _needles(swap: Swap) -> set[str]:
    written = {json.dumps(old)[1:-1] for old in swap.names}
    return set(swap.names) | written
