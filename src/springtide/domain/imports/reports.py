"""What an import understood: columns, totals, days, states, and what a person should look at."""

import math
import re
from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

import duckdb

from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import Head, Reading
from springtide.kit.errors import N_
from springtide.kit.money import to_decimal
from springtide.kit.sql import quoted

DAYS_MAX = 800
_LISTED_MAX = 5
_NAMES_MAX = 200
_STATES_MAX = 50
_STAGED = re.compile(r"\bc\d+\b")
# Fewer orders say nothing about which are unusual.
_ENOUGH_ORDERS = 50
_SAMPLED = 1_000_000
_GAP_CHANCE_MAX = 0.001

_UNKNOWN_BUYERS = N_(
    "{count} of {orders} orders do not tell who bought (the file masks buyers or leaves them out): "
    "their buyers count as unknown."
)
_OUTLIERS = N_(
    "{count} orders are far larger than the others (the median is {median}); the largest: {orders}."
)
_GAPS = N_("There are no orders on {count} days in between, such as from {first} to {last}.")

#: What a report may say; one of an older release lacks some of it, and one without an end all.
_NOTHING: Mapping[str, Any] = {
    "container": None, "encoding": None, "source": None, "mapping": None, "used": (), "unused": (),
    "kinds": {}, "totals": {}, "days": (), "states": (), "measures": (), "warnings": (),
    "left_out": 0, "older": 0,
}  # fmt: skip
_NO_TOTALS = dict.fromkeys(
    (
        "orders", "lines", "pieces", "customers", "due_minor", "discount_minor", "shipping_minor",
        "paid_minor", "refunded_minor", "orders_paid", "orders_refunded",
    ),
    0,
) | {"first_at": None, "last_at": None}  # fmt: skip

# One row an order and kind of fact, and no more columns than are asked for by the order: of very
# many orders these are most of what the report costs.
_SUMS = """
create or replace temp table order_sums as
select kind, order_key, min(occurred_at) as first_at, max(customer_key) as customer_key,
    sum(quantity) as pieces, sum(amount_minor) as amount
from emitted where kind in ('order', 'payment', 'refund') group by kind, order_key
"""

_TOTALS = """
with facts as materialized (
    select count(*) filter (kind = 'order' and not {freight}) as lines,
        coalesce(sum(discount_minor) filter (kind = 'order'), 0) as discount,
        coalesce(sum(amount_minor) filter (kind = 'order' and {freight}), 0) as shipping,
        min(occurred_at) as first_at, max(occurred_at) as last_at
    from emitted)
select count(order_key) filter (kind = 'order') as orders,
    (select lines from facts) as lines,
    coalesce(sum(pieces) filter (kind = 'order'), 0) as pieces,
    count(distinct customer_key) filter (kind = 'order') as customers,
    coalesce(sum(amount) filter (kind = 'order'), 0) as due_minor,
    (select discount from facts) as discount_minor,
    (select shipping from facts) as shipping_minor,
    coalesce(sum(amount) filter (kind = 'payment'), 0) as paid_minor,
    coalesce(sum(amount) filter (kind = 'refund'), 0) as refunded_minor,
    count(order_key) filter (kind = 'payment') as orders_paid,
    count(order_key) filter (kind = 'refund') as orders_refunded,
    strftime((select first_at from facts), '%Y-%m-%dT%H:%M:%SZ') as first_at,
    strftime((select last_at from facts), '%Y-%m-%dT%H:%M:%SZ') as last_at
from order_sums
""".replace("{freight}", fact_ids.IS_SHIPPING)


def make_report(
    connection: duckdb.DuckDBPyConnection,
    reading: Reading,
    head: Head,
    names: Sequence[str],
    *,
    currency: str,
    zone: str,
) -> dict[str, Any]:
    """Return the report of a reading's facts, before they are compared with what is known.

    An order counts on the day of its first fact of a kind: ordered, paid, refunded; days are those
    of the shop's ``zone``, money is in minor units of its ``currency``. Looks at the tables
    ``emitted``, ``good`` and ``derived``; ``names`` are the file's columns.
    """
    connection.execute(_SUMS)
    totals = _one(connection, _TOTALS)
    days = _days(connection, zone)
    said = " ".join((*reading.values.values(), *(check.bad for check in reading.checks)))
    used = {int(name[1:]) for name in _STAGED.findall(said)}
    placed = list(enumerate(names[:_NAMES_MAX], start=1))
    kinds = connection.execute("select kind, count(*) from emitted group by 1 order by 1")
    return {
        "container": head.container,
        "encoding": head.encoding if head.container == "csv" else None,
        "source": reading.source,
        "used": [name for place, name in placed if place in used],
        "unused": [name for place, name in placed if place not in used],
        "kinds": dict(kinds.fetchall()),
        "totals": totals,
        "days": days[-DAYS_MAX:],
        "states": _states(connection, reading),
        "measures": _measures(connection),
        "warnings": [
            *_notes(connection, reading),
            *_unknown_buyers(connection),
            *_outliers(connection, totals["orders"], currency),
            *_gaps(days),
        ],
    }


