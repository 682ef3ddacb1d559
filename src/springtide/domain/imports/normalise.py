"""A file's staged rows become facts, before these meet what is known.

Values are read from the staged rows and checked; rows that fail go to ``rejected``; the rest give
facts, which ``settling`` compares with the lake's.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import duckdb

from springtide.domain.facts.lake import MONTH
from springtide.domain.facts.model import COLUMNS, KEY_LENGTH_MAX, PROPS_LENGTH_MAX, QUANTITY_MAX
from springtide.domain.imports.ports import Check, Emit, Reading
from springtide.kit.errors import N_
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.sql import quoted

#: Keys of customers and products are also kept by their rooms, which take shorter ones.
SHORT_KEY_MAX = 120
_WORD = re.compile(r"\w+")
_CONTROL = r"'[\x00-\x1f\x7f]'"
# A number as a spreadsheet shows one that is too long for it: 1.23457E+17.
SCIENTIFIC = r"\d(\.\d+)?[eE]\+\d+"
_SUSPECT = r"'[\x00-\x1f\x7f]|\d[eE]\+\d'"
ROUNDED = N_(
    "a number that a spreadsheet has rounded: set the column to text there and export again"
)
COPY = N_("the same as an earlier row")
_KEYS = ("customer_key", "product_key", "order_key", "visitor_key", "sku_key")
_TIMELESS = "occurred_at is null"
_DEFAULTS = {"quantity": "0", "amount_minor": "0", "discount_minor": "0", "props": "'{}'"}


def validate(connection: duckdb.DuckDBPyConnection, reading: Reading) -> int:
    """Make the tables ``good`` (rows with their values) and ``emitted`` (their facts).

    Adds the rows that fail a check to ``rejected``, with the first problem of each. Returns how
    many rows were no data and left out.
    """
    names = "".join(f'"{name}", ' for name in _used(reading))
    kept = f"where ({reading.left_out}) is not true" if reading.left_out else ""
    connection.execute(
        f"create table valued as select row_no, {names}{_problem(reading.checks)} as problem "
        f"from ({_valued(connection, reading)}) {kept}"
    )
    left_out = 0
    if reading.left_out:
        ((left_out,),) = connection.execute(
            "select (select count(*) from staged) - (select count(*) from valued)"
        ).fetchall()
    for number, check in enumerate(reading.checks):
        connection.execute(
            "insert into rejected select row_no, $column, $reason, null from valued "
            "where problem = $number",
            {"column": check.column, "reason": check.reason, "number": number},
        )
    # Later checks reject more rows; what they reject is not good either.
    still = "problem is null and row_no not in (select row_no from rejected)"
    if reading.numbered:
        _number(connection, reading)
        connection.execute(
            "create view good as select valued.*, coalesce(turns.turn, 1) as turn from valued "
            f"left join turns on valued.row_no = turns.of_row where {still}"
        )
    else:
        connection.execute(f"create view good as select * from valued where {still}")
    if reading.derived:
        connection.execute(f"create table derived as {reading.derived}")
    parts = [_emitted(emit, reading) for emit in reading.emits]
    emitted = " union all ".join(parts) or _no_facts()
    # The month is kept: each month's file is written by a pass over the table.
    connection.execute(f"create table emitted as select *, {MONTH} as month from ({emitted})")
    _reject_unfit(connection, reading.labels)
    _reject_repeats(connection, reading.labels)
    order = "valued.order_key" if "order_key" in reading.values else "cast(null as varchar)"
    connection.execute(
        f"create temp table broken as select {order} as order_key, valued.row_no is null "
        "as is_lost from (select distinct row_no from rejected) as rejected "
        "left join valued on valued.row_no = rejected.row_no"
    )
    return int(left_out)


def forget_rows(connection: duckdb.DuckDBPyConnection, reading: Reading) -> Reading:
    """Drop all but the facts, and the products and customers to be written; they are less.

    Returns the reading with the queries of the tables that now hold these.
    """
    people: dict[str, str | None] = {"products": reading.products, "customers": reading.customers}
    for name, query in people.items():
        if query is not None:
            connection.execute(f"create temp table brought_{name} as {query}")
            people[name] = f"select * from brought_{name}"
    connection.execute("drop view good")
    for table in ("derived", "turns", "shared", "valued", "staged"):
        connection.execute(f"drop table if exists {table}")
    return replace(reading, products=people["products"], customers=people["customers"])


def _used(reading: Reading) -> list[str]:
    """Return the values that something is made of after the checks, in their order."""
    emitted = (text for emit in reading.emits for text in (*emit.columns.values(), emit.where))
    notes = (note.query for note in reading.notes)
    more = (reading.derived, reading.products, reading.customers, reading.state)
    said = " ".join((*emitted, *notes, *(text for text in more if text)))
    words = {*_WORD.findall(said), *reading.numbered, "order_key"}
    return [name for name in reading.values if name in words]


def _number(connection: duckdb.DuckDBPyConnection, reading: Reading) -> None:
    """Make ``turns``: the numbers of the rows that share their names; reject copies among them.

    Only such rows are put in order, as they are few.
    """
    named = ", ".join(reading.numbered)
    connection.execute(
        f"create temp table shared as select row_no as of_row, {named} from valued where "
        f"problem is null and hash({named}) in (select hash({named}) from valued "
        "where problem is null group by 1 having count(*) > 1)"
    )
    if reading.drops_copies and connection.execute("select 1 from shared limit 1").fetchall():
        cells = connection.execute("describe select * exclude (row_no) from staged").fetchall()
        everything = ", ".join(name for name, *_ in cells)
        connection.execute(
            "insert into rejected select row_no, '', ?, null from (select row_no, row_number() "
            f"over (partition by {everything} order by row_no) as copy "
            "from staged join shared on row_no = of_row) where copy > 1",
            [COPY],
        )
        connection.execute("delete from shared where of_row in (select row_no from rejected)")
    connection.execute(
        "create temp table turns as select of_row, "
        f"row_number() over (partition by {named} order by of_row) as turn from shared"
    )


def _valued(connection: duckdb.DuckDBPyConnection, reading: Reading) -> str:
    """Return the query for the values of every row, and the columns that the checks need.

    One subquery a value: an alias used in the same select would be written out in full at each
    place of its use, and expressions that use each other would grow without bound. Each subquery
    holds memory for every column that it hands on, so it hands on those that are needed above it.
    """
    described = connection.execute("describe select * from staged").fetchall()
    columns = {name for name, *_ in described} - {"row_no"}
    needed = columns & set(_WORD.findall(f"{_problem(reading.checks)} {reading.left_out}"))
    levels: list[tuple[str, str, list[str]]] = []
    for name, expression in reversed(list(reading.values.items())):
        levels.append((name, expression, sorted(needed)))
        needed |= columns & set(_WORD.findall(expression))
    query, known = "staged", ["row_no"]
    for name, expression, handed_on in reversed(levels):
        fields = ", ".join((*known, *handed_on))
        query = f'(select {fields}, {expression} as "{name}" from {query})'
        known.append(f'"{name}"')
    return f"select * from {query}"


def _problem(checks: tuple[Check, ...]) -> str:
    whens = " ".join(f"when {check.bad} then {number}" for number, check in enumerate(checks))
    return f"case {whens} end" if whens else "cast(null as integer)"


def _emitted(emit: Emit, reading: Reading) -> str:
    given = dict(emit.columns)
    given["source"] = quoted(reading.source)
    fields = ", ".join(
        f"cast({given.get(name, _DEFAULTS.get(name, 'null'))} as {type_}) as {name}"
        for name, type_ in COLUMNS.items()
        if name not in ("shop", "version")
    )
    rows = "derived" if reading.derived else "good"
    version = given.get("version", "null")
    return (
        f"select row_no, {fields}, cast({version} as integer) as version from {rows} "
        f"where {emit.where}"
    )


def _no_facts() -> str:
    fields = ", ".join(
        f"cast(null as {type_}) as {name}"
        for name, type_ in COLUMNS.items()
        if name not in ("shop", "version")
    )
    return (
        f"select cast(null as bigint) as row_no, {fields}, cast(null as integer) as version "
        "where false"
    )


def _reject_unfit(connection: duckdb.DuckDBPyConnection, labels: Mapping[str, str]) -> None:
    """Reject rows with a fact that the table cannot hold, whatever their format checked."""
    tests = [
        (name, N_("longer than {} characters").format(longest), f"length({name}) > {longest}")
        for name, longest in (
            ("customer_key", SHORT_KEY_MAX),
            ("product_key", SHORT_KEY_MAX),
            ("visitor_key", KEY_LENGTH_MAX),
            ("sku_key", KEY_LENGTH_MAX),
            ("order_key", KEY_LENGTH_MAX),
            ("source_path", KEY_LENGTH_MAX),
            ("campaign_key", KEY_LENGTH_MAX),
            ("reference", KEY_LENGTH_MAX),
            ("external_id", KEY_LENGTH_MAX),
            ("props", PROPS_LENGTH_MAX),
        )
    ]
    tests += [
        (name, N_("control characters"), f"regexp_matches({name}, {_CONTROL})") for name in _KEYS
    ]
    tests += [(name, ROUNDED, f"regexp_full_match({name}, '{SCIENTIFIC}')") for name in _KEYS]
    tests += [
        (name, N_("too large"), f"abs({name}) > {AMOUNT_MINOR_MAX}")
        for name in ("amount_minor", "discount_minor")
    ]
    tests.append(("quantity", N_("too large"), f"abs(quantity) > {QUANTITY_MAX}"))
    # Such as a line of an order whose first row, which tells when, was rejected.
    tests.append(("occurred_at", N_("the row that tells the time was rejected"), _TIMELESS))
    # One cheap look at all rows spares the long one where every row is fit.
    fit = " and ".join(f"({bad}) is not true" for _, _, bad in tests if "regexp" not in bad)
    keys = ", ".join(_KEYS)
    suspects = f"not ({fit}) or regexp_matches(concat_ws('', {keys}), {_SUSPECT})"
    if not connection.execute(f"select 1 from emitted where {suspects} limit 1").fetchall():
        return
    problem = _problem(tuple(Check(*test) for test in tests))
    connection.execute(
        f"create temp table unfit as select row_no, min({problem}) as problem from emitted "
        f"where {problem} is not null group by row_no"
    )
    for number, (column, reason, _) in enumerate(tests):
        connection.execute(
            "insert into rejected select row_no, ?, ?, null from unfit where problem = ?",
            [labels.get(column, column), reason, number],
        )
    connection.execute("delete from emitted where row_no in (select row_no from unfit)")


def _reject_repeats(connection: duckdb.DuckDBPyConnection, labels: Mapping[str, str]) -> None:
    """Reject rows whose fact an earlier row of the file has given already."""
    connection.execute(
        "create temp table twice as select hash(external_id) as id, min(row_no) as first "
        "from emitted group by 1 having count(*) > 1"
    )
    connection.execute(
        "create temp table repeated as select row_no, min(twice.first) as first "
        "from emitted join twice on hash(emitted.external_id) = twice.id "
        "where row_no > twice.first group by row_no"
    )
    connection.execute(
        "insert into rejected select row_no, ?, replace(?, '{}', cast(first as varchar)), null "
        "from repeated",
        [labels.get("external_id", "external_id"), N_("the same as row {}")],
    )
    connection.execute("delete from emitted where row_no in (select row_no from repeated)")
