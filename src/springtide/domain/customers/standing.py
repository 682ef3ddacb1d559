"""Where customers stand, asked of the facts: recency, frequency, money; one customer's history."""

from collections.abc import Hashable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from springtide.analytics.rfm import CutPoints, Scorer, cut_points
from springtide.domain.access.model import Shop
from springtide.domain.customers.model import Activity, OrderLine, Standing, Standings
from springtide.domain.facts.kinds import said
from springtide.domain.facts.reader import FactReader
from springtide.kit.time import at_wall_time

# A line without an order key counts as an order of its own. Lines are put together to orders
# first: half the time of counting distinct keys.
_PER_CUSTOMER = """
select customer_key, sum(orders)::bigint, max(last_us), sum(money)::bigint
from (
    select customer_key,
           case when order_key is null then count(*) filter (where kind = $counted)
                else bool_or(kind = $counted)::bigint end as orders,
           max(epoch_us(occurred_at)) filter (where kind = $counted) as last_us,
           coalesce(sum(amount_minor) filter (where kind = $money), 0) as money
    from facts
    where shop = $shop and customer_key is not null
      and kind in ('order', 'payment') and occurred_at < $before::timestamptz
    group by customer_key, order_key
)
group by customer_key
"""

_HAS = "select 1 from facts where shop = $shop and kind = $kind and occurred_at < $before limit 1"

# One pass over the facts for the whole file: finding a customer's rows is what costs.
_HISTORY = """
select case when kind in ('order', 'payment', 'refund')
            then coalesce(order_key, source || ':' || external_id) end as key,
       min(epoch_us(occurred_at)),
       max(epoch_us(occurred_at)),
       bool_or(kind = 'order'),
       coalesce(sum(quantity) filter (where kind = 'order'), 0)::bigint,
       coalesce(sum(amount_minor) filter (where kind = 'order'), 0)::bigint,
       coalesce(sum(amount_minor) filter (where kind = 'payment'), 0)::bigint,
       coalesce(sum(amount_minor) filter (where kind = 'refund'), 0)::bigint,
       bool_or(source = 'simulated')
from facts
where shop = $shop and customer_key = $customer and kind not in (select unnest($ours::varchar[]))
group by 1 order by 2 desc, 1
"""


def standings(reader: FactReader, *, shop: Shop, as_of: date) -> Standings:
    """Return the standing of every customer who ordered, as of the end of a day of the shop.

    Recency is whole days from the last order's date to ``as_of``, frequency distinct orders,
    money what was paid (or ordered, where the facts hold no payments). Computed once for each
    state of the facts of these days.
    """
    before = at_wall_time(as_of + timedelta(days=1), time(0), shop.tz)
    version = reader.version(before=before)
    return _standings(reader, shop.slug, shop.zone_name, as_of, before, version)


def last_full_day(shop: Shop, now: datetime) -> date:
    """Return the day that pages and the API tell standings as of: yesterday.

    So tiers stay what they are while a day runs, and cost nothing however much it brings.
    """
    return now.astimezone(shop.tz).date() - timedelta(days=1)


@lru_cache(maxsize=4)
def _standings(
    reader: FactReader,
    slug: str,
    zone_name: str,
    as_of: date,
    before: datetime,
    _version: Hashable,
) -> Standings:
    tz = ZoneInfo(zone_name)
    money = "payment" if _has(reader, slug, "payment", before) else "order"
    counted = "order" if _has(reader, slug, "order", before) else "payment"
    rows = reader.rows(
        _PER_CUSTOMER,
        {"shop": slug, "counted": counted, "money": money, "before": before.isoformat()},
        before=before,
    )
    measured = [
        (key, orders, paid, _day(last_us, tz)) for key, orders, last_us, paid in rows if orders
    ]
    days = [(as_of - day).days for _, _, _, day in measured]
    cuts = CutPoints(
        cut_points(days), cut_points([m[1] for m in measured]), cut_points([m[2] for m in measured])
    )
    scorer, by_key = Scorer(cuts), {}
    for (key, orders, paid, day), recency in zip(measured, days, strict=True):
        got = scorer.scores(recency_days=recency, order_count=orders, money_minor=paid)
        by_key[key] = Standing(
            key, orders, paid, day, recency, got.recency, got.frequency, got.money, got.segment
        )
    return Standings(as_of, "paid" if money == "payment" else "ordered", cuts, by_key)


def money_kind(reader: FactReader, *, shop: Shop, before: datetime) -> str:
    """Return the kind of fact that counts as a customer's money: payment, or order without any."""
    return "payment" if _has(reader, shop.slug, "payment", before) else "order"


def _has(reader: FactReader, slug: str, kind: str, before: datetime) -> bool:
    params = {"shop": slug, "kind": kind, "before": before}
    return bool(reader.rows(_HAS, params, before=before))


def history_of(reader: FactReader, *, shop: Shop, key: str) -> tuple[Activity, list[OrderLine]]:
    """Return what one customer did in sum, and their orders, newest first.

    What we did to them (messages) does not count as theirs.
    """
    ours = list(said("is_ours"))
    rows = reader.rows(_HISTORY, {"shop": shop.slug, "customer": key, "ours": ours})
    orders = [
        OrderLine(name, _instant(first), quantity, ordered, paid, refunded, bool(simulated))
        for name, first, _, _, quantity, ordered, paid, refunded, simulated in rows
        if name is not None
    ]
    activity = Activity(
        first_seen_at=_instant(min(row[1] for row in rows)) if rows else None,
        last_seen_at=_instant(max(row[2] for row in rows)) if rows else None,
        order_count=sum(1 for row in rows if row[0] is not None and row[3]),
        ordered_minor=sum(order.ordered_minor for order in orders),
        paid_minor=sum(order.paid_minor for order in orders),
        refunded_minor=sum(order.refunded_minor for order in orders),
    )
    return activity, orders


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


@lru_cache(maxsize=100_000)
def _day(microseconds: int, tz: ZoneInfo) -> date:
    return _instant(microseconds).astimezone(tz).date()
