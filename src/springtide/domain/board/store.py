"""The board's questions as SQL (DuckDB's dialect), put together with sqlglot; private to the room.

Values stand in the query as quoted literals, so that the definition page can show a query that an
analyst pastes and runs.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlglot import exp, parse_one

from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import PERSON, SIMULATED, Buyers, Counted, Metric, Ratio
from springtide.domain.board.ports import FactRows
from springtide.domain.facts.model import Given, months
from springtide.kit.time import Window

#: How far back an earlier payment makes a buyer a returning one (conventions of the trade).
LOOK_BACK = timedelta(days=365)
DIALECT = "duckdb"
#: The relation of those who bought before a window.
EARLIER = "earlier_buyers"
#: What a query is built with once, to be put right for each shop and window: no real shop or time.
_ANY_SHOP = "⟦any shop⟧"
_ANY_WINDOW = Window(datetime(9001, 1, 1, tzinfo=UTC), datetime(9002, 2, 2, tzinfo=UTC))

Query = exp.Select | exp.SetOperation


def condition(text: str) -> exp.Expr:
    """Parse a SQL condition or expression."""
    return parse_one(text, read=DIALECT)


def sql(query: exp.Expr) -> str:
    """Return a query's text, laid out for reading."""
    return query.sql(dialect=DIALECT, pretty=True)


def text(build: Callable[..., Query], shop: str, window: Window, *rest: Hashable) -> str:
    """Return the text of ``build(shop, window, *rest)``, building each sort of query only once.

    Putting a query together takes longer than answering it; only its shop and times differ.
    """
    real = dict(zip(_marks(_ANY_SHOP, _ANY_WINDOW), _marks(shop, window), strict=True))
    pattern = "|".join(re.escape(key) for key in real)
    return re.sub(pattern, lambda found: real[found[0]], _built(build, *rest))


def _marks(shop: str, window: Window) -> list[str]:
    """Return all that queries say of a shop and a window, as it is written in their texts."""
    starts, ends = window.starts_at, window.ends_at
    return [
        _quoted(shop),
        *(_quoted(month) for month in months(window)),
        *(_written(moment) for moment in (starts, ends)),
        str(int(starts.timestamp())),
    ]


def ask(
    reader: FactRows,
    build: Callable[..., Query],
    shop: str,
    window: Window,
    *rest: Hashable,
) -> list[tuple[Any, ...]]:
    """Answer ``build(shop, window, *rest)``; an answer stands while the facts of its window do."""
    return reader.rows(text(build, shop, window, *rest), before=window.ends_at)


def ask_buyers(reader: FactRows, shop: str, window: Window, seconds: int) -> list[tuple[Any, ...]]:
    """Answer ``buyers``; who bought before the window is worked out once for all of its day."""
    back = Window(window.starts_at - LOOK_BACK, window.starts_at)
    return reader.rows(
        text(buyers, shop, window, seconds),
        before=window.ends_at,
        given=Given(EARLIER, text(payers, shop, back), before=window.starts_at),
    )


@lru_cache(maxsize=256)
def _built(build: Callable[..., Query], *rest: Hashable) -> str:
    return build(_ANY_SHOP, _ANY_WINDOW, *rest).sql(dialect=DIALECT)


@lru_cache(maxsize=4_096)
def _quoted(value: str) -> str:
    return exp.Literal.string(value).sql(dialect=DIALECT)


def counted(kinds: Sequence[str]) -> tuple[type[Counted], ...]:
    """Return the counted metrics that the given kinds stand on, in a fixed order."""
    needed: dict[str, type[Counted]] = {}
    for kind in kinds:
        metric = METRICS[kind]
        for part in parts(metric):
            needed[part.kind] = part
    return tuple(needed[kind] for kind in sorted(needed))


def parts(metric: type[Metric]) -> tuple[type[Counted], ...]:
    """Return what a metric is made of."""
    if issubclass(metric, Counted):
        return (metric,)
    if issubclass(metric, Ratio):
        return (metric.over, metric.under)
    return ()


def aggregate(metric: type[Counted]) -> exp.Expr:
    """Return a counted metric as one aggregate over unfiltered rows."""
    if metric.distinct:
        return condition(f"count(distinct {metric.distinct}) filter (where {metric.behind})")
    return condition(f"coalesce(sum({metric.total}) filter (where {metric.behind}), 0)")


def within(shop: str, window: Window) -> exp.Expr:
    """Return the condition that a fact belongs to a shop and a half-open window.

    The months say nothing new, but spare opening the files of all others.
    """
    first, last = months(window)
    return exp.and_(
        exp.column("shop").eq(exp.Literal.string(shop)),
        exp.column("month") >= exp.Literal.string(first),
        exp.column("month") <= exp.Literal.string(last),
        exp.column("occurred_at") >= instant(window.starts_at),
        exp.column("occurred_at") < instant(window.ends_at),
    )


