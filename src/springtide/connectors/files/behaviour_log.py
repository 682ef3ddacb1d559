"""Logs of behaviour in the shape of the UserBehavior data set, mostly without a header.

A row is one deed of a user: pv, fav, cart or buy, at Unix seconds. A buy is an order and a payment
whose money the log does not tell; the same deed in the same second is one.
"""

import re
from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import Check, Emit, Head, Note, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_NAMES = ("user", "item", "category", "behaviour", "time")
_KINDS = {
    "pv": "view", "click": "view", "fav": "favourite", "collect": "favourite", "cart": "cart",
    "buy": "order",
}  # fmt: skip
_HEADERS = (
    ("user_id", "item_id", "category_id", "behavior_type", "timestamp"),
    ("user_id", "item_id", "category_id", "behavior", "timestamp"),
    ("user_id", "item_id", "item_category", "behavior_type", "time"),
    ("user", "item", "category", "behavior", "timestamp"),
)
_SECONDS = re.compile(r"-?\d{1,10}")
_NO_MONEY = N_(
    "The log tells {orders} purchases, and of none what it cost: they count with no money."
)
_FAR = N_(
    "{count} rows are of days far from all others, such as {example}; they came in as they are."
)


class BehaviourLog:
    """A log of behaviour: user, item, category, behaviour, time."""

    kind: ClassVar[str] = "behaviour_log"
    label: ClassVar[str] = N_("Behaviour log")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 80 where the first rows are such deeds, with a header or without."""
        if _header(head) is not None:
            return 80
        rows = [row for row in head.rows if any(row)]
        return 80 if rows and all(map(_is_deed, rows)) else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the deeds and say how they are read."""
        header = _header(head)
        if header is not None:
            loaded = stage.load(head, head.row_with(set(header)) or 0)
            columns = [
                {name.strip(): column for name, column in loaded.items()}[name] for name in header
            ]
        elif any(map(_is_deed, head.rows)):
            columns = list(stage.load_bare(head, _NAMES).values())
        else:
            header_row(head, set(_HEADERS[0]))  # refuses it, and says what it has
            raise AssertionError("a file with the columns is read above")
        user, item, category, behaviour, time = columns
        whens = " ".join(f"when '{told}' then '{ours}'" for told, ours in _KINDS.items())
        found = {
            "buyer": values.text(*user),
            "item": values.text(*item),
            "category": values.text(*category),
            "deed": values.text(*behaviour),
            "kind": f"case lower(deed) {whens} end",
            **values.instants("moment", time, zone="UTC"),
            "second": "cast(epoch(moment) as bigint)",
            "order_key": "case when kind = 'order' then buyer || ':' || second end",
        }
        checks = (
            Check("user", N_("is missing"), "buyer is null"),
            Check("item", N_("is missing"), "item is null"),
            Check("behaviour", N_("is not a known kind of event"), "kind is null"),
            Check("time", N_("is not a possible time"), values.impossible("moment")),
        )
        return Reading(
            "behaviour_log",
            found,
            checks,
            (_emit("kind", "true"), _emit("'payment'", "kind = 'order'")),
            products=_PRODUCTS,
            customers="select buyer, null, null, null from good group by buyer",
            notes=(Note(_NO_MONEY, _PURCHASES), Note(_FAR, _FAR_AWAY)),
        )


def _header(head: Head) -> tuple[str, ...] | None:
    return next((names for names in _HEADERS if head.row_with(set(names)) is not None), None)


def _is_deed(row: tuple[str, ...]) -> bool:
    return (
        len(row) == len(_NAMES)
        and row[3].strip().lower() in _KINDS
        and _SECONDS.fullmatch(row[4].strip()) is not None
    )


def _emit(kind: str, where: str) -> Emit:
    return Emit(
        {
            "kind": kind,
            "external_id": fact_ids.build_of_sql(kind, "buyer", "item", "second"),
            "occurred_at": "moment",
            "customer_key": "buyer",
            "product_key": "item",
            "order_key": "order_key",
            "quantity": "case when kind = 'order' then 1 else 0 end",
        },
        where,
    )


_PRODUCTS = "select item, null, null, max(category), null, null from good group by item"
_PURCHASES = "select count(*) as orders from good where kind = 'order'"
_FAR_AWAY = """
select count(*) as count, cast(min(moment) as varchar) as example from good, (
    select quantile_cont(epoch(moment), 0.01) as first, quantile_cont(epoch(moment), 0.99) as last
    from good) where epoch(moment) not between first - 2592000 and last + 2592000"""
