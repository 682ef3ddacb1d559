"""Orders as the facts tell them, whichever way these came: from files or from the shop itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from springtide.domain.facts import fact_ids
from springtide.domain.facts.reader import FactReader

#: What became of an order: by what was paid, paid back and closed.
STATES = ("unpaid", "paid", "closed", "partly_refunded", "refunded")
_FIRST = datetime.fromtimestamp(0, UTC)
# Shipping is a line without a product, whose id says so.
_SUMS = f"""
select source, order_key, max(customer_key) as customer_key,
    epoch_us(min(occurred_at) filter (kind = 'order')) as ordered,
    epoch_us(min(occurred_at) filter (kind = 'payment')) as paid_at,
    epoch_us(min(occurred_at) filter (kind = 'order_closed')) as closed_at,
    epoch_us(max(occurred_at) filter (kind = 'refund')) as refunded_at,
    max(json_extract_string(props, '$.status')) filter (kind = 'order') as status,
    count(*) filter (kind = 'order' and not {fact_ids.IS_SHIPPING}) as lines,
    coalesce(sum(quantity) filter (kind = 'order'), 0) as pieces,
    coalesce(sum(amount_minor) filter (kind = 'order' and not {fact_ids.IS_SHIPPING}), 0) as goods,
    coalesce(sum(amount_minor) filter (kind = 'order' and {fact_ids.IS_SHIPPING}), 0) as shipping,
    coalesce(sum(discount_minor) filter (kind = 'order'), 0) as discount,
    coalesce(sum(amount_minor) filter (kind = 'payment'), 0) as paid,
    coalesce(sum(amount_minor) filter (kind = 'refund'), 0) as refunded
from facts where shop = $shop and order_key is not null
    and kind in ('order', 'payment', 'refund', 'order_closed')
group by source, order_key having count(*) filter (kind = 'order') > 0"""
_STATE = """case when paid > 0 and refunded >= paid then 'refunded'
    when refunded > 0 then 'partly_refunded' when paid_at is not null then 'paid'
    when closed_at is not null then 'closed' else 'unpaid' end"""
_LIST = f"""
select *, {_STATE} as state from ({_SUMS})
where ($state is null or {_STATE} = $state) and ($source is null or source = $source)
order by ordered, source, order_key limit $limit"""


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order as its facts add up; money in minor units, ``status`` in the platform's words."""

    source: str
    order_key: str
    customer_key: str | None
    ordered_at: datetime
    paid_at: datetime | None
    closed_at: datetime | None
    refunded_at: datetime | None
    status: str | None
    line_count: int
    pieces: int
    goods_minor: int
    shipping_minor: int
    discount_minor: int
    paid_minor: int
    refunded_minor: int
    state: str


def order_summaries(
    reader: FactReader,
    *,
    shop: str,
    limit: int,
    state: str | None = None,
    source: str | None = None,
) -> Sequence[OrderSummary]:
    """Return a shop's orders, the oldest first; of one state (``STATES``) or source."""
    rows = reader.rows(_LIST, {"shop": shop, "state": state, "source": source, "limit": limit})
    return [
        OrderSummary(
            source=row[0],
            order_key=row[1],
            customer_key=row[2],
            ordered_at=_FIRST + timedelta(microseconds=row[3]),
            paid_at=_instant(row[4]),
            closed_at=_instant(row[5]),
            refunded_at=_instant(row[6]),
            status=row[7],
            line_count=int(row[8]),
            pieces=int(row[9]),
            goods_minor=int(row[10]),
            shipping_minor=int(row[11]),
            discount_minor=int(row[12]),
            paid_minor=int(row[13]),
            refunded_minor=int(row[14]),
            state=row[15],
        )
        for row in rows
    ]


def _instant(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _FIRST + timedelta(microseconds=microseconds)