def instant(value: datetime) -> exp.Expr:
    """Return an instant as a SQL literal in UTC."""
    return exp.cast(exp.Literal.string(_written(value)), "timestamptz", dialect=DIALECT)


def _written(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00:00")


def bucket(window: Window, seconds: int) -> exp.Expr:
    """Return the number of the bucket, from the window's start, that a fact falls into."""
    start = int(window.starts_at.timestamp())
    return condition(f"cast(floor((epoch(occurred_at) - {start}) / {seconds}) as integer)")


def one_scan(shop: str, window: Window, metrics: Sequence[type[Counted]]) -> exp.Select:
    """Return one row with every metric, then for each whether it rests on simulated facts."""
    query = exp.select(*(aggregate(metric).as_(metric.kind) for metric in metrics))
    for metric in metrics:
        flag = condition(f"coalesce(bool_or({SIMULATED}) filter (where {metric.behind}), false)")
        query = query.select(flag.as_(f"{metric.kind}_simulated"))
    return query.from_("facts").where(within(shop, window))


@lru_cache(maxsize=256)
def states(shop: str, windows: tuple[Window, ...]) -> str:
    """Return the text of a query for (window's place, facts, sum of versions).

    Both stay while the facts of the window stay the same. Windows do not overlap and may come in
    any order; one without facts has no row.
    """
    edges = sorted(
        (
            (moment, place)
            for number, window in enumerate(windows)
            for moment, place in ((window.starts_at, -1), (window.ends_at, number))
        ),
        key=lambda edge: (edge[0], -edge[1]),
    )
    # The first edge that a fact lies before says where it lies: in a window, or between two.
    whens = " ".join(f"when at_us < {_microseconds(moment)} then {n}" for moment, n in edges)
    whole = Window(min(w.starts_at for w in windows), max(w.ends_at for w in windows))
    placed = (
        exp.select("epoch_us(occurred_at) as at_us", "version")
        .from_("facts")
        .where(within(shop, whole))
    )
    query = (
        exp.select(condition(f"case {whens} end").as_("place"))
        .select("count(*) as facts", "sum(version) as versions")
        .from_(placed.subquery("placed"))
        .group_by("place")
        .having("place >= 0")
    )
    return query.sql(dialect=DIALECT)


def _microseconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def by_bucket(
    shop: str, window: Window, metrics: Sequence[type[Counted]], seconds: int
) -> exp.Select:
    """Return one row a bucket with every metric of that bucket alone."""
    return (
        exp.select(bucket(window, seconds).as_("bucket"))
        .select(*(aggregate(metric).as_(metric.kind) for metric in metrics))
        .from_("facts")
        .where(within(shop, window))
        .group_by("bucket")
        .order_by("bucket")
    )


def by_day(
    shop: str, window: Window, metrics: Sequence[type[Counted]], zone_name: str
) -> exp.Select:
    """Return one row a day of the shop's zone with every metric of that day alone."""
    zone = exp.Literal.string(zone_name).sql(DIALECT)
    return (
        exp.select(condition(f"cast(timezone({zone}, occurred_at) as date)").as_("day"))
        .select(*(aggregate(metric).as_(metric.kind) for metric in metrics))
        .from_("facts")
        .where(within(shop, window))
        .group_by("day")
        .order_by("day")
    )


def growth(shop: str, window: Window, metrics: Sequence[type[Counted]], seconds: int) -> Query:
    """Return rows (metric, bucket, what the bucket adds) whose running sum is the number so far.

    A distinct key counts in the bucket where it was first seen, so that the sum is a union.
    """
    rows = (
        exp.select("*")
        .select(bucket(window, seconds).as_("bucket"))
        .from_("facts")
        .where(within(shop, window))
    )
    halves = [_growth_of(metric) for metric in metrics]
    query: Query = halves[0]
    for half in halves[1:]:
        query = exp.union(query, half, distinct=False)
    return query.with_("day", as_=rows)


def _growth_of(metric: type[Counted]) -> exp.Select:
    name = exp.Literal.string(metric.kind).as_("metric")
    if metric.distinct:
        first = (
            exp.select(condition(metric.distinct).as_("key"))
            .select(condition("min(bucket)").as_("bucket"))
            .from_("day")
            .where(condition(metric.behind))
            .group_by("key")
        )
        return (
            exp.select(name, "bucket", condition("count(key)").as_("added"))
            .from_(first.subquery("first_seen"))
            .group_by("bucket")
        )
    return (
        exp.select(name, "bucket", condition(f"sum({metric.total})").as_("added"))
        .from_("day")
        .where(condition(metric.behind))
        .group_by("bucket")
    )


def payers(shop: str, window: Window) -> exp.Select:
    """Return the distinct people who paid in a window."""
    return (
        exp.select(condition(PERSON).as_("person"))
        .distinct()
        .from_("facts")
        .where(within(shop, window), condition("kind = 'payment'"))
    )


def buyers(shop: str, window: Window, seconds: int) -> exp.Select:
    """Return rows (has bought before, bucket of the first payment, buyers, any simulated).

    Uses the relation ``earlier_buyers``: who paid in the 365 days before the window.
    """
    now_paying = (
        exp.select(condition(PERSON).as_("person"))
        .select(condition(f"min({bucket(window, seconds).sql(DIALECT)})").as_("bucket"))
        .select(condition(f"bool_or({SIMULATED})").as_("simulated"))
        .from_("facts")
        .where(within(shop, window), condition("kind = 'payment'"))
        .group_by("person")
    )
    return (
        exp.select(condition("earlier.person is not null").as_("has_bought_before"), "bucket")
        .select(condition("count(paying.person)").as_("buyers"))
        .select(condition("bool_or(simulated)").as_("simulated"))
        .from_(now_paying.subquery("paying"))
        .join(f"{EARLIER} as earlier", on="paying.person = earlier.person", join_type="left")
        .where(condition("paying.person is not null"))
        .group_by("has_bought_before", "bucket")
    )


def top_products(shop: str, window: Window, order: str, limit: int) -> exp.Select:
    """Return (product, paid, units, buyers) of the best-selling products of a window."""
    return (
        exp.select("product_key")
        .select(condition("sum(amount_minor)").as_("paid_minor"))
        .select(condition("sum(quantity)").as_("units"))
        .select(condition(f"count(distinct {PERSON})").as_("buyers"))
        .from_("facts")
        .where(within(shop, window), condition("kind = 'payment' and product_key is not null"))
        .group_by("product_key")
        .order_by(f"{order} desc", "product_key")
        .limit(limit)
    )


def sold(shop: str, window: Window, keys: tuple[str, ...]) -> exp.Select:
    """Return (product, units, paid) of some products over a window."""
    wanted = exp.column("product_key").isin(*(exp.Literal.string(key) for key in keys))
    return (
        exp.select("product_key")
        .select(condition("sum(quantity)").as_("units"))
        .select(condition("sum(amount_minor)").as_("paid_minor"))
        .from_("facts")
        .where(within(shop, window), condition("kind = 'payment'"), wanted)
        .group_by("product_key")
    )


def first_view(shop: str, window: Window) -> exp.Select:
    """Return when the first visit of a window was, in seconds since 1970."""
    return (
        exp.select(condition("epoch(min(occurred_at))"))
        .from_("facts")
        .where(within(shop, window), condition("kind = 'view'"))
    )


def definition(metric: type[Metric], shop: str, window: Window) -> exp.Select:
    """Return the query that gives a metric over a window, as an analyst would run it."""
    if issubclass(metric, Counted):
        return (
            exp.select(aggregate(metric).as_(metric.kind))
            .from_("facts")
            .where(within(shop, window))
        )
    if issubclass(metric, Ratio):
        over, under = aggregate(metric.over), aggregate(metric.under)
        scaled = over * exp.Literal.number(metric.scale) if metric.scale != 1 else over
        share = condition("round(1)")
        share.set(
            "this", exp.Div(this=scaled, expression=exp.func("nullif", under, condition("0")))
        )
        return exp.select(share.as_(metric.kind)).from_("facts").where(within(shop, window))
    if not issubclass(metric, Buyers):
        raise TypeError(f"{metric.kind} is of no known sort")
    earlier = payers(shop, Window(window.starts_at - LOOK_BACK, window.starts_at))
    counts = buyers(shop, window, 86_400).with_(EARLIER, as_=earlier)
    wanted = "has_bought_before" if metric.has_bought_before else "not has_bought_before"
    return (
        exp.select(condition("coalesce(sum(buyers), 0)").as_(metric.kind))
        .from_(counts.subquery("counted"))
        .where(condition(wanted))
    )


def behind(
    metric: type[Metric], shop: str, window: Window, product_key: str | None = None
) -> exp.Select:
    """Return the query over the facts that a metric rests on (no columns, no order yet)."""
    query = exp.select().from_("facts").where(within(shop, window), condition(metric.behind))
    if product_key is not None:
        query = query.where(exp.column("product_key").eq(exp.Literal.string(product_key)))
    return query