def whole(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a stored report with all that a report has, whichever release wrote it."""
    return {**_NOTHING, **report, "totals": {**_NO_TOTALS, **report.get("totals", {})}}


def _one(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, Any]:
    cursor = connection.execute(query)
    names = [name for name, *_ in cursor.description or ()]
    row = cursor.fetchone()
    return dict(zip(names, map(_plain, row), strict=True)) if row else {}


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | bool) else int(value)


def _days(connection: duckdb.DuckDBPyConnection, zone: str) -> list[dict[str, Any]]:
    rows = connection.execute(
        f"select strftime(timezone({quoted(zone)}, first_at), '%Y-%m-%d') as day, "
        "count(order_key) filter (kind = 'order'), "
        "coalesce(sum(pieces) filter (kind = 'order'), 0), "
        "coalesce(sum(amount) filter (kind = 'order'), 0), "
        "coalesce(sum(amount) filter (kind = 'payment'), 0), "
        "coalesce(sum(amount) filter (kind = 'refund'), 0) "
        "from order_sums group by day order by day"
    ).fetchall()
    keys = ("orders", "pieces", "due_minor", "paid_minor", "refunded_minor")
    return [{"day": day, **dict(zip(keys, map(int, values), strict=True))} for day, *values in rows]


def _states(connection: duckdb.DuckDBPyConnection, reading: Reading) -> list[dict[str, Any]]:
    if reading.state is None:
        return []
    rows = "derived" if reading.derived else "good"
    found = connection.execute(
        f"select {reading.state} as state, count(distinct order_key) as orders from {rows} "
        f"group by 1 order by 2 desc, 1 limit {_STATES_MAX}"
    ).fetchall()
    return [{"state": state, "orders": orders} for state, orders in found]


def _measures(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    found = connection.execute(
        "select reference, json_extract_string(any_value(props), '$.unit'), "
        "sum(amount_minor + quantity), count(*), "
        "bool_and(json_extract_string(props, '$.adds_up') = 'true') "
        "from emitted where kind = 'measure' "
        f"group by 1 order by 1 limit {_NAMES_MAX}"
    ).fetchall()
    return [
        # What does not add up has no sum, unless there is but one value.
        {
            "name": name,
            "unit": unit,
            "rows": count,
            "sum": int(total) if adds or count == 1 else None,
        }
        for name, unit, total, count, adds in found
    ]


def _warning(text: str, **facts: Any) -> dict[str, Any]:
    return {"text": text, "facts": facts}


def _notes(connection: duckdb.DuckDBPyConnection, reading: Reading) -> list[dict[str, Any]]:
    found = []
    for note in reading.notes:
        cursor = connection.execute(note.query)
        names = [name for name, *_ in cursor.description or ()]
        row = cursor.fetchone()
        if row is not None and row[0]:
            found.append(_warning(note.text, **dict(zip(names, map(str, row), strict=True))))
    return found


def _unknown_buyers(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    ((orders, unknown),) = connection.execute(
        "select count(order_key), count(order_key) filter (customer_key is null) "
        "from order_sums where kind = 'order'"
    ).fetchall()
    return [_warning(_UNKNOWN_BUYERS, count=unknown, orders=orders)] if unknown else []


def _outliers(
    connection: duckdb.DuckDBPyConnection, orders: int, currency: str
) -> list[dict[str, Any]]:
    """Tell orders beyond Tukey's outer fence of the logarithms: Q3 + 3 (Q3 - Q1), 10 medians least.

    J. W. Tukey, Exploratory Data Analysis, 1977; of logarithms, since amounts are skewed. The
    quartiles of very many orders are those of a million of them: exact ones hold all in memory.
    """
    if orders < _ENOUGH_ORDERS:
        return []
    rows = connection.execute(
        "with sums as (select order_key, amount as due from order_sums "
        "where kind = 'order' and amount > 0), "
        "cuts as (select quantile_cont(ln(due), [0.25, 0.5, 0.75]) as q from sums "
        f"where hash(order_key) % {orders // _SAMPLED + 1} = 0) "
        "select order_key, due, count(*) over (), round(exp(q[2])) from sums, cuts "
        "where ln(due) > q[3] + 3 * (q[3] - q[1]) and due > 10 * exp(q[2]) "
        f"order by due desc, order_key limit {_LISTED_MAX}"
    ).fetchall()
    if not rows:
        return []
    listed = ", ".join(f"{key} ({to_decimal(int(due), currency):,})" for key, due, *_ in rows)
    _, _, count, median = rows[0]
    middle = f"{to_decimal(int(median), currency):,}"
    return [_warning(_OUTLIERS, count=count, median=middle, orders=listed)]


def _gaps(days: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell runs of days without orders that a Poisson process of their rate hardly leaves."""
    known = [day for day in days if day["orders"]]
    if len(known) < 7:
        return []
    mean = sum(day["orders"] for day in known) / len(known)
    runs: list[tuple[int, str, str]] = []
    for before, after in pairwise(known):
        missing = _ordinal(after["day"]) - _ordinal(before["day"]) - 1
        if missing > 0 and math.exp(-mean * missing) < _GAP_CHANCE_MAX:
            runs.append((missing, before["day"], after["day"]))
    if not runs:
        return []
    _, first, last = max(runs)
    return [_warning(_GAPS, count=sum(missing for missing, *_ in runs), first=first, last=last)]


def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()
